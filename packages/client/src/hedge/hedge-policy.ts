import type { HedgePolicy } from '@inmesh/core';
import { duration, ratio, refusal } from '../policy-checks.ts';

const defaultPercentile = 0.95;
const defaultMaxRatio = 0.05;

/** What is said over what is there: `null` is off, and each way to say the delay replaces the other. Throws `invalid_argument`. */
export function overrideHedge(
  base: HedgePolicy | null,
  over: Partial<HedgePolicy> | null | undefined,
): HedgePolicy | null {
  if (over === null) return null;
  if (over === undefined) return base;
  const { delayMs, percentile } = over;
  if (delayMs !== undefined && percentile !== undefined)
    throw refusal('hedge', 'by delayMs or by percentile', `${delayMs} and ${percentile}`);
  const maxRatio = over.maxRatio ?? base?.maxRatio ?? defaultMaxRatio;
  ratio('hedge.maxRatio', maxRatio);
  if (delayMs !== undefined) return fixed(delayMs, maxRatio);
  if (percentile === undefined && base?.delayMs !== undefined) return fixed(base.delayMs, maxRatio);
  return byPercentile(percentile ?? base?.percentile ?? defaultPercentile, maxRatio);
}

function fixed(delayMs: number, maxRatio: number): HedgePolicy {
  duration('hedge.delayMs', delayMs, 1);
  return Object.freeze({ delayMs, maxRatio });
}

function byPercentile(percentile: number, maxRatio: number): HedgePolicy {
  if (!(percentile > 0 && percentile < 1))
    throw refusal('hedge.percentile', 'above 0 and below 1', percentile);
  return Object.freeze({ percentile, maxRatio });
}

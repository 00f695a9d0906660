import type { Call, HedgePolicy } from '@inmesh/core';
import { isReplayable } from '../call-body.ts';
import { createRetryBudget, type RetryBudget } from '../retry-budget.ts';
import { LatencyQuantile } from './latency-quantile.ts';

/** Sooner than that the first attempt has not even had its chance (Finagle's). */
const minDelayMs = 1;

/** How long the budget remembers calls. */
const budgetMs = 10_000;

/** When the calls of one destination race a second attempt, and how many may. */
export class Hedging {
  readonly policy: HedgePolicy;
  /** Its own, so that hedging in slow times does not use up what retries need in bad ones. */
  readonly budget: RetryBudget;
  readonly #latency: LatencyQuantile | undefined;

  constructor(policy: HedgePolicy) {
    this.policy = policy;
    this.budget = createRetryBudget({
      ratio: policy.maxRatio,
      minPerSecond: 0,
      ttlMs: budgetMs,
    });
    this.#latency =
      policy.percentile === undefined ? undefined : new LatencyQuantile(policy.percentile);
  }

  /** `undefined`: not now, since it is not known yet what is slow. */
  delayMs(now: number): number | undefined {
    const delay = this.#latency === undefined ? this.policy.delayMs : this.#latency.at(now);
    return delay === undefined ? undefined : Math.max(minDelayMs, delay);
  }

  /** A call was answered so long after its first attempt began, by whichever attempt. */
  answered(latencyMs: number, now: number): void {
    this.#latency?.add(latencyMs, now);
  }
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * Whether two of it may be under way at once: it changes nothing (or its caller vouches for that),
 * it can be sent twice, and nobody above tries it again already.
 */
export function mayHedge(call: Call): boolean {
  const { options, method, body, upgrade, context } = call;
  if (upgrade !== undefined || (context?.attempt ?? 1) > 1 || options.maxRetries === 0)
    return false;
  return (options.idempotent ?? safeMethods.has(method)) && isReplayable(body);
}

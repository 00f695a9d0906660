import { latencyBuckets, type RolloutPlan } from '@inmesh/core';
import type { TrafficTotal } from '../graph/traffic-total.ts';
import { fisherTest, type Share } from './fisher-test.ts';

/** What the evidence says of the new version. */
export interface Judgement {
  readonly kind: 'too-few' | 'good' | 'suspect' | 'worse';
  /** For people, with the numbers. */
  readonly reason: string;
  readonly errorP: number | null;
  readonly latencyP: number | null;
}

/** A version that looks this much worse by chance once in twenty times is not trusted with more traffic yet. */
const suspicion = 0.05;
/** A call is slow when it took over an eighth longer than nine, or 99, of 100 calls to the old version. */
const slowness = [
  { ratio: 0.9, marginShare: 1 },
  { ratio: 0.99, marginShare: 0.2 },
] as const;

/** One thing that may be worse. */
interface Comparison {
  readonly what: string;
  readonly from: Share;
  readonly to: Share;
  readonly margin: number;
  readonly p: number;
}

/**
 * Compares both versions over the same time: error shares, and the shares of calls that are slow by
 * the old version's own measure, in body and tail. Each by Fisher's exact test, one-sided, and
 * counted only when the difference is above its margin, too: with enough calls, every difference
 * is significant.
 */
export function judge(from: TrafficTotal, to: TrafficTotal, plan: RolloutPlan): Judgement {
  const { minCalls, significance } = plan;
  if (from.calls < minCalls || to.calls < minCalls) {
    const reason = `too few calls to judge: ${from.calls} to the old version and ${to.calls} to the new one, ${minCalls} of each are needed`;
    return { kind: 'too-few', reason, errorP: null, latencyP: null };
  }
  const errors = compareErrors(from, to, plan);
  // Whoever compares several things is wrong more often: errors and latency share the chance, and so do the two of latency.
  const slow = slowness.map((measure) => compareSlowness(from, to, measure, plan));
  const latencyP = Math.min(1, 2 * Math.min(...slow.map(materialP)));
  const errorP = materialP(errors);
  const worst = [errors, ...slow].sort((a, b) => materialP(a) - materialP(b))[0] as Comparison;
  const p = Math.min(1, 2 * Math.min(errorP, latencyP));
  const kind = p < significance ? 'worse' : p < suspicion ? 'suspect' : 'good';
  return { kind, reason: reasonOf(kind, worst, p, from, to), errorP, latencyP };
}

function compareErrors(from: TrafficTotal, to: TrafficTotal, plan: RolloutPlan): Comparison {
  return compare('errors', share(from, from.errors), share(to, to.errors), plan.errorMargin);
}

function compareSlowness(
  from: TrafficTotal,
  to: TrafficTotal,
  { ratio, marginShare }: (typeof slowness)[number],
  plan: RolloutPlan,
): Comparison {
  // One bucket further than the quantile's own: what is within the same is not told apart.
  const bucket = bucketOfQuantile(from, ratio) + 1;
  const what = `calls slower than the old version's p${ratio * 100}`;
  const margin = plan.latencyMargin * marginShare;
  return compare(what, share(from, above(from, bucket)), share(to, above(to, bucket)), margin);
}

function compare(what: string, from: Share, to: Share, margin: number): Comparison {
  return { what, from, to, margin, p: fisherTest(from, to) };
}

function share({ calls }: TrafficTotal, hits: number): Share {
  return { hits, of: calls };
}

/** 1 when the difference is within the margin, however sure it is. */
function materialP({ from, to, margin, p }: Comparison): number {
  return to.hits / to.of - from.hits / from.of > margin ? p : 1;
}

function bucketOfQuantile({ calls, latencies }: TrafficTotal, ratio: number): number {
  let rank = Math.ceil(ratio * calls);
  for (let bucket = 0; bucket < latencyBuckets; bucket += 1) {
    rank -= latencies[bucket] as number;
    if (rank <= 0) return bucket;
  }
  return latencyBuckets - 1;
}

function above({ latencies }: TrafficTotal, bucket: number): number {
  let count = 0;
  for (let i = bucket + 1; i < latencyBuckets; i += 1) count += latencies[i] as number;
  return count;
}

function reasonOf(
  kind: Judgement['kind'],
  { what, from, to }: Comparison,
  p: number,
  oldTotal: TrafficTotal,
  newTotal: TrafficTotal,
): string {
  if (kind === 'good') {
    const errors = `${percent(share(newTotal, newTotal.errors))} errors against ${percent(share(oldTotal, oldTotal.errors))}`;
    return `no worse: ${errors}, p99 ${newTotal.quantileMs(0.99)} ms against ${oldTotal.quantileMs(0.99)} ms`;
  }
  const numbers = `${percent(to)} ${what} (${to.hits} of ${to.of}) against ${percent(from)} (${from.hits} of ${from.of})`;
  const chance = `by chance alone once in ${Math.round(1 / Math.max(p, 1e-9)).toLocaleString('en')} times`;
  return kind === 'worse' ? `worse: ${numbers}, ${chance}` : `may be worse: ${numbers}, ${chance}`;
}

function percent({ hits, of }: Share): string {
  return `${((100 * hits) / of).toFixed(2)} %`;
}

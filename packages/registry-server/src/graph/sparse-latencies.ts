import { latencyBucketMiddle } from '@inmesh/core';

/**
 * Latencies as reports have them: a bucket and its count in turn, buckets ascending
 * (`[40, 3, 48, 1]`). A second of one edge rarely has more than ten buckets, of 168.
 */
export type SparseLatencies = readonly number[];

/** The quantile of `latencies`, whose counts come to `calls`, in milliseconds; 0 without calls. `ratio` is 0..1. */
export function sparseQuantile(latencies: SparseLatencies, calls: number, ratio: number): number {
  let rank = Math.max(1, Math.ceil(ratio * calls));
  for (let i = 0; i < latencies.length; i += 2) {
    rank -= latencies[i + 1] as number;
    if (rank <= 0) return latencyBucketMiddle(latencies[i] as number);
  }
  return 0;
}

/** Adds `latencies` to counts by bucket. */
export function addLatencies(counts: Float64Array, latencies: SparseLatencies): void {
  for (let i = 0; i < latencies.length; i += 2) {
    (counts[latencies[i] as number] as number) += latencies[i + 1] as number;
  }
}

/** Adds `latencies` to `into` where that has all their buckets; `false`, and nothing added, where one is missing. */
export function addInPlace(into: number[], latencies: SparseLatencies): boolean {
  let at = 0;
  for (let i = 0; i < latencies.length; i += 2) {
    while (at < into.length && (into[at] as number) < (latencies[i] as number)) at += 2;
    if (into[at] !== latencies[i]) return false;
  }
  at = 0;
  for (let i = 0; i < latencies.length; i += 2) {
    while (into[at] !== latencies[i]) at += 2;
    (into[at + 1] as number) += latencies[i + 1] as number;
  }
  return true;
}

/** Both together, as a new list. */
export function mergeLatencies(a: SparseLatencies, b: SparseLatencies): number[] {
  const merged: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const bucketA = i < a.length ? (a[i] as number) : Number.POSITIVE_INFINITY;
    const bucketB = j < b.length ? (b[j] as number) : Number.POSITIVE_INFINITY;
    let count = 0;
    if (bucketA <= bucketB) {
      count += a[i + 1] as number;
      i += 2;
    }
    if (bucketB <= bucketA) {
      count += b[j + 1] as number;
      j += 2;
    }
    merged.push(Math.min(bucketA, bucketB), count);
  }
  return merged;
}

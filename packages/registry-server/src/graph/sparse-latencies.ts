/**
 * Latencies as reports have them: a bucket and its count in turn, buckets ascending
 * (`[40, 3, 48, 1]`). A second of one edge rarely has more than ten buckets, of 168.
 */
export type SparseLatencies = readonly number[];

/** Adds `latencies` to counts by bucket. */
export function addLatencies(counts: Float64Array, latencies: SparseLatencies): void {
  for (let i = 0; i < latencies.length; i += 2) {
    (counts[latencies[i] as number] as number) += latencies[i + 1] as number;
  }
}

/** Both together. Gives one of the two when the other is empty. */
export function mergeLatencies(a: SparseLatencies, b: SparseLatencies): SparseLatencies {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
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

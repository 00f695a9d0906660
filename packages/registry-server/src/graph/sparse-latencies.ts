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

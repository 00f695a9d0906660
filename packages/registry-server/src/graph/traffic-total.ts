import { latencyBuckets, latencyQuantile } from '@inmesh/core';
import { addLatencies, type SparseLatencies } from './sparse-latencies.ts';

/** What was counted together, from which rates and quantiles are read. */
export class TrafficTotal {
  calls = 0;
  errors = 0;
  readonly latencies: Float64Array = new Float64Array(latencyBuckets);

  add(calls: number, errors: number, latencies: SparseLatencies): void {
    this.calls += calls;
    this.errors += errors;
    addLatencies(this.latencies, latencies);
  }

  merge(other: TrafficTotal): void {
    this.calls += other.calls;
    this.errors += other.errors;
    for (const [bucket, count] of other.latencies.entries()) {
      (this.latencies[bucket] as number) += count;
    }
  }

  clear(): void {
    this.calls = 0;
    this.errors = 0;
    this.latencies.fill(0);
  }

  /** Milliseconds, to a hundredth; `null` without calls. `ratio` is 0..1. */
  quantileMs(ratio: number): number | null {
    const quantile = latencyQuantile(this.latencies, ratio);
    return quantile === undefined ? null : Math.round(quantile * 100) / 100;
  }
}

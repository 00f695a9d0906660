import { latencyBucketMiddle, latencyBuckets } from '@inmesh/core';
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
    return this.quantilesMs([ratio])[0] ?? null;
  }

  /** Those of `ratios`, which ascend, in one walk; none without calls. */
  quantilesMs(ratios: readonly number[]): number[] {
    const found: number[] = [];
    let calls = 0;
    for (let bucket = 0; bucket < latencyBuckets; bucket += 1) {
      calls += this.latencies[bucket] as number;
    }
    if (calls === 0) return found;
    let passed = 0;
    for (let bucket = 0; bucket < latencyBuckets && found.length < ratios.length; bucket += 1) {
      passed += this.latencies[bucket] as number;
      while (passed > 0 && found.length < ratios.length) {
        if (passed < (ratios[found.length] as number) * calls) break;
        found.push(Math.round(latencyBucketMiddle(bucket) * 100) / 100);
      }
    }
    return found;
  }
}

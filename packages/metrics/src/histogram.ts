/** Envoy's default histogram bounds, which Istio keeps: for milliseconds and for bytes alike. The bucket after the last is +Inf. */
export const bucketBounds: readonly number[] = Object.freeze([
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
  600_000, 1_800_000, 3_600_000,
]);

const infinityBucket = bucketBounds.length;
const lastBound = bucketBounds[infinityBucket - 1] as number;

/**
 * The first bucket that could hold a value, by the bits of its whole part. No two bounds lie within
 * one power of two, so one comparison decides the rest, where a binary search makes five.
 */
const firstBucket: Uint8Array = Uint8Array.from({ length: 33 }, (_, bits) => {
  const smallest = bits === 0 ? 0 : 2 ** (bits - 1);
  const index = bucketBounds.findIndex((bound) => smallest <= bound);
  return index < 0 ? infinityBucket : index;
});

/** The bounds once more, unboxed. */
const bounds: Float64Array = Float64Array.from(bucketBounds);

/** The bucket of `value` (0 or more): upper bounds belong to it, as Prometheus has it (`le`). */
export function bucketOf(value: number): number {
  if (value > lastBound) return infinityBucket;
  const bucket = firstBucket[32 - Math.clz32(value)] as number;
  return value > (bounds[bucket] as number) ? bucket + 1 : bucket;
}

/** `value` when it is a finite number from 0 up, else 0: a broken clock must not turn a sum into NaN for ever. */
export function measured(value: number): number {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : 0;
}

/** Counts by bucket, and the sum. All in one typed array, so that recording never allocates. */
export class Histogram {
  /** One count per bucket (not cumulative), then the sum. */
  readonly #values: Float64Array = new Float64Array(infinityBucket + 2);

  /** Counts a `measured` value and tells its bucket. */
  record(value: number): number {
    const values = this.#values;
    const bucket = bucketOf(value);
    (values[bucket] as number) += 1;
    (values[infinityBucket + 1] as number) += value;
    return bucket;
  }

  /** Values in one bucket, not cumulative. `bucketBounds.length` is the one to +Inf. */
  countAt(bucket: number): number {
    return this.#values[bucket] as number;
  }

  get count(): number {
    let count = 0;
    for (let bucket = 0; bucket <= infinityBucket; bucket += 1) count += this.countAt(bucket);
    return count;
  }

  get sum(): number {
    return this.#values[infinityBucket + 1] as number;
  }

  /** Adds `other` bucket by bucket. */
  add(other: Histogram): void {
    const from = other.#values;
    for (let i = 0; i < from.length; i += 1) (this.#values[i] as number) += from[i] as number;
  }

  clear(): void {
    this.#values.fill(0);
  }
}

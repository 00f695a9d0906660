/**
 * How latencies are counted wherever counts are added up: in the recorder's windows, in reports and
 * in the registry. Log-linear buckets, eight to each doubling, so that a quantile is at most 6 % off.
 * The unit is 1/64 ms (below 0.125 ms they are that wide); the last one takes everything from 131 s on.
 */

const unitsPerMs = 64;
const subBits = 3;
const subBuckets = 1 << subBits;
const octaves = 20;
const largestUnits = 2 ** (octaves + subBits) - 1;

/** How many there are: a bucket is a whole number from 0 to below this. */
export const latencyBuckets: number = subBuckets * (octaves + 1);

/** The bucket of a latency in milliseconds, 0 or more. */
export function latencyBucket(ms: number): number {
  const scaled = ms * unitsPerMs;
  const units = scaled < largestUnits ? scaled | 0 : largestUnits;
  if (units < subBuckets) return units;
  const shift = 31 - Math.clz32(units) - subBits;
  return (shift + 1) * subBuckets + ((units >> shift) - subBuckets);
}

/** The middle of a bucket, in milliseconds. */
export function latencyBucketMiddle(bucket: number): number {
  return middles[bucket] as number;
}

const middles = Float64Array.from({ length: latencyBuckets }, (_, bucket) => {
  const octave = bucket >> subBits;
  const place = bucket & (subBuckets - 1);
  if (octave === 0) return (place + 0.5) / unitsPerMs;
  return ((subBuckets + place + 0.5) * 2 ** (octave - 1)) / unitsPerMs;
});

/**
 * The quantile of `counts`, one per bucket, in milliseconds; `undefined` when they are all 0.
 * `ratio` is 0..1.
 */
export function latencyQuantile(counts: ArrayLike<number>, ratio: number): number | undefined {
  let total = 0;
  for (let bucket = 0; bucket < latencyBuckets; bucket += 1) total += counts[bucket] as number;
  if (total === 0) return undefined;
  let rank = Math.max(1, Math.ceil(ratio * total));
  for (let bucket = 0; bucket < latencyBuckets; bucket += 1) {
    rank -= counts[bucket] as number;
    if (rank <= 0) return latencyBucketMiddle(bucket);
  }
  return latencyBucketMiddle(latencyBuckets - 1);
}

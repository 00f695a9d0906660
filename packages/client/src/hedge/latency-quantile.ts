/** Each bucket is a tenth wider than the one before: no answer is off by more. */
const growth = 1.1;
const firstMs = 0.1;
/** Up to 25 minutes. */
const bucketCount = 174;
const logGrowth = Math.log(growth);

/** So many make a quantile worth asking for. */
const minSamples = 20;

/** What is older than one to two of them is forgotten. */
const generationMs = 10_000;

/** A quantile of the latencies of the last 10 to 20 seconds: constant time and memory. */
export class LatencyQuantile {
  readonly #ratio: number;
  #current = new Uint32Array(bucketCount);
  #previous = new Uint32Array(bucketCount);
  #count = 0;
  #previousCount = 0;
  #turnsAt = 0;
  /** What was found last, and of how many samples. */
  #found: number | undefined = undefined;
  #foundOf = 0;

  /** @param ratio Which quantile, within 0..1. */
  constructor(ratio: number) {
    this.#ratio = ratio;
  }

  add(latencyMs: number, now: number): void {
    if (now >= this.#turnsAt) this.#turn(now);
    const bucket = Math.ceil(Math.log(Math.max(latencyMs, firstMs) / firstMs) / logGrowth);
    const index = Math.min(bucket, bucketCount - 1);
    this.#current[index] = (this.#current[index] as number) + 1;
    this.#count += 1;
  }

  /** In milliseconds, the upper end of its bucket; `undefined` while too little is known. */
  at(now: number): number | undefined {
    if (now >= this.#turnsAt) this.#turn(now);
    const count = this.#count + this.#previousCount;
    if (count < minSamples) return undefined;
    // Every call asks, and one sample among hundreds moves nothing: one in 64 more, and it is looked for anew.
    if (this.#foundOf === 0 || count - this.#foundOf > count >> 6) {
      this.#found = this.#find(this.#ratio * count);
      this.#foundOf = count;
    }
    return this.#found;
  }

  #find(rank: number): number | undefined {
    let below = 0;
    for (let i = 0; i < bucketCount; i += 1) {
      below += (this.#current[i] as number) + (this.#previous[i] as number);
      if (below >= rank) return firstMs * growth ** i;
    }
    return undefined;
  }

  #turn(now: number): void {
    const isRecent = now < this.#turnsAt + generationMs;
    [this.#current, this.#previous] = [this.#previous, this.#current];
    this.#current.fill(0);
    if (!isRecent) this.#previous.fill(0);
    this.#previousCount = isRecent ? this.#count : 0;
    this.#count = 0;
    this.#foundOf = 0;
    this.#turnsAt = now + generationMs;
  }
}

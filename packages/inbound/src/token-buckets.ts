interface Bucket {
  tokens: number;
  filledAt: number;
}

/** Token buckets by key, at most `maxKeys`: whoever makes keys up must not fill the memory. */
export class TokenBuckets {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #maxKeys: number;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecond: number, burst: number, maxKeys: number) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token and gives 0, or gives the milliseconds until there is one. */
  take(key: string, now: number): number {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) bucket = { tokens: this.#burst, filledAt: now };
    else this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    const filled = bucket.tokens + Math.max(0, now - bucket.filledAt) * this.#perMs;
    bucket.tokens = Math.min(this.#burst, filled);
    bucket.filledAt = now;
    this.#forget(now);
    if (bucket.tokens < 1) return (1 - bucket.tokens) / this.#perMs;
    bucket.tokens -= 1;
    return 0;
  }

  /** Full ones say nothing and go first, two at a time so that it ends; beyond `maxKeys` the one unused longest goes. */
  #forget(now: number): void {
    let looked = 0;
    for (const [key, { tokens, filledAt }] of this.#buckets) {
      const isFull = tokens + (now - filledAt) * this.#perMs >= this.#burst;
      if (!isFull && this.#buckets.size <= this.#maxKeys) return;
      if (looked >= 2 || this.#buckets.size === 1) return;
      this.#buckets.delete(key);
      looked += 1;
    }
  }
}

import { latencyBucket, latencyBuckets } from '@inmesh/core';

/** How long each half of what is kept is added to: together, the last half minute to minute. */
const halfMs = 30_000;

/** How long runs took lately, as counts by `latencyBucket`: bounded, and cheap to add to. */
export class RecentLatencies {
  #present: Uint32Array = new Uint32Array(latencyBuckets);
  #past: Uint32Array = new Uint32Array(latencyBuckets);
  /** When the present half becomes the past one. */
  #turnsAt: number | undefined;

  add(ms: number, now: number): void {
    this.#turn(now);
    (this.#present[latencyBucket(ms)] as number) += 1;
  }

  /** One count for each bucket. */
  read(now: number): readonly number[] {
    this.#turn(now);
    return Array.from(this.#present, (count, bucket) => count + (this.#past[bucket] as number));
  }

  #turn(now: number): void {
    this.#turnsAt ??= now + halfMs;
    if (now < this.#turnsAt) return;
    const late = now - this.#turnsAt >= halfMs;
    [this.#present, this.#past] = [this.#past.fill(0), this.#present];
    if (late) this.#past.fill(0);
    this.#turnsAt = now + halfMs;
  }
}

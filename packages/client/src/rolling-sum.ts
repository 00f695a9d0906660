/** Ten, as Hystrix: what leaves the window leaves in steps of a tenth of it. */
const bucketCount = 10;

/** A sum over the last `windowMs`, in buckets: constant time and memory, whatever the traffic. */
export class RollingSum {
  readonly #bucketMs: number;
  readonly #buckets = new Float64Array(bucketCount);
  #current = 0;
  #turnsAt = 0;
  #total = 0;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / bucketCount;
  }

  add(amount: number, now: number): void {
    if (now >= this.#turnsAt) this.#turn(now);
    this.#buckets[this.#current] = (this.#buckets[this.#current] as number) + amount;
    this.#total += amount;
  }

  total(now: number): number {
    if (now >= this.#turnsAt) this.#turn(now);
    return this.#total;
  }

  clear(): void {
    this.#buckets.fill(0);
    this.#total = 0;
  }

  #turn(now: number): void {
    const steps = Math.floor((now - this.#turnsAt) / this.#bucketMs) + 1;
    this.#turnsAt += steps * this.#bucketMs;
    for (let step = Math.min(steps, bucketCount); step > 0; step -= 1) {
      this.#current = (this.#current + 1) % bucketCount;
      this.#buckets[this.#current] = 0;
    }
    // Summed anew, so that rounding of fractions cannot pile up over months.
    this.#total = 0;
    for (const bucket of this.#buckets) this.#total += bucket;
  }
}

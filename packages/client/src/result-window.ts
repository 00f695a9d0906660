/** What is older than one to two of them is forgotten; with both, Envoy's interval of 10 s at the most. */
const generationMs = 5_000;

/** Requests and failures of one endpoint over the last 5 to 10 seconds: a few numbers, whatever the traffic. */
export class ResultWindow {
  #requests = 0;
  #failures = 0;
  #requestsBefore = 0;
  #failuresBefore = 0;
  #turnsAt = 0;

  add(failed: boolean, now: number): void {
    if (now >= this.#turnsAt) this.#turn(now);
    this.#requests += 1;
    if (failed) this.#failures += 1;
  }

  requests(now: number): number {
    if (now >= this.#turnsAt) this.#turn(now);
    return this.#requests + this.#requestsBefore;
  }

  failures(now: number): number {
    if (now >= this.#turnsAt) this.#turn(now);
    return this.#failures + this.#failuresBefore;
  }

  clear(): void {
    this.#requests = 0;
    this.#failures = 0;
    this.#requestsBefore = 0;
    this.#failuresBefore = 0;
  }

  #turn(now: number): void {
    const isRecent = now < this.#turnsAt + generationMs;
    this.#requestsBefore = isRecent ? this.#requests : 0;
    this.#failuresBefore = isRecent ? this.#failures : 0;
    this.#requests = 0;
    this.#failures = 0;
    this.#turnsAt = now + generationMs;
  }
}

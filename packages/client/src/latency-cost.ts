/** What an endpoint costs whose very first request failed: its speed is unknown and its failing is not. */
const firstFailureMs = 1_000;

/** How much one result moves the share of failures: five failures in a row make it a half. */
const failureWeight = 1 / 8;

/** However much it fails, it keeps a 16th of its success share, so that recovery is seen. */
const minSuccessRatio = 1 / 16;

/**
 * How much a better answer counts at least, however soon it follows: some sixty of them outweigh a
 * peak. Else a stall of the whole machine, or one pause for garbage collection, would make a busy
 * endpoint look for a whole decay time like one that is really slow.
 */
const minSuccessWeight = 1 / 32;

/** After so many decay times nothing that was measured says anything of now. */
const forgottenAfterDecays = 5;

/**
 * What a request to an endpoint costs, judged by the last ones: Finagle's peak EWMA of latency,
 * raised by failures. A latency above the average replaces it at once and is forgotten slowly, by
 * time or by better answers, so one slow answer is enough to be avoided; unused, the cost fades, so
 * the endpoint is tried again.
 *
 * A failure never makes an endpoint look faster, however fast it fails: it holds the average up and
 * multiplies the cost by 1 / success-ratio^2.
 */
export class LatencyCost {
  decayMs: number;
  #averageMs = 0;
  #measuredAt = 0;
  #failureRatio = 0;

  constructor(decayMs: number) {
    this.decayMs = decayMs;
  }

  /** In milliseconds; 0 when nothing is known. */
  at(now: number): number {
    if (this.#averageMs === 0) return 0;
    const age = now - this.#measuredAt;
    if (age <= 0) return this.#raised(this.#averageMs);
    if (age > forgottenAfterDecays * this.decayMs) return 0;
    return this.#raised(this.#averageMs * Math.exp(-age / this.decayMs));
  }

  succeeded(latencyMs: number, now: number): void {
    this.#forgetIfOld(now);
    if (latencyMs >= this.#averageMs) {
      this.#averageMs = latencyMs;
    } else {
      const age = Math.max(0, now - this.#measuredAt);
      const kept = Math.min(Math.exp(-age / this.decayMs), 1 - minSuccessWeight);
      this.#averageMs = this.#averageMs * kept + latencyMs * (1 - kept);
    }
    this.#measuredAt = now;
    if (this.#failureRatio === 0) return;
    this.#failureRatio *= 1 - failureWeight;
    if (this.#failureRatio < 0.001) this.#failureRatio = 0;
  }

  failed(latencyMs: number, now: number): void {
    this.#forgetIfOld(now);
    const known = this.#averageMs === 0 ? firstFailureMs : this.#averageMs;
    this.#averageMs = Math.max(known, latencyMs);
    this.#measuredAt = now;
    this.#failureRatio += (1 - this.#failureRatio) * failureWeight;
  }

  #raised(ms: number): number {
    if (this.#failureRatio === 0) return ms;
    const successRatio = Math.max(minSuccessRatio, 1 - this.#failureRatio);
    return ms / (successRatio * successRatio);
  }

  #forgetIfOld(now: number): void {
    if (now - this.#measuredAt <= forgottenAfterDecays * this.decayMs) return;
    this.#averageMs = 0;
    this.#failureRatio = 0;
  }
}

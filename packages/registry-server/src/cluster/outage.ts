import type { Clock, Timer } from '@inmesh/core';

/**
 * The time in which this server may know less than its clients and the other servers do: from when
 * the store went away until everybody has had the time to say what happened meanwhile.
 */
export class Outage {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #onOver: () => void;
  #active = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, graceMs: number, onOver: () => void) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#onOver = onOver;
  }

  get active(): boolean {
    return this.#active;
  }

  begin(): void {
    this.#active = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The store is back: it is over some time later, unless it goes away again. */
  end(): void {
    if (!this.#active || this.#timer !== undefined) return;
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = undefined;
      this.#active = false;
      this.#onOver();
    }, this.#graceMs);
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

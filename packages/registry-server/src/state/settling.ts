import type { Clock, Timer } from '@inmesh/core';

/**
 * The time after a start in which the server knows less than its clients do: they keep what they
 * had until everybody had one TTL to come back.
 */
export class Settling {
  readonly #clock: Clock;
  readonly #durationMs: number;
  #until = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, durationMs: number) {
    this.#clock = clock;
    this.#durationMs = durationMs;
  }

  start(onSettled: () => void): void {
    if (this.#durationMs === 0) return;
    this.#until = this.#clock.now() + this.#durationMs;
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = undefined;
      onSettled();
    }, this.#durationMs);
  }

  get active(): boolean {
    return this.#timer !== undefined;
  }

  get remainingMs(): number {
    return this.active ? Math.max(0, Math.ceil(this.#until - this.#clock.now())) : 0;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

import type { Clock, Timer } from '@inmesh/core';

export interface WatchdogOptions {
  readonly clock: Clock;
  /** Silence longer than this ends it. */
  readonly limitMs: number;
  readonly onSilent: () => void;
}

/**
 * Notices a stream that is open and dead. Hearing something is one assignment; a timer looks only
 * as often as it must.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #heardAt: number;
  #timer: Timer;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#heardAt = options.clock.now();
    this.#timer = this.#arm(options.limitMs);
  }

  heard(): void {
    this.#heardAt = this.#options.clock.now();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #arm(delayMs: number): Timer {
    const dueAt = this.#options.clock.now() + delayMs;
    return this.#options.clock.setTimer(() => this.#look(dueAt), delayMs);
  }

  #look(dueAt: number): void {
    const { clock, limitMs, onSilent } = this.#options;
    const now = clock.now();
    const leftMs = this.#heardAt + limitMs - now;
    // A timer that is this late means that the process was blocked, and what the server sent
    // meanwhile is still unread in the socket: let it be read first.
    const lateMs = now - dueAt;
    if (leftMs > 0) this.#timer = this.#arm(leftMs);
    else if (lateMs > limitMs / 3) this.#timer = this.#arm(limitMs / 3);
    else onSilent();
  }
}

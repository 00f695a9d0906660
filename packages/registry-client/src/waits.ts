import { type Clock, MeshError, type Timer } from '@inmesh/core';

interface Wait {
  readonly holds: () => boolean;
  readonly timer: Timer;
  resolve(): void;
  reject(error: MeshError): void;
}

/** Callers that wait for something to become true, each with its own patience. */
export class Waits {
  readonly #clock: Clock;
  readonly #waits = new Set<Wait>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves once `holds`, asked now and at each `check()`; rejects with `late()` after `timeoutMs`. */
  until(holds: () => boolean, timeoutMs: number, late: () => MeshError): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(
        () => {
          this.#waits.delete(wait);
          reject(late());
        },
        timeoutMs,
        { keepAlive: true }, // whoever awaits this is not done, though nothing else may be running
      );
      const wait: Wait = { holds, timer, resolve, reject };
      this.#waits.add(wait);
    });
  }

  /** Something changed. */
  check(): void {
    for (const wait of this.#waits) {
      if (wait.holds()) this.#settle(wait, () => wait.resolve());
    }
  }

  close(): void {
    const error = new MeshError('closed', 'registry client: closed');
    for (const wait of this.#waits) this.#settle(wait, () => wait.reject(error));
  }

  #settle(wait: Wait, how: () => void): void {
    this.#waits.delete(wait);
    wait.timer.cancel();
    how();
  }
}

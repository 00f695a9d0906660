import type { Random } from '@inmesh/core';
import type { VirtualClock } from './virtual-clock.ts';

export interface RegistryDoorOptions {
  readonly clock: VirtualClock;
  /** Work of taking one session back: its registrations and its first snapshot. */
  readonly workMs: number;
  /** How long whoever asks waits for the answer. */
  readonly requestTimeoutMs: number;
}

/** The registry's processor: one request after the other, and none while it is away. */
export class RegistryDoor {
  isOpen = true;
  readonly #options: RegistryDoorOptions;
  #busyUntil = 0;

  constructor(options: RegistryDoorOptions) {
    this.#options = options;
  }

  /** Work is done even for those who have stopped waiting: they are told nothing. */
  attach(onEnd: (attached: boolean) => void): void {
    const { clock, workMs, requestTimeoutMs } = this.#options;
    const now = clock.now();
    if (!this.isOpen) {
      clock.setTimer(() => onEnd(false), 1);
      return;
    }
    this.#busyUntil = Math.max(this.#busyUntil, now) + workMs;
    const waitMs = this.#busyUntil - now;
    const inTime = waitMs <= requestTimeoutMs;
    clock.setTimer(() => onEnd(inTime && this.isOpen), Math.min(waitMs, requestTimeoutMs));
  }
}

/** How long to wait before try `attempt`, from 1. */
export type ReconnectDelay = (attempt: number, random: Random) => number;

/** The registry client's: full jitter up to 1 s, doubling, up to 5 s. */
export const fullJitter: ReconnectDelay = (attempt, random) =>
  random() * Math.min(5_000, 1_000 * 2 ** (attempt - 1));

/** What is written without thinking. */
export const everySecond: ReconnectDelay = () => 1_000;

export interface SessionOptions {
  readonly door: RegistryDoor;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly delay: ReconnectDelay;
  /** Told of every request sent. */
  readonly onRequest: () => void;
  readonly onAttached: () => void;
}

/** A process' session with the registry: lost when the registry goes, and back by trying again. */
export class RegistrySession {
  readonly #options: SessionOptions;
  #attempt = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  lose(): void {
    this.#attempt += 1;
    const { clock, delay, random } = this.#options;
    clock.setTimer(() => this.#reattach(), delay(this.#attempt, random));
  }

  #reattach(): void {
    const { door, onRequest, onAttached } = this.#options;
    onRequest();
    door.attach((attached) => {
      if (!attached) return this.lose();
      this.#attempt = 0;
      onAttached();
    });
  }
}

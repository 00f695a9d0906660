import type { Logger, Unsubscribe } from '@inmesh/core';

/** Something that the registry tells whole, as this process last heard it. */
export interface Followed<T> {
  /** `undefined` while the registry has told nothing of it. */
  readonly current: T | undefined;
  /** Told of every change, after `current` has it. One that throws is logged, and the others are still told. */
  onChange(listener: (value: T) => void): Unsubscribe;
}

/** Keeps what the stream tells. It is replaced by another one only, never by silence. */
export class ToldValue<T> implements Followed<T> {
  readonly #what: string;
  readonly #logger: Logger;
  readonly #listeners = new Set<(value: T) => void>();
  #current: T | undefined;

  /** @param what Names it in logs: 'trust'. */
  constructor(what: string, logger: Logger) {
    this.#what = what;
    this.#logger = logger;
  }

  get current(): T | undefined {
    return this.#current;
  }

  onChange(listener: (value: T) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  take(value: T): void {
    this.#current = value;
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.#logger.error({ err: error }, `a listener to the ${this.#what} threw`);
      }
    }
  }

  close(): void {
    this.#listeners.clear();
  }
}

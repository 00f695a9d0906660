import type { Logger, TrustState, Unsubscribe } from '@inmesh/core';

/** Whom the mesh trusts, and whom no longer, as this process last heard it. */
export interface FollowedTrust {
  /** `undefined` while the registry has told nothing: it has no authority, or none was heard of yet. */
  readonly current: TrustState | undefined;
  /** Told of every change, after `current` has it. One that throws is logged, and the others are still told. */
  onChange(listener: (trust: TrustState) => void): Unsubscribe;
}

/** Keeps what the stream tells of trust. It is replaced by another one only, never by silence. */
export class TrustCache implements FollowedTrust {
  readonly #logger: Logger;
  readonly #listeners = new Set<(trust: TrustState) => void>();
  #current: TrustState | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get current(): TrustState | undefined {
    return this.#current;
  }

  onChange(listener: (trust: TrustState) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  take(trust: TrustState): void {
    this.#current = trust;
    for (const listener of [...this.#listeners]) {
      try {
        listener(trust);
      } catch (error) {
        this.#logger.error({ err: error }, 'a listener to the trust threw');
      }
    }
  }

  close(): void {
    this.#listeners.clear();
  }
}

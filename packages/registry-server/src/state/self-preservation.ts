export interface SelfPreservationOptions {
  /** With fewer sessions silence is taken at its word. @default 10 */
  readonly minSessions: number;
  /** Active when more than this share is silent. @default 0.5 */
  readonly silentRatio: number;
  /** The longest it may last, in session TTLs; then the silent are expired after all. @default 5 */
  readonly maxTtls: number;
}

export const defaultSelfPreservation: SelfPreservationOptions = Object.freeze({
  minSessions: 10,
  silentRatio: 0.5,
  maxTtls: 5,
});

type Episode =
  | { readonly name: 'inactive' }
  /** `silentAt`: when the share was last too large. */
  | { readonly name: 'active'; readonly since: number; readonly silentAt: number };

/**
 * Tells a lost network from lost processes: when over half of the sessions fall silent within one
 * TTL, the silence is more likely ours, and expiring them would empty everybody's lists. The
 * clients' own outlier ejection deals with those that are really dead.
 */
export class SelfPreservation {
  readonly #options: SelfPreservationOptions;
  readonly #ttlMs: number;
  #episode: Episode = { name: 'inactive' };
  /** Expiries of the last TTL: sessions that fall silent one after another count together. */
  #expired: { at: number; count: number }[] = [];

  constructor(options: SelfPreservationOptions, ttlMs: number) {
    this.#options = options;
    this.#ttlMs = ttlMs;
  }

  get active(): boolean {
    return this.#episode.name === 'active';
  }

  /**
   * Sessions silent since before this are counted as silent: a live one renews at a third of the
   * TTL, so two thirds is a renewal missed, and is seen before the first of a lost half expires.
   */
  silentBefore(now: number): number {
    return now - (2 / 3) * this.#ttlMs;
  }

  /** Whether those that are due may be expired now. Call it at each sweep. */
  allowsExpiry(now: number, sessions: number, silent: number): boolean {
    this.#expired = this.#expired.filter(({ at }) => now - at < this.#ttlMs);
    const gone = this.#expired.reduce((sum, { count }) => sum + count, 0);
    const all = sessions + gone;
    const tooMany =
      all >= this.#options.minSessions && silent + gone > all * this.#options.silentRatio;
    if (this.#episode.name === 'inactive') {
      if (!tooMany || silent === 0) return true;
      this.#episode = { name: 'active', since: now, silentAt: now };
      return false;
    }
    const { since, silentAt } = this.#episode;
    if (now - since >= this.#options.maxTtls * this.#ttlMs) {
      // Whoever is expired now must not start the next episode.
      this.#expired = [];
      this.#episode = { name: 'inactive' };
      return true;
    }
    // One TTL of calm before it ends: when the network heals, half of the clients come back before
    // the other half, which must not be expired for being second.
    if (!tooMany && now - silentAt >= this.#ttlMs) {
      this.#episode = { name: 'inactive' };
      return true;
    }
    if (tooMany) this.#episode = { name: 'active', since, silentAt: now };
    return false;
  }

  /** Counts expiries of an ordinary sweep. */
  recordExpired(now: number, count: number): void {
    this.#expired.push({ at: now, count });
  }
}

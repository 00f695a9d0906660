/** Full scans for idle entries come at most this often, so that a flood of new keys cannot make them the work. */
const reclaimEveryMs = 1_000;

export interface CappedStoreOptions<Entry> {
  readonly max: number;
  /** Idle for longer than this, an entry gives way to a new one when the store is full. */
  readonly idleMs: number;
  /** Takes what there is no room for. */
  readonly overflow: Entry;
  /** Entries went: what was interned on the way to them must be forgotten. */
  readonly onReclaim: () => void;
}

/**
 * The truth about what exists: entries by their full key, never more than `max`. The recorder's
 * interned look-ups only shorten the way here and may be dropped at any time.
 */
export class CappedStore<Entry extends { lastAt: number }> {
  readonly #options: CappedStoreOptions<Entry>;
  readonly #entries = new Map<string, Entry>();
  #overflowed = 0;
  #reclaimedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CappedStoreOptions<Entry>) {
    this.#options = options;
  }

  /** The entry of `key`, made when it is new, or the overflow entry when there is no room: do not intern that one. */
  get(key: string, now: number, make: () => Entry): Entry {
    const found = this.#entries.get(key);
    if (found !== undefined) return found;
    if (this.#entries.size >= this.#options.max) this.#reclaim(now);
    if (this.#entries.size >= this.#options.max) {
      this.#overflowed += 1;
      return this.#options.overflow;
    }
    const made = make();
    made.lastAt = now;
    this.#entries.set(key, made);
    return made;
  }

  delete(key: string): boolean {
    return this.#entries.delete(key);
  }

  /** What exists, and the overflow entry last when it was ever used. */
  *values(): IterableIterator<Entry> {
    yield* this.#entries.values();
    if (this.#overflowed > 0) yield this.#options.overflow;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many records went to the overflow entry. */
  get overflowed(): number {
    return this.#overflowed;
  }

  get overflow(): Entry {
    return this.#options.overflow;
  }

  #reclaim(now: number): void {
    if (now - this.#reclaimedAt < reclaimEveryMs) return;
    this.#reclaimedAt = now;
    const before = this.#entries.size;
    for (const [key, entry] of this.#entries) {
      if (now - entry.lastAt > this.#options.idleMs) this.#entries.delete(key);
    }
    if (this.#entries.size < before) this.#options.onReclaim();
  }
}

/** How much is remembered of what once went well, and for how long. */
export interface LastGoodLimits {
  /** Older results are of no use to anybody. */
  readonly maxAgeMs: number;
  /** Beyond it the one kept longest goes. */
  readonly maxEntries: number;
}

/** The last good result by key: bounded in number and age, whoever makes the keys up. */
export class LastGoodStore<T> {
  readonly #limits: LastGoodLimits;
  /** In the order they were kept, which is the order of their age. */
  readonly #entries = new Map<string, { readonly value: T; readonly keptAt: number }>();

  constructor(limits: LastGoodLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  keep(key: string, value: T, now: number): void {
    // Deleted first, so that it stands last again.
    this.#entries.delete(key);
    this.#entries.set(key, { value, keptAt: now });
    const { maxAgeMs, maxEntries } = this.#limits;
    for (const [oldest, { keptAt }] of this.#entries) {
      if (this.#entries.size <= maxEntries && now - keptAt <= maxAgeMs) break;
      this.#entries.delete(oldest);
    }
  }

  find(key: string, now: number): { readonly value: T; readonly ageMs: number } | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const ageMs = now - entry.keptAt;
    if (ageMs <= this.#limits.maxAgeMs) return { value: entry.value, ageMs };
    this.#entries.delete(key);
    return undefined;
  }

  clear(): void {
    this.#entries.clear();
  }
}

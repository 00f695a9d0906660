/** What one process asks of a limit that its whole fleet shares. */
export interface QuotaAsk {
  /** Tokens a second for each key, for all processes together. */
  readonly perSecond: number;
  /** Tokens at once after a pause. */
  readonly burst: number;
  /** For whom, and how many; at most 100 keys. */
  readonly keys: readonly { readonly key: string; readonly tokens: number }[];
}

/** In the order of the keys that were asked for. */
export interface QuotaGrant {
  readonly keys: readonly {
    readonly tokens: number;
    /** Milliseconds until there is another, when fewer were given than asked for; else 0. */
    readonly waitMs: number;
  }[];
}

/** Where a fleet's shared limits are counted. Rejects when it cannot be asked. */
export type TakeQuota = (ask: QuotaAsk) => Promise<QuotaGrant>;

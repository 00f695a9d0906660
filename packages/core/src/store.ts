import type { Unsubscribe } from './endpoint-source.ts';

/** A version of an entry or of the whole store. Opaque: compare for equality, hand back, never compute with. */
export type Revision = string;

export interface StoreEntry {
  readonly key: string;
  readonly value: string;
  /** Of the entry's last change. */
  readonly revision: Revision;
}

/**
 * One write of a commit. `expected` is the revision that the entry must have, or `null` for "must
 * not exist"; absent means any. A `check` writes nothing: the commit is for a store in which it holds.
 */
export type StoreWrite =
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly value: string;
      readonly expected?: Revision | null;
    }
  | { readonly kind: 'delete'; readonly key: string; readonly expected?: Revision }
  | { readonly kind: 'check'; readonly key: string; readonly expected: Revision | null };

export type StoreChange =
  | { readonly kind: 'put'; readonly entry: StoreEntry }
  | { readonly kind: 'delete'; readonly key: string; readonly revision: Revision };

export interface StoreWatcher {
  /** The changes of one commit, together and in order; never split over two calls, never doubled. */
  changes(changes: readonly StoreChange[], revision: Revision): void;
  /** The watch cannot go on from where it was (history gone, store unreachable too long): list again, then watch again. It is closed. */
  lost(error: Error): void;
}

/**
 * Durable state of the registry: ordered keys, opaque revisions, compare-and-swap and watch.
 * Keys are `/`-separated paths of printable ASCII, up to 512 characters; values up to 1 MiB.
 */
export interface Store {
  get(key: string): Promise<StoreEntry | undefined>;
  /** All entries whose key starts with `prefix`, by key, with the store revision that they are of. */
  list(prefix: string): Promise<{ entries: readonly StoreEntry[]; revision: Revision }>;
  /** All writes or none. Resolves when durable. Throws `conflict` when an expectation does not hold. */
  commit(writes: readonly StoreWrite[]): Promise<Revision>;
  /** Every change below `prefix` after `revision`. `lost` gets `revision_compacted` when that is too old. */
  watch(prefix: string, revision: Revision, watcher: StoreWatcher): Unsubscribe;
  close(): Promise<void>;
}

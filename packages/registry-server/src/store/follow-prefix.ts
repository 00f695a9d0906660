import type { Clock, Logger, Store, StoreEntry, Unsubscribe } from '@inmesh/core';
import { followStore } from './follow-store.ts';

export interface FollowOptions {
  readonly store: Store;
  /** Ends in a slash. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told every entry as it is now, by its key behind the prefix; `undefined` when it is gone. Must not throw. */
  readonly apply: (key: string, entry: StoreEntry | undefined) => void;
}

/**
 * Tells all entries below a prefix one by one, then every change of them, over a lost watch too:
 * what depends on the store is fed by its watch alone, so that servers which share one agree.
 */
export function followPrefix(options: FollowOptions): Promise<Unsubscribe> {
  const { prefix, apply } = options;
  const known = new Set<string>();
  const take = (key: string, entry: StoreEntry | undefined): void => {
    if (entry === undefined) known.delete(key);
    else known.add(key);
    apply(key.slice(prefix.length), entry);
  };
  return followStore({
    ...options,
    follower: {
      listed(entries) {
        const present = new Set(entries.map(({ key }) => key));
        for (const key of [...known]) if (!present.has(key)) take(key, undefined);
        for (const entry of entries) take(entry.key, entry);
      },
      changed(changes) {
        for (const change of changes) {
          if (change.kind === 'put') take(change.entry.key, change.entry);
          else take(change.key, undefined);
        }
      },
    },
  });
}

import type { Logger, Store, StoreEntry, Unsubscribe } from '@inmesh/core';

export interface FollowOptions {
  readonly store: Store;
  /** Ends in a slash. */
  readonly prefix: string;
  /** Names the entries in the log: `status overrides`. */
  readonly what: string;
  readonly logger: Logger;
  /** Told every entry as it is now, by its key behind the prefix; `undefined` when it is gone. Must not throw. */
  readonly apply: (key: string, entry: StoreEntry | undefined) => void;
}

/**
 * Tells all entries below a prefix, then every change of them, over a lost watch too: what depends
 * on the store is fed by its watch alone, so that servers which share one agree.
 */
export async function followPrefix(options: FollowOptions): Promise<Unsubscribe> {
  const { store, prefix, what, logger, apply } = options;
  const known = new Set<string>();
  let unsubscribe: Unsubscribe = () => {};
  let closed = false;

  const take = (key: string, entry: StoreEntry | undefined): void => {
    if (entry === undefined) known.delete(key);
    else known.add(key);
    apply(key, entry);
  };
  const follow = async (): Promise<void> => {
    const { entries, revision } = await store.list(prefix);
    if (closed) return;
    const present = new Set(entries.map(({ key }) => key.slice(prefix.length)));
    for (const key of [...known]) if (!present.has(key)) take(key, undefined);
    for (const entry of entries) take(entry.key.slice(prefix.length), entry);
    unsubscribe = store.watch(prefix, revision, {
      changes(changes) {
        for (const change of changes) {
          if (change.kind === 'put') take(change.entry.key.slice(prefix.length), change.entry);
          else take(change.key.slice(prefix.length), undefined);
        }
      },
      lost(error) {
        logger.warn({ err: error }, `the watch of ${what} was lost: listing again`);
        follow().catch((cause: unknown) => {
          logger.error({ err: cause }, `${what} cannot be read: they stay as they are`);
        });
      },
    });
  };
  await follow();
  return () => {
    closed = true;
    unsubscribe();
  };
}

import type {
  Clock,
  Logger,
  Revision,
  Store,
  StoreChange,
  StoreEntry,
  Timer,
  Unsubscribe,
} from '@inmesh/core';

interface StoreFollower {
  /** Everything that there is: at first, and after changes were missed. */
  listed(entries: readonly StoreEntry[]): void;
  /** One commit. */
  changed(changes: readonly StoreChange[], revision: Revision): void;
}

export interface FollowStoreOptions {
  readonly store: Store;
  readonly prefix: string;
  readonly follower: StoreFollower;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Runs a list, and what comes of it, when nothing else may get in between. @default at once */
  readonly exclusively?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** After a store that could not be read. */
const retryMs = 1_000;

/**
 * Tells what is below `prefix`, then every change of it, for ever: when the watch is lost, all is
 * listed again, as often as it takes. Throws when the first list fails.
 */
export async function followStore(options: FollowStoreOptions): Promise<Unsubscribe> {
  const { store, prefix, follower, clock, logger, exclusively = (work) => work() } = options;
  let unwatch: Unsubscribe = () => {};
  let retry: Timer | undefined;
  let closed = false;

  const list = (): Promise<void> =>
    exclusively(async () => {
      const { entries, revision } = await store.list(prefix);
      if (closed) return;
      follower.listed(entries);
      unwatch = store.watch(prefix, revision, {
        changes: (changes, at) => follower.changed(changes, at),
        lost(error) {
          logger.warn({ err: error, prefix }, 'a watch of the store was lost: listing again');
          relist();
        },
      });
    });
  const relist = (): void => {
    list().catch((error: unknown) => {
      if (closed) return;
      logger.error({ err: error, prefix }, 'the store cannot be read: what is known stays');
      retry = clock.setTimer(relist, retryMs);
    });
  };
  await list();
  return () => {
    closed = true;
    retry?.cancel();
    unwatch();
  };
}

import { type Clock, MeshError, type Store, type StoreChange, type Timer } from '@inmesh/core';
import { createEmbeddedStore, type SharedStore, type SharedWrite } from '@inmesh/registry-server';

/** One server's way to the store, which a test can cut. */
export interface StoreHandle extends SharedStore {
  /** Whether requests fail and watches are silent. Leases run on meanwhile. */
  cut: boolean;
  /** The answer of the next commit that happens is lost. */
  loseNextAnswer: boolean;
}

/** A store in memory that several servers of one test share, with leases on an injected clock. */
export interface SharedStoreDouble {
  readonly store: Store;
  open(): StoreHandle;
}

export async function createSharedStoreDouble(clock: Clock): Promise<SharedStoreDouble> {
  const store = await createEmbeddedStore();
  const leases = new Map<
    string,
    { readonly ttlMs: number; timer: Timer; readonly keys: Set<string> }
  >();
  let granted = 0;

  const end = async (lease: string): Promise<void> => {
    const keys = [...(leases.get(lease)?.keys ?? [])];
    leases.get(lease)?.timer.cancel();
    leases.delete(lease);
    for (const key of keys) await store.commit([{ kind: 'delete', key }]);
  };
  const startTimer = (lease: string, ttlMs: number): Timer =>
    clock.setTimer(() => void end(lease), ttlMs);

  const open = (): StoreHandle => {
    const listeners = new Set<(available: boolean) => void>();
    const late: (() => void)[] = [];
    let cut = false;
    let available = true;
    const through = async <T>(work: () => Promise<T>): Promise<T> => {
      if (available === cut) {
        available = !cut;
        for (const listener of listeners) listener(available);
      }
      if (cut)
        throw new MeshError('store_unavailable', 'store: cut off', { maybeProcessed: false });
      return work();
    };
    const handle: StoreHandle = {
      get cut() {
        return cut;
      },
      set cut(next) {
        cut = next;
        if (!cut) for (const tell of late.splice(0)) tell();
      },
      loseNextAnswer: false,
      get available() {
        return available;
      },
      onAvailability(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      get: (key) => through(() => store.get(key)),
      list: (prefix) => through(() => store.list(prefix)),
      commit: (writes) =>
        through(async () => {
          const leased = writes.filter(
            (write): write is SharedWrite & { lease: string } => 'lease' in write,
          );
          if (leased.some(({ lease }) => !leases.has(lease))) {
            throw new MeshError('not_found', 'store: no such lease');
          }
          const revision = await store.commit(writes);
          for (const { key, lease } of leased) leases.get(lease)?.keys.add(key);
          if (!handle.loseNextAnswer) return revision;
          handle.loseNextAnswer = false;
          throw new MeshError('store_unavailable', 'store: the answer was lost');
        }),
      watch: (prefix, revision, watcher) =>
        store.watch(prefix, revision, {
          changes(changes: readonly StoreChange[], at) {
            if (cut || late.length > 0) late.push(() => watcher.changes(changes, at));
            else watcher.changes(changes, at);
          },
          lost: (error) => watcher.lost(error),
        }),
      grantLease: (ttlMs) =>
        through(async () => {
          granted += 1;
          const lease = `lease-${granted}`;
          leases.set(lease, { ttlMs, timer: startTimer(lease, ttlMs), keys: new Set() });
          return lease;
        }),
      renewLease: (name) =>
        through(async () => {
          const lease = leases.get(name);
          if (lease === undefined) return false;
          lease.timer.cancel();
          lease.timer = startTimer(name, lease.ttlMs);
          return true;
        }),
      revokeLease: (lease) => through(() => end(lease)),
      async close() {},
    };
    return handle;
  };
  return { store, open };
}

import { type Clock, isMeshError, type Logger, type Store, type StoreEntry } from '@inmesh/core';
import { followStore } from '../store/follow-store.ts';
import type { Secret } from './secret.ts';

/** Of the keys in the store under which secrets are. */
export const secretsPrefix = 'secrets/';

export interface StoredSecretOptions {
  /** One that encrypts: see `encryptStore`. */
  readonly store: Store;
  readonly key: string;
  /** What this server kept by itself before: the first one to come brings it along. */
  readonly inherited?: Secret;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A secret that servers share. Throws `invalid_argument` for one that was encrypted with another operator's key. */
export async function openStoredSecret(options: StoredSecretOptions): Promise<Secret> {
  const { store, key, inherited, clock, logger } = options;
  const where = `${key} of the store`;
  let current: Pick<StoreEntry, 'value' | 'revision'> | undefined;
  let listener: (text: string) => void = () => {};

  const hear = (entry: StoreEntry | undefined): void => {
    if (entry === undefined) {
      if (current !== undefined) logger.error({ key }, 'a secret is gone from the store: kept');
      return;
    }
    const isNews = entry.value !== current?.value;
    current = entry;
    if (isNews) listener(entry.value);
  };
  const unfollow = await followStore({
    store,
    prefix: key,
    follower: {
      listed: (entries) => hear(entries.find((entry) => entry.key === key)),
      changed(changes) {
        for (const change of changes) {
          if (change.kind === 'put' && change.entry.key === key) hear(change.entry);
          if (change.kind === 'delete' && change.key === key) hear(undefined);
        }
      },
    },
    clock,
    logger,
  });

  const replace = async (value: string): Promise<void> => {
    const expected = current?.revision ?? null;
    const revision = await store.commit([{ kind: 'put', key, value, expected }]);
    current = { value, revision };
  };

  const bring = async (value: string): Promise<void> => {
    try {
      await replace(value);
      logger.info({ from: inherited?.where, to: where }, 'keys are shared from now on');
    } catch (error) {
      if (!isMeshError(error, 'conflict')) throw error;
      hear(await store.get(key));
    }
  };

  return {
    where,
    async read() {
      if (current === undefined) hear(await store.get(key));
      const brought = await inherited?.read();
      if (brought === undefined) return current?.value;
      if (current === undefined) await bring(brought);
      if (current?.value !== brought) {
        logger.warn({ unused: inherited?.where }, `${where} counts, not the file of this server`);
      }
      return current?.value;
    },
    replace,
    onReplaced(next) {
      listener = next;
    },
    close: unfollow,
  };
}

import type { Logger } from '@inmesh/core';
import type { Leadership } from '../cluster/leadership.ts';
import type { EncryptedStore } from '../store/encrypted-store.ts';

export interface KeyResealerOptions {
  readonly store: EncryptedStore;
  /** Of the keys in the store that hold secrets. */
  readonly prefix: string;
  readonly leadership: Leadership;
  readonly logger: Logger;
}

export interface KeyResealer {
  /** Resolves when nothing of it runs any more. Idempotent. */
  close(): Promise<void>;
}

/**
 * Sees to it that the operator's first key is the one that secrets are encrypted with, so that an
 * earlier one can be given up: whenever this server begins to lead, since secrets are written once in
 * months. What fails is logged, and tried again by the next one that leads: all keys still open them.
 */
export function createKeyResealer(options: KeyResealerOptions): KeyResealer {
  const { store, prefix, leadership, logger } = options;
  let running: Promise<void> = Promise.resolve();

  const reseal = async (): Promise<void> => {
    try {
      const resealed = await store.reseal(prefix);
      if (resealed.length === 0) return;
      logger.info({ resealed }, 'secrets are encrypted with the first of the store keys now');
    } catch (err) {
      logger.error(
        { err },
        'secrets could not be encrypted with the first of the store keys: keep the others, and restart to try again',
      );
    }
  };
  const lead = (leading: boolean): void => {
    if (leading) running = running.then(reseal);
  };
  lead(leadership.leading);
  const stop = leadership.onChange(lead);
  return {
    close() {
      stop();
      return running;
    },
  };
}

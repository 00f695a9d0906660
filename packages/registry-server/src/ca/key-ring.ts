import { type Clock, isMeshError, type Logger, MeshError } from '@inmesh/core';
import type { Secret } from '../secrets/secret.ts';
import { type Tenure, withSuccessor } from './tenure.ts';

export interface KeyRingOptions<K> {
  /** Names the keys in messages. */
  readonly what: string;
  readonly secret: Secret;
  readonly newKey: () => K;
  readonly format: (keys: readonly (K & Tenure)[]) => string;
  /** Throws for what `format` has not made. */
  readonly parse: (text: string) => readonly (K & Tenure)[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Keys that follow each other in time, the same at all servers that share the secret which holds them. */
export interface KeyRing<K> {
  readonly keys: readonly (K & Tenure)[];
  /**
   * Adds a new key: published now, it signs after `publishMs`, and those before it are trusted
   * `lifeMs` longer. Nobody is told of it before it is durable: who trusts a key that is lost trusts
   * nobody. Throws `conflict` when another server was first.
   */
  succeed(publishMs: number, lifeMs: number): Promise<void>;
  /** Tells every change of the keys, whichever server made it. Must not throw. */
  onChange(listener: () => void): void;
  close(): void;
}

/** Reads the keys, or makes the first: of several servers that begin together, one. Throws `invalid_argument` for what is damaged. */
export async function openKeyRing<K>(options: KeyRingOptions<K>): Promise<KeyRing<K>> {
  const { what, secret, newKey, format, clock, logger } = options;
  let listener: () => void = () => {};

  const parse = (text: string): readonly (K & Tenure)[] => {
    try {
      return options.parse(text);
    } catch {
      // Without the cause: it may quote the text, and that holds keys.
      throw new MeshError(
        'invalid_argument',
        `${what}: ${secret.where} is damaged; restore it from a backup, or move it away to begin with a new key`,
      );
    }
  };
  const load = async (): Promise<readonly (K & Tenure)[] | undefined> => {
    const text = await secret.read();
    return text === undefined ? undefined : parse(text);
  };
  const begin = async (): Promise<readonly (K & Tenure)[]> => {
    const first = withSuccessor<K>([], newKey(), clock.wallNow(), 0, 0);
    try {
      await secret.replace(format(first));
    } catch (error) {
      const theirs = isMeshError(error, 'conflict') ? await load() : undefined;
      if (theirs === undefined) throw error;
      return theirs;
    }
    logger.info({ where: secret.where }, `${what}: made a first key`);
    return first;
  };
  let keys = (await load()) ?? (await begin());
  secret.onReplaced((text) => {
    try {
      keys = parse(text);
    } catch (error) {
      logger.error({ err: error }, `${what}: what another server wrote is not used`);
      return;
    }
    listener();
  });

  return {
    get keys() {
      return keys;
    },
    async succeed(publishMs, lifeMs) {
      const next = withSuccessor<K>(keys, newKey(), clock.wallNow(), publishMs, lifeMs);
      await secret.replace(format(next));
      keys = next;
      listener();
    },
    onChange(next) {
      listener = next;
    },
    close() {
      listener = () => {};
      secret.close();
    },
  };
}

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import {
  isMeshError,
  MeshError,
  type Store,
  type StoreChange,
  type StoreEntry,
} from '@inmesh/core';

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** One value as it is stored: which key it needs, and nonce, tag and text in base64. */
interface Sealed {
  readonly sealedBy: string;
  readonly data: string;
}

/** A store whose values only those can read who have one of its keys. */
export interface EncryptedStore extends Store {
  /**
   * Encrypts with the first key what another one has encrypted, and gives the keys of those entries.
   * What somebody else writes meanwhile is left as it is. Throws `invalid_argument` for a value that
   * none of the keys opens.
   */
  reseal(prefix: string): Promise<readonly string[]>;
}

/**
 * A view of a store in which every value is encrypted, for what whoever reads the store must not
 * learn: private keys. A value is bound to its key in the store, so that one cannot be put in the
 * place of another. Keys and revisions stay as they are.
 *
 * @param keys 32 bytes each. The first one encrypts; all of them decrypt, so that a new one can be
 *   put first while values of the old one are still there. Throws `invalid_argument` for others.
 */
export function encryptStore(store: Store, keys: readonly Uint8Array[]): EncryptedStore {
  const byName = new Map(keys.map((key) => [nameOf(key), key]));
  const [first] = byName;
  if (first === undefined || keys.some(({ length }) => length !== keyBytes)) {
    throw invalid(
      `keys must be one or more of ${keyBytes} bytes; \`openssl rand -hex 32\` makes one`,
    );
  }
  const [sealedBy, sealingKey] = first;

  const seal = (key: string, value: string): string => {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, sealingKey, nonce).setAAD(Buffer.from(key));
    const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
    const data = Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
    return JSON.stringify({ sealedBy, data } satisfies Sealed);
  };
  const open = (entry: StoreEntry): StoreEntry => {
    try {
      const sealed = JSON.parse(entry.value) as Sealed;
      const data = Buffer.from(sealed.data, 'base64');
      const openingKey = byName.get(sealed.sealedBy) as Uint8Array;
      const nonce = data.subarray(0, nonceBytes);
      const decipher = createDecipheriv(algorithm, openingKey, nonce, { authTagLength: tagBytes })
        .setAAD(Buffer.from(entry.key))
        .setAuthTag(data.subarray(nonceBytes, nonceBytes + tagBytes));
      const text = decipher.update(data.subarray(nonceBytes + tagBytes));
      return { ...entry, value: Buffer.concat([text, decipher.final()]).toString() };
    } catch {
      // Without the cause, which may quote what is secret.
      throw invalid(
        `${entry.key} was not encrypted with any of the keys given, or was changed since`,
      );
    }
  };

  return {
    async get(key) {
      const entry = await store.get(key);
      return entry === undefined ? undefined : open(entry);
    },
    async list(prefix) {
      const { entries, revision } = await store.list(prefix);
      return { entries: entries.map(open), revision };
    },
    commit: (writes) =>
      store.commit(
        writes.map((write) =>
          write.kind === 'put' ? { ...write, value: seal(write.key, write.value) } : write,
        ),
      ),
    watch(prefix, revision, watcher) {
      const unwatch = store.watch(prefix, revision, {
        changes(changes, at) {
          let opened: StoreChange[];
          try {
            opened = changes.map((change) =>
              change.kind === 'put' ? { ...change, entry: open(change.entry) } : change,
            );
          } catch (error) {
            unwatch();
            watcher.lost(error as Error);
            return;
          }
          watcher.changes(opened, at);
        },
        lost: (error) => watcher.lost(error),
      });
      return unwatch;
    },
    async reseal(prefix) {
      const { entries } = await store.list(prefix);
      const resealed: string[] = [];
      for (const entry of entries) {
        const { key, value, revision: expected } = open(entry);
        if ((JSON.parse(entry.value) as Sealed).sealedBy === sealedBy) continue;
        try {
          await store.commit([{ kind: 'put', key, value: seal(key, value), expected }]);
          resealed.push(key);
        } catch (error) {
          if (!isMeshError(error, 'conflict')) throw error;
        }
      }
      return resealed;
    },
    close: () => store.close(),
  };
}

/** A key from a file or a variable: 64 hexadecimal characters, or base64. Throws `invalid_argument`. */
export function parseStoreKey(text: string): Uint8Array {
  const trimmed = text.trim();
  const key = /^[0-9a-f]{64}$/i.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : Buffer.from(trimmed, 'base64');
  if (key.length === keyBytes) return key;
  throw invalid(`a key has ${keyBytes} bytes as hex or base64; \`openssl rand -hex 32\` makes one`);
}

/** Tells keys apart without giving anything of them away. */
function nameOf(key: Uint8Array): string {
  return createHash('sha256').update('inmesh store key').update(key).digest('hex').slice(0, 16);
}

function invalid(message: string): MeshError {
  return new MeshError('invalid_argument', `store: ${message}`);
}

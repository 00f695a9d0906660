import { randomBytes } from 'node:crypto';
import {
  type Clock,
  formatRegistryToken,
  isMeshError,
  type Logger,
  MeshError,
  type NewToken,
  parseRegistryToken,
  type Store,
  type StoreEntry,
  type TokenCreated,
  type TokenKind,
  type TokenRecord,
} from '@inmesh/core';
import { followPrefix } from '../store/follow-prefix.ts';
import { digestOf, hasSecret, parseTokenEntry, recordOf, type TokenEntry } from './token-entry.ts';

export interface TokenBookOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What new tokens carry. */
  readonly fingerprints: () => readonly string[];
}

/** The tokens of one mesh, durable; of a secret only the digest is kept. */
export interface TokenBook {
  /** Resolves when durable. Throws `invalid_argument`, and `overloaded` at the limit. */
  create(token: NewToken): Promise<TokenCreated>;
  list(): readonly TokenRecord[];
  /** Whether the token of that id still serves. */
  has(id: string): boolean;
  /** Throws `not_found`. */
  revoke(id: string): Promise<void>;
  /** The token of this text, if it is one of `kinds` and still serves. Throws `unauthenticated`. */
  verify(text: string, kinds: readonly TokenKind[]): TokenRecord;
  /** Takes one use of a join token. Throws `unauthenticated` when somebody else had the last one. */
  redeem(id: string): Promise<void>;
  close(): void;
}

const prefix = 'tokens/';
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const longestMs = 366 * dayMs;
/** A script that goes wild must not fill the store. */
const maxTokens = 10_000;
/** Redemptions of one token that meet each other: so often one is tried again. */
const maxAttempts = 20;

/** Applies what the store holds, then follows it. */
export async function createTokenBook(options: TokenBookOptions): Promise<TokenBook> {
  const { store, clock, logger, fingerprints } = options;
  const entries = new Map<string, TokenEntry>();
  const unfollow = await followPrefix({
    store,
    prefix,
    clock,
    logger,
    apply(id, entry) {
      const token = entry === undefined ? undefined : readEntry(entry, logger);
      if (token === undefined) entries.delete(id);
      else entries.set(id, token);
    },
  });
  const hasExpired = ({ expiresAt }: TokenRecord): boolean => clock.wallNow() >= expiresAt;

  return {
    async create(token) {
      const spent = [...entries.values()].filter(hasExpired);
      if (entries.size - spent.length >= maxTokens) {
        throw new MeshError('overloaded', `registry: ${maxTokens} tokens exist; revoke some`);
      }
      const secret = randomBytes(32).toString('base64url');
      const entry = newEntry(token, digestOf(secret), clock.wallNow());
      const { id, kind } = entry;
      await store.commit([
        ...spent.map((one) => ({ kind: 'delete' as const, key: prefix + one.id })),
        { kind: 'put', key: prefix + id, value: JSON.stringify(entry), expected: null },
      ]);
      const text = formatRegistryToken({ kind, id, secret, fingerprints: fingerprints() });
      return { ...recordOf(entry), token: text };
    },
    list: () =>
      [...entries.values()]
        .filter((entry) => !hasExpired(entry))
        .sort((a, b) => a.createdAt - b.createdAt)
        .map(recordOf),
    has(id) {
      const entry = entries.get(id);
      return entry !== undefined && !hasExpired(entry);
    },
    async revoke(id) {
      const entry = await store.get(prefix + id);
      if (entry === undefined) {
        throw new MeshError('not_found', `registry: no token ${JSON.stringify(id)}`);
      }
      await store.commit([{ kind: 'delete', key: prefix + id }]);
    },
    verify(text, kinds) {
      const { id, kind, secret } = parseRegistryToken(text);
      const entry = entries.get(id);
      if (entry === undefined || entry.kind !== kind || !hasSecret(entry, secret)) {
        throw refused('is not known here; it may have been revoked or used up');
      }
      if (hasExpired(entry)) {
        throw refused(`expired at ${new Date(entry.expiresAt).toISOString()}`);
      }
      if (!kinds.includes(kind))
        throw refused(`is a ${kind} token, expected ${kinds.join(' or ')}`);
      return recordOf(entry);
    },
    async redeem(id) {
      for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
        const stored = await store.get(prefix + id);
        const entry = stored === undefined ? undefined : parseTokenEntry(stored.value);
        if (stored === undefined || entry === undefined || hasExpired(entry)) break;
        const usesLeft = (entry.usesLeft ?? 1) - 1;
        const value = JSON.stringify({ ...entry, usesLeft });
        const expected = stored.revision;
        try {
          await store.commit([
            usesLeft > 0
              ? { kind: 'put', key: stored.key, value, expected }
              : { kind: 'delete', key: stored.key, expected },
          ]);
          return;
        } catch (error) {
          // Another process used it at the same moment.
          if (!isMeshError(error, 'conflict')) throw error;
        }
      }
      throw refused('was used up meanwhile');
    },
    close: unfollow,
  };
}

function newEntry(token: NewToken, digest: string, now: number): TokenEntry {
  const { kind, name, namespace, serviceAccount, uses } = token;
  const { ttlMs = kind === 'join' ? hourMs : 90 * dayMs } = token;
  if (!(ttlMs >= 1_000 && ttlMs <= longestMs)) {
    throw invalid('/ttlMs', `must be within 1000..${longestMs}, got ${ttlMs}`);
  }
  const common = {
    id: randomBytes(9).toString('base64url'),
    kind,
    name,
    createdAt: now,
    expiresAt: now + ttlMs,
    digest,
  };
  if (kind === 'join') {
    if (serviceAccount === undefined) {
      throw invalid('/serviceAccount', 'must be given: a join token is for one workload');
    }
    return { ...common, namespace: namespace ?? 'default', serviceAccount, usesLeft: uses ?? 1 };
  }
  if (namespace !== undefined || serviceAccount !== undefined || uses !== undefined) {
    throw invalid('', `${kind} tokens have no namespace, service account or uses`);
  }
  return common;
}

function readEntry({ key, value }: StoreEntry, logger: Logger): TokenEntry | undefined {
  try {
    return parseTokenEntry(value);
  } catch (error) {
    logger.error({ err: error, key }, 'a stored token cannot be read and does not serve');
    return undefined;
  }
}

function refused(why: string): MeshError {
  return new MeshError('unauthenticated', `registry: the token ${why}`);
}

function invalid(path: string, message: string): MeshError {
  return new MeshError('invalid_argument', `token${path} ${message}`, { path });
}

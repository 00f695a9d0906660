import { MeshError } from '@inmesh/core';
import type { TokenAlgorithm } from './algorithm.ts';
import { parseStrictJson } from './strict-json.ts';
import { keyFromJwk, type VerificationKey } from './verification-key.ts';

/** The keys of one issuer at one time. Immutable. */
export interface KeySet {
  readonly keys: readonly VerificationKey[];
  /** Those that a token with this key id and algorithm may be signed with. */
  candidates(keyId: string | undefined, algorithm: TokenAlgorithm): readonly VerificationKey[];
  /** Whether this very key is among them. */
  has(key: VerificationKey): boolean;
}

/** Issuers have a handful; a token without key id may be held against each of them. */
const maxKeys = 64;

export function keySetOf(keys: readonly VerificationKey[]): KeySet {
  const all = new Set(keys);
  const byId = new Map(keys.filter(({ id }) => id !== '').map((key) => [key.id, key]));
  const unnamed = keys.filter(({ id }) => id === '');
  return {
    keys,
    has: (key) => all.has(key),
    candidates(keyId, algorithm) {
      const named = keyId === undefined ? undefined : byId.get(keyId);
      const possible = keyId === undefined ? keys : named === undefined ? unnamed : [named];
      return possible.filter((key) => key.algorithms.has(algorithm));
    },
  };
}

/**
 * Reads a JSON Web Key Set. Keys for other uses are left out, as RFC 7517 asks; one without any key
 * left accepts nothing. Keys that are the same as in `previous` stay the same objects, so that what
 * was verified with them stays verified. Throws `invalid_argument` when it is no key set, or when it
 * holds a kid twice: which of the two is meant could only be guessed.
 */
export function parseKeySet(text: string, previous?: KeySet): KeySet {
  const document = parseStrictJson(text) as { readonly keys?: unknown } | undefined | null;
  const list: unknown = document?.keys;
  if (!Array.isArray(list)) throw invalidSet('is not {"keys": […]} with every name once');
  if (list.length > maxKeys) throw invalidSet(`holds ${list.length} keys, at most ${maxKeys}`);
  const known = new Map(previous?.keys.map((key) => [key.source, key]));
  const names = new Set<unknown>();
  const keys: VerificationKey[] = [];
  for (const jwk of list) {
    if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) {
      throw invalidSet('holds something that is not a key');
    }
    // Those for other uses count as well: a set that contradicts itself is not to be trusted.
    if (names.has(jwk.kid)) throw invalidSet('holds two keys of one kid');
    if (jwk.kid !== undefined) names.add(jwk.kid);
    const read = keyFromJwk(jwk);
    if (!('unusable' in read)) keys.push(known.get(read.source) ?? read);
  }
  return keySetOf(keys);
}

function invalidSet(reason: string): MeshError {
  return new MeshError('invalid_argument', `the key set ${reason}`);
}

import { MeshError } from '@inmesh/core';
import { type KeySet, keySetOf, parseKeySet } from './key-set.ts';
import type { VerificationKey } from './verification-key.ts';

/** Where an issuer's keys are. */
export interface KeySource {
  /**
   * The keys to verify with now, fetched first when they are too old; `undefined` when there are none
   * that may be used. Never rejects.
   */
  fresh(): KeySet | undefined | Promise<KeySet | undefined>;
  /** After a token with a key that is not known: fetched anew, unless that was tried just now. Never rejects. */
  refetched(): KeySet | undefined | Promise<KeySet | undefined>;
  close(): void;
}

function fixedSource(set: KeySet): KeySource {
  return { fresh: () => set, refetched: () => set, close: () => {} };
}

/** Keys that are part of the configuration. Throws `invalid_argument` when none of them verifies tokens. */
export function inlineKeys(jwks: string): KeySource {
  const set = parseKeySet(jwks);
  if (set.keys.length > 0) return fixedSource(set);
  throw new MeshError(
    'invalid_argument',
    'the key set holds no key for verifying signatures: RSA of 2048 bits or EC, and of use sig',
  );
}

export function secretKey(key: VerificationKey): KeySource {
  return fixedSource(keySetOf([key]));
}

import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { MeshError } from '@inmesh/core';
import { algorithmFacts, isAlgorithm, type TokenAlgorithm } from './algorithm.ts';

/** One key, with the algorithms that it may verify: a token's header only chooses among these. */
export interface VerificationKey {
  /** '' when it has none. */
  readonly id: string;
  readonly algorithms: ReadonlySet<TokenAlgorithm>;
  /** Made once: with a PEM text each verification would cost five times as much. */
  readonly key: KeyObject;
  /** Tells keys apart across fetches: the JWK's own text. '' for a secret, which never changes. */
  readonly source: string;
}

/** RSA keys below it can be factored by those who want to. */
const minRsaBits = 2048;

/**
 * A key from a JWK, or why it may not verify tokens. `createPublicKey` drops `use`, `key_ops` and
 * `alg`, so they are enforced here. Symmetric keys are never taken from a key set: what is
 * published is no secret.
 */
export function keyFromJwk(
  jwk: Readonly<Record<string, unknown>>,
): VerificationKey | { readonly unusable: string } {
  const { kty, kid = '', use, key_ops: operations, alg, crv } = jwk;
  if (typeof kid !== 'string') return { unusable: 'its kid is not a text' };
  if (kty !== 'RSA' && kty !== 'EC') return { unusable: 'its kty is neither RSA nor EC' };
  if (use !== undefined && use !== 'sig') return { unusable: 'its use is not sig' };
  if (operations !== undefined) {
    const verifies = Array.isArray(operations) && operations.includes('verify');
    if (!verifies) return { unusable: 'its key_ops do not hold verify' };
  }
  if (alg !== undefined && !isAlgorithm(alg)) return { unusable: 'its alg is not supported' };
  const fitting = [...algorithmFacts.keys()].filter((name) => {
    const facts = algorithmFacts.get(name);
    const fits = facts?.keyType === kty && (facts.curve === undefined || facts.curve[0] === crv);
    return fits && (alg === undefined || alg === name);
  });
  if (fitting.length === 0) return { unusable: 'no algorithm fits its type, curve and alg' };
  // Only what makes the public key: a private part that somebody published by mistake is not read.
  const { n, e, x, y } = jwk;
  const publicPart = kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y };
  try {
    const key = createPublicKey({ key: publicPart as JsonWebKey, format: 'jwk' });
    if ((key.asymmetricKeyDetails?.modulusLength ?? minRsaBits) < minRsaBits) {
      return { unusable: `it is shorter than ${minRsaBits} bits` };
    }
    return { id: kid, algorithms: new Set(fitting), key, source: JSON.stringify(jwk) };
  } catch {
    return { unusable: 'its numbers make no key' };
  }
}

/** Throws `invalid_argument` for a secret that can be guessed; it never appears in the message. */
export function keyFromSecret(
  secret: string | Uint8Array,
  algorithm: TokenAlgorithm,
): VerificationKey {
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret;
  const needed = algorithmFacts.get(algorithm)?.secretBytes;
  if (needed === undefined) {
    throw new MeshError(
      'invalid_argument',
      `a secret verifies HS256, HS384 or HS512, not ${algorithm}`,
    );
  }
  if (bytes.length < needed) {
    throw new MeshError(
      'invalid_argument',
      `secret must be at least ${needed} bytes for ${algorithm}, got ${bytes.length}`,
    );
  }
  return { id: '', algorithms: new Set([algorithm]), key: createSecretKey(bytes), source: '' };
}

import { MeshError } from '@inmesh/core';
import type { TokenAlgorithm } from './algorithm.ts';
import type { ResolvedTokenOptions } from './authentication-options.ts';
import { normalType } from './check-claims.ts';
import { findKeys } from './find-keys.ts';
import { type KeySource, secretKey } from './key-source.ts';
import { defaultLocations, type TokenLocation } from './token-location.ts';
import type { TokenRule } from './token-rule.ts';
import { keyFromSecret } from './verification-key.ts';

/** One issuer whose tokens an app accepts. */
export interface IssuerOptions {
  /** Exactly what `iss` says. */
  readonly issuer: string;
  /** This app's own names, one of which must be in `aud`; `'any'` also takes tokens made for others. */
  readonly audiences: readonly string[] | 'any';
  /** @default found by OpenID discovery: `issuer` + `/.well-known/openid-configuration` */
  readonly jwksUri?: string;
  /** A key set, as JSON or as an object, instead of a URL. */
  readonly jwks?: string | { readonly keys: readonly object[] };
  /** Instead of public keys: what issuer and app share, at least 32 bytes for HS256. */
  readonly secret?: string | Uint8Array;
  /** Of `secret`. @default 'HS256' */
  readonly secretAlgorithm?: 'HS256' | 'HS384' | 'HS512';
  /** What the header's `typ` must be (`at+jwt`), against tokens made for another use. @default not checked */
  readonly type?: string;
  /** `'optional'` also takes tokens that never expire. @default 'required' */
  readonly expiry?: 'required' | 'optional';
  /** @default `Authorization: Bearer`, then the query parameter `access_token` */
  readonly locations?: readonly TokenLocation[];
  /** Whether the handler still sees the token's header. @default false */
  readonly forwardToken?: boolean;
  /** Claims split on spaces besides `scope` and `permission`. @default [] */
  readonly spaceDelimitedClaims?: readonly string[];
  /** For fetching keys. @default 5_000 */
  readonly timeoutMs?: number;
}

/** Always lists, as in Istio. */
export const alwaysLists: readonly string[] = ['scope', 'permission'];

/** Throws `invalid_argument` for an issuer that would let tokens through which it should not. */
export function issuerRule(options: IssuerOptions, tokens: ResolvedTokenOptions): TokenRule {
  const { issuer, audiences } = options;
  if (typeof issuer !== 'string' || issuer === '') {
    throw new MeshError(
      'invalid_argument',
      'issuer must be given: without it anyone with a key is believed',
    );
  }
  if (audiences !== 'any' && !(Array.isArray(audiences) && audiences.length > 0)) {
    throw new MeshError(
      'invalid_argument',
      `audiences of ${issuer} must name this app, else tokens made for others open it; 'any' allows that`,
    );
  }
  return Object.freeze({
    name: issuer,
    issuer,
    audiences: audiences === 'any' ? [] : audiences,
    keys: keysOf(options, tokens),
    locations: options.locations ?? defaultLocations,
    type: normalType(options.type),
    requireExpiry: options.expiry !== 'optional',
    spaceDelimitedClaims: [...alwaysLists, ...(options.spaceDelimitedClaims ?? [])],
    forwardToken: options.forwardToken ?? false,
    payloadHeader: undefined,
    claimHeaders: [],
  } satisfies TokenRule);
}

function keysOf(options: IssuerOptions, tokens: ResolvedTokenOptions): KeySource {
  const { issuer, jwksUri, jwks, secret, timeoutMs = 5_000 } = options;
  if ([jwksUri, jwks, secret].filter((given) => given !== undefined).length > 1) {
    throw new MeshError('invalid_argument', `${issuer}: give one of jwksUri, jwks and secret`);
  }
  if (secret !== undefined) {
    const algorithm: TokenAlgorithm = options.secretAlgorithm ?? 'HS256';
    return secretKey(keyFromSecret(secret, algorithm));
  }
  const inline = typeof jwks === 'object' ? JSON.stringify(jwks) : jwks;
  return findKeys(
    {
      issuer,
      timeoutMs,
      ...(jwksUri === undefined ? {} : { jwksUri }),
      ...(inline === undefined ? {} : { jwks: inline }),
    },
    tokens,
  );
}

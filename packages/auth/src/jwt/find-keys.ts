import { MeshError } from '@inmesh/core';
import type { ResolvedTokenOptions } from './authentication-options.ts';
import { checkKeyUrl, createDocumentFetch } from './document-fetch.ts';
import { inlineKeys, type KeySource } from './key-source.ts';
import { createRemoteKeys } from './remote-keys.ts';

/** Where an issuer's public keys are said to be. */
export interface KeyPlace {
  readonly issuer?: string;
  readonly jwksUri?: string;
  readonly jwks?: string;
  readonly timeoutMs: number;
}

/**
 * The keys given inline, at a URL, or, when neither is said, where the issuer's OpenID discovery
 * document says. Throws `invalid_argument` for a place that is never asked.
 */
export function findKeys(place: KeyPlace, options: ResolvedTokenOptions): KeySource {
  const { issuer, jwksUri, jwks, timeoutMs } = place;
  if (jwks !== undefined) return inlineKeys(jwks);
  const from = jwksUri !== undefined ? { jwksUri } : discovery(issuer);
  const { privateHosts, keyTls, clock, logger, keyMaxAgeMs, keyStaleLimitMs, keyCooldownMs } =
    options;
  checkKeyUrl('jwksUri' in from ? from.jwksUri : from.discovery, privateHosts);
  return createRemoteKeys({
    from,
    fetch: createDocumentFetch(privateHosts, keyTls),
    clock,
    logger,
    timeoutMs,
    maxAgeMs: keyMaxAgeMs,
    staleLimitMs: keyStaleLimitMs,
    cooldownMs: keyCooldownMs,
  });
}

function discovery(issuer: string | undefined): { readonly discovery: string } {
  if (issuer !== undefined && URL.canParse(issuer)) return { discovery: issuer };
  throw new MeshError(
    'invalid_argument',
    `issuer ${JSON.stringify(issuer)} is no URL, so its keys cannot be discovered: give jwksUri or jwks`,
  );
}

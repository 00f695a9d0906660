import { hash } from 'node:crypto';
import type { Clock } from '@inmesh/core';
import { LRUCache } from 'lru-cache';
import { checkClaims } from './check-claims.ts';
import type { KeySet } from './key-set.ts';
import { type ParsedToken, parseToken } from './parsed-token.ts';
import { invalidToken, type TokenFailure } from './token-failure.ts';
import type { TokenRule } from './token-rule.ts';
import { type VerifiedToken, verifiedToken } from './verified-token.ts';
import { signingKey } from './verify-signature.ts';

export type TokenResult = VerifiedToken | TokenFailure;

/** Verifies tokens under one rule, and remembers those that held. */
export interface TokenVerifier {
  readonly rule: TokenRule;
  /** Never rejects; a promise only when keys have to be fetched. */
  verify(text: string): TokenResult | Promise<TokenResult>;
  close(): void;
}

export interface TokenVerifierOptions {
  readonly clock: Clock;
  /** Longer tokens are refused unread. */
  readonly maxTokenBytes: number;
  /** Tokens remembered at once. */
  readonly cachedTokens: number;
}

/** Of all tokens remembered by one rule: what a list of the largest ones may cost in memory. */
const maxCachedBytes = 32 * 1024 * 1024;

export function createTokenVerifier(rule: TokenRule, options: TokenVerifierOptions): TokenVerifier {
  const { clock, maxTokenBytes, cachedTokens } = options;
  const { keys } = rule;
  // By digest: whoever can read this memory must not find tokens in it.
  const cache = new LRUCache<string, VerifiedToken>({
    max: cachedTokens,
    maxSize: maxCachedBytes,
    maxEntrySize: maxCachedBytes,
  });
  const nowSeconds = (): number => Math.floor(clock.wallNow() / 1000);

  const isGood = ({ key, validity }: VerifiedToken, set: KeySet | undefined): boolean => {
    const now = nowSeconds();
    return now >= validity.from && now < validity.until && set?.has(key) === true;
  };

  const withKeys = (
    parsed: ParsedToken,
    digest: string,
    set: KeySet | undefined,
  ): TokenResult | Promise<TokenResult> => {
    if (set !== undefined && set.candidates(parsed.keyId, parsed.algorithm).length > 0) {
      return decide(parsed, digest, set);
    }
    const refetched = keys.refetched();
    return refetched instanceof Promise
      ? refetched.then((late) => decide(parsed, digest, late))
      : decide(parsed, digest, refetched);
  };

  const decide = (parsed: ParsedToken, digest: string, set: KeySet | undefined): TokenResult => {
    if (set === undefined) {
      return { kind: 'keys-unavailable', reason: "its issuer's keys cannot be had" };
    }
    const candidates = set.candidates(parsed.keyId, parsed.algorithm);
    if (candidates.length === 0) return invalidToken('no key of its issuer fits it');
    const key = signingKey(parsed, candidates);
    if (key === undefined) return invalidToken('its signature is wrong');
    const validity = checkClaims(parsed, rule, nowSeconds());
    if ('kind' in validity) return validity;
    const verified = verifiedToken(parsed, rule, key, validity);
    // Parsed claims take several times their text.
    cache.set(digest, verified, { size: parsed.text.length * 4 });
    return verified;
  };

  return {
    rule,
    verify(text) {
      if (text.length > maxTokenBytes)
        return invalidToken(`it is longer than ${maxTokenBytes} bytes`);
      const digest = hash('sha256', text, 'base64url');
      const known = cache.get(digest);
      const set = keys.fresh();
      if (known !== undefined && !(set instanceof Promise)) {
        if (isGood(known, set)) return known;
        cache.delete(digest);
      }
      const parsed = parseToken(text);
      if ('kind' in parsed) return parsed;
      // Before keys are looked for: somebody else's token must not cause a fetch.
      if (parsed.claims.iss !== rule.issuer) {
        return { kind: 'issuer', reason: 'it is of an issuer that is not accepted here' };
      }
      return set instanceof Promise
        ? set.then((fetched) => withKeys(parsed, digest, fetched))
        : withKeys(parsed, digest, set);
    },
    close() {
      keys.close();
      cache.clear();
    },
  };
}

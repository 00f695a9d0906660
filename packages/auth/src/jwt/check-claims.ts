import type { ParsedToken } from './parsed-token.ts';
import { invalidToken, type TokenFailure } from './token-failure.ts';
import type { TokenRule } from './token-rule.ts';

/** By how much clocks may differ: Envoy's. Not an option, because it also prolongs every stolen token. */
const clockSkewSeconds = 60;

/** Until when a token is good, in seconds since the epoch, skew included. */
export interface Validity {
  readonly from: number;
  readonly until: number;
}

/** Holds the claims of a token whose signature is right against its rule. */
export function checkClaims(
  { claims, type }: ParsedToken,
  rule: TokenRule,
  nowSeconds: number,
): Validity | TokenFailure {
  const { iss, sub, exp, nbf, iat } = claims;
  if (iss !== rule.issuer) {
    return { kind: 'issuer', reason: 'it is of an issuer that is not accepted here' };
  }
  if (sub !== undefined && typeof sub !== 'string') return invalidToken('its sub is not a text');
  if (rule.type !== undefined && normalType(type) !== rule.type) {
    return invalidToken('it is of another type');
  }
  if (exp === undefined && rule.requireExpiry) return invalidToken('it never expires');
  const until = seconds(exp, Number.POSITIVE_INFINITY, clockSkewSeconds);
  const from = seconds(nbf, Number.NEGATIVE_INFINITY, -clockSkewSeconds);
  const issuedAt = seconds(iat, Number.NEGATIVE_INFINITY, -clockSkewSeconds);
  if (until === undefined || from === undefined || issuedAt === undefined) {
    return invalidToken('its exp, nbf or iat is not a number');
  }
  if (nowSeconds >= until) return invalidToken('it has expired');
  if (nowSeconds < from) return invalidToken('it is not valid yet');
  // Nobody honest issues in the future; a token made for later use would outlive its revocation.
  if (nowSeconds < issuedAt) return invalidToken('it was issued in the future');
  const audiences = audiencesOf(claims);
  if (audiences === undefined) return invalidToken('its aud is neither a text nor a list of texts');
  if (rule.audiences.length > 0 && !rule.audiences.some((name) => audiences.includes(name))) {
    // Without any audience it is not somebody else's token but an incomplete one.
    if (audiences.length === 0) return invalidToken('it names no audience');
    return { kind: 'audience', reason: 'it is meant for another audience' };
  }
  return { from, until };
}

/** The claim as seconds with `skew` added; `undefined` when it is there and no finite number. */
function seconds(claim: unknown, absent: number, skew: number): number | undefined {
  if (claim === undefined) return absent;
  return typeof claim === 'number' && Number.isFinite(claim) ? claim + skew : undefined;
}

/** `aud` as a list; `undefined` when it is anything else than a text or a list of texts. */
function audiencesOf(claims: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const { aud } = claims;
  if (aud === undefined) return [];
  if (typeof aud === 'string') return [aud];
  const texts = Array.isArray(aud) && aud.every((item) => typeof item === 'string');
  return texts ? (aud as readonly string[]) : undefined;
}

/** RFC 7515: `application/` may be left out, and case does not count. */
export function normalType(type: string | undefined): string | undefined {
  return type?.toLowerCase().replace(/^application\//, '');
}

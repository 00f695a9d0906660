import type { Validity } from './check-claims.ts';
import type { ParsedToken } from './parsed-token.ts';
import type { TokenRule } from './token-rule.ts';
import type { VerificationKey } from './verification-key.ts';

/** A token that holds. Shared by all requests that bring it, so it is frozen through and through. */
export interface VerifiedToken {
  readonly kind: 'verified';
  readonly rule: TokenRule;
  readonly key: VerificationKey;
  readonly validity: Validity;
  /** `iss/sub`; `undefined` without `sub`. */
  readonly principal: string | undefined;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Headers that the rule asks for, flat pairs, names lower-case. */
  readonly outputHeaders: readonly string[];
}

export function verifiedToken(
  { claims }: ParsedToken,
  rule: TokenRule,
  key: VerificationKey,
  validity: Validity,
): VerifiedToken {
  const { iss, sub } = claims;
  return Object.freeze({
    kind: 'verified',
    rule,
    key,
    validity,
    principal: typeof sub === 'string' && sub !== '' ? `${iss}/${sub}` : undefined,
    claims: withLists(claims, rule.spaceDelimitedClaims),
    outputHeaders: outputHeaders(claims, rule),
  } satisfies VerifiedToken);
}

/** `scope: 'read write'` becomes `['read', 'write']`, so that policies and routes see each. */
function withLists(
  claims: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  const split: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(claims)) {
    const value = claims[name];
    const isList = typeof value === 'string' && names.includes(name);
    split[name] = isList ? value.split(' ').filter(Boolean) : value;
  }
  return deepFreeze(split);
}

function outputHeaders(
  claims: Readonly<Record<string, unknown>>,
  { payloadHeader, claimHeaders }: TokenRule,
): readonly string[] {
  const pairs: string[] = [];
  if (payloadHeader !== undefined) pairs.push(payloadHeader, base64Json(claims));
  for (const { header, claim } of claimHeaders) {
    const value = headerText(nested(claims, claim));
    if (value !== undefined) pairs.push(header, value);
  }
  return pairs;
}

// A claim is the issuer's user's text: a line break in it must not become another header.
const visible = /^[\x20-\x7e]{0,4096}$/;

function headerText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const text = typeof value === 'object' ? base64Json(value) : String(value);
  return visible.test(text) ? text : undefined;
}

function base64Json(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The claim at the end of `path`; own properties only. */
function nested(claims: Readonly<Record<string, unknown>>, path: readonly string[]): unknown {
  let value: unknown = claims;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const entry of Object.values(value)) deepFreeze(entry);
  return Object.freeze(value);
}

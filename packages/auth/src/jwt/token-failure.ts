/**
 * Why a token is not accepted, from what says most to what says least. `keys-unavailable` is answered
 * with 503: nobody can say whether it is good. `audience`, a good token made for somebody else, with
 * 403. The others with 401; `issuer` means that the rule does not speak of this token at all.
 */
export type TokenFailureKind = 'keys-unavailable' | 'audience' | 'invalid' | 'issuer';

export interface TokenFailure {
  readonly kind: TokenFailureKind;
  /** For people; it reaches the caller and holds nothing of the token. */
  readonly reason: string;
}

export function invalidToken(reason: string): TokenFailure {
  return { kind: 'invalid', reason };
}

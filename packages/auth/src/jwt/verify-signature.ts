import jsonwebtoken from 'jsonwebtoken';
import type { ParsedToken } from './parsed-token.ts';
import type { VerificationKey } from './verification-key.ts';

/** The key that made the token's signature, if it is one of these. */
export function signingKey(
  { text, algorithm }: ParsedToken,
  candidates: readonly VerificationKey[],
): VerificationKey | undefined {
  return candidates.find(({ key }) => {
    try {
      jsonwebtoken.verify(text, key, {
        algorithms: [algorithm],
        // Times are held against our own clock, with the other claims and again at every use of
        // the cached token.
        ignoreExpiration: true,
        ignoreNotBefore: true,
      });
      return true;
    } catch {
      return false;
    }
  });
}

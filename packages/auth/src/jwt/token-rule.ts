import type { KeySource } from './key-source.ts';
import type { TokenLocation } from './token-location.ts';

interface ClaimHeader {
  /** Lower-case. */
  readonly header: string;
  /** Nested names, from the outside in. */
  readonly claim: readonly string[];
}

/** What one issuer's tokens must be like, and what is done with them: a JWT rule, made ready. */
export interface TokenRule {
  /** For logs: `RequestAuthentication/default/shop#0`. */
  readonly name: string;
  /** What `iss` must be. */
  readonly issuer: string;
  /** One of them must be in `aud`; empty is not checked. */
  readonly audiences: readonly string[];
  readonly keys: KeySource;
  readonly locations: readonly TokenLocation[];
  /** What the header's `typ` must be, lower-case and without `application/`; `undefined` is not checked. */
  readonly type: string | undefined;
  readonly requireExpiry: boolean;
  /** Claims whose text is split into a list on spaces. */
  readonly spaceDelimitedClaims: readonly string[];
  /** Leave the token in the request that the handler sees. */
  readonly forwardToken: boolean;
  /** Lower-case header that gets the claims, base64url. */
  readonly payloadHeader: string | undefined;
  readonly claimHeaders: readonly ClaimHeader[];
}

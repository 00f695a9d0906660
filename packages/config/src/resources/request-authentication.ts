import type { Duration, WorkloadSelector } from './common.ts';
import type { ResourceOf } from './resource.ts';

/** Which JWTs servers accept. A request without a token passes without identity. */
export type RequestAuthentication = ResourceOf<'RequestAuthentication', RequestAuthenticationSpec>;

export interface RequestAuthenticationSpec {
  readonly selector?: WorkloadSelector;
  readonly jwtRules?: readonly JwtRule[];
}

export interface JwtRule {
  /** Needed, unlike in Istio: without it everyone who has a key of the set is believed. */
  readonly issuer: string;
  /** Any one suffices. */
  readonly audiences?: readonly string[];
  /** @default found by OpenID discovery from the issuer */
  readonly jwksUri?: string;
  /** A key set, inline. */
  readonly jwks?: string;
  /** @default `Authorization: Bearer`, then the query parameter `access_token` */
  readonly fromHeaders?: readonly JwtHeader[];
  readonly fromParams?: readonly string[];
  readonly fromCookies?: readonly string[];
  /** Header that gets the payload, base64url. */
  readonly outputPayloadToHeader?: string;
  readonly outputClaimToHeaders?: readonly ClaimToHeader[];
  /** @default false */
  readonly forwardOriginalToken?: boolean;
  /** Of fetching keys. @default 5s */
  readonly timeout?: Duration;
  /** Claims split on spaces besides `scope` and `permission`. */
  readonly spaceDelimitedClaims?: readonly string[];
}

export interface JwtHeader {
  readonly name: string;
  readonly prefix?: string;
}

export interface ClaimToHeader {
  readonly header: string;
  readonly claim: string;
}

import type { ConnectionOptions, SecureContext, TLSSocket } from 'node:tls';

/** A workload's identity, proven by its certificate: `spiffe://cluster.local/ns/prod/sa/orders`. */
export interface Identity {
  readonly spiffeId: string;
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Who sent an inbound request, as far as it was proven. */
export interface RequestIdentity {
  /** The calling workload, from its client certificate or service token (or from a trusted plain mesh's header). */
  readonly peer: Identity | undefined;
  /** Whether `peer` was proven by mutual TLS or a service token; a header alone never is proof. */
  readonly peerVerified: boolean;
  /** `issuer/subject` of the end user's verified token. */
  readonly principal: string | undefined;
  /** The verified token's claims: an object without a prototype. Empty when there is no token. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** TLS material of one revision; a rotation gives a new object. */
export interface TlsCredential {
  readonly revision: string;
  readonly identity: Identity;
  readonly context: SecureContext;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** Where the client takes what it proves itself with. Synchronous: it is asked per connection and per attempt. */
export interface CredentialSource {
  /** `undefined` while there is no identity yet. */
  tls(): TlsCredential | undefined;
  /** A service token for `audience`, or `undefined` when none is to be sent. */
  token(audience: string): string | undefined;
  /**
   * What `tls.connect` takes, beside host and port, to prove ourselves and to speak only to a peer
   * whose certificate names one of `identities` (SPIFFE IDs). `undefined` while there is no
   * identity yet. Ask for every connection: certificates change.
   */
  connectOptions?(identities: readonly string[]): ConnectionOptions | undefined;
  /**
   * Why nothing more is to be sent over a connection that was made with `connectOptions`: its peer's
   * certificate has expired or was revoked since. Asked before every request.
   */
  peerFault?(socket: TLSSocket): string | undefined;
}

/**
 * The least that a client puts up with: `mutual` never speaks plain text inside the mesh, whatever
 * registrations and resources say.
 */
export type MinTls = 'none' | 'mutual';

/** Gets a certificate signed: the registry's CA, or another one behind the same words. */
export interface Enroller {
  /**
   * `csr` and the answer are PEM; the chain has the leaf first, `bundle` the trusted roots.
   * @param current What the asker holds already: while that is valid it is proof enough.
   */
  enroll(
    csr: string,
    signal: AbortSignal,
    current: CredentialSource,
  ): Promise<{ chain: string; bundle: string }>;
}

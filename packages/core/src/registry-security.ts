/**
 * The registry's doors for identities and for people: certificates, trust, tokens, revocations and
 * the audit. As in `registry-protocol.ts` bodies are JSON, errors are problems, and times are
 * durations in milliseconds, but for those that a certificate or a person's record says.
 *
 *   POST   /v1/certificates                  CertificateRequest → 200 CertificateIssued
 *   GET    /v1/trust-bundle                  TrustBundleAnswer
 *   POST   /v1/service-tokens                ServiceTokenRequest → 200 ServiceTokenIssued
 *   GET    /v1/jwks                          a JSON Web Key Set: who signs service tokens
 *   POST   /v1/tokens                        NewToken → 201 TokenCreated (operators)
 *   GET    /v1/tokens                        TokenList (operators)
 *   DELETE /v1/tokens/:id                    → 204 (operators)
 *   GET    /v1/revocations                   RevocationPage
 *   POST   /v1/revocations                   NewRevocation → 201 Revocation (operators)
 *   DELETE /v1/revocations/:serial           → 204 (operators)
 *   GET    /v1/authority                     AuthorityStatus
 *   POST   /v1/trust-bundle/rotation         → 202 TrustBundleAnswer (operators); ?publishMs=
 *   GET    /v1/audit?limit=&after=           AuditPage
 *   POST   /login                            LogIn → 200 LoggedIn, and a cookie
 *   POST   /logout                           → 204
 *   GET    /v1/login                         LoggedIn: whose session this is
 */

/**
 * The SPIFFE ID that every registry of a trust domain proves. Clients speak to nobody else; so
 * nobody else is given a certificate for it.
 */
export function registryIdentity(trustDomain: string): string {
  return `spiffe://${trustDomain}/ns/inmesh/sa/registry`;
}

/** How a process without a certificate shows who it is. */
export type CertificateProof =
  | { readonly kind: 'join-token'; readonly token: string }
  /** A Kubernetes service account's token, made for the audience that the registry expects. */
  | { readonly kind: 'kubernetes'; readonly token: string };

export interface CertificateRequest {
  /** PKCS#10 in PEM. It may name the workload that asks, and nobody else. */
  readonly csr: string;
  /** @default the client certificate of the connection: a renewal */
  readonly proof?: CertificateProof;
}

export interface CertificateIssued {
  /** PEM, the leaf first. */
  readonly chain: string;
  /** PEM: whom to trust. */
  readonly bundle: string;
  readonly spiffeId: string;
  /** Lower-case hexadecimal: what a revocation names. */
  readonly serial: string;
  readonly expiresInMs: number;
}

/** Whom the mesh trusts, and whom it no longer does. */
export interface TrustBundleAnswer {
  readonly trustDomain: string;
  /** PEM of every root that is trusted now, the next one included while a rotation is under way. */
  readonly bundle: string;
  /** SHA-256 of the root that signs now, as lower-case hexadecimal. */
  readonly fingerprint: string;
}

/** A root that the mesh trusts. */
export interface AuthorityRoot {
  /** SHA-256, as lower-case hexadecimal. */
  readonly fingerprint: string;
  /** What it says that it is: the subject of its certificate. */
  readonly subject: string;
  /**
   * `next`: published, signs later. `signing`: certificates lead to it now. `retiring`: it signs no
   * more, and is trusted until what it has signed is over. `trusted`: an operator's, besides.
   */
  readonly state: 'next' | 'signing' | 'retiring' | 'trusted';
  /** Milliseconds since the Unix epoch, as all below. Absent for an operator's. */
  readonly signsFrom?: number;
  /** Absent until another takes over. */
  readonly trustedUntil?: number;
  /** Of its own certificate. */
  readonly expiresAt: number;
}

export interface AuthorityStatus {
  readonly trustDomain: string;
  /** Of the certificates that workloads get. */
  readonly certificateLifeMs: number;
  /** Whether an authority of the operator's signs, whose roots the registry does not replace. */
  readonly intermediate: boolean;
  readonly roots: readonly AuthorityRoot[];
}

/** What the watch stream tells of trust: whole, each time that some of it changes. */
export interface TrustState {
  /** PEM. */
  readonly bundle: string;
  /** Serials of certificates that are refused though they have not expired. At most 10,000. */
  readonly revoked: readonly string[];
}

export interface ServiceTokenRequest {
  /** The service that is to accept it: `reviews.default`. */
  readonly audience: string;
}

export interface ServiceTokenIssued {
  readonly token: string;
  readonly expiresInMs: number;
}

/** What a token opens: a certificate for a workload, or the registry for a person or a program. */
export type TokenKind = 'join' | 'reader' | 'operator';

export interface NewToken {
  readonly kind: TokenKind;
  /** For people: whose it is or what for. Printable, 1 to 100 characters. Appears in the audit. */
  readonly name: string;
  /** Of a join token. @default 'default' */
  readonly namespace?: string;
  /** Of a join token, which must have one. */
  readonly serviceAccount?: string;
  /** How often a join token serves: 1 to 10,000. @default 1 */
  readonly uses?: number;
  /** At most a year. @default an hour for a join token, 90 days for the others */
  readonly ttlMs?: number;
}

/** A token as the registry remembers it: never the secret. */
export interface TokenRecord {
  readonly id: string;
  readonly kind: TokenKind;
  readonly name: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly usesLeft?: number;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface TokenCreated extends TokenRecord {
  /** The secret, this once. */
  readonly token: string;
}

export interface TokenList {
  readonly tokens: readonly TokenRecord[];
}

export interface NewRevocation {
  /** Hexadecimal, in any spelling. */
  readonly serial: string;
  /** For people. At most 200 characters. */
  readonly reason?: string;
}

export interface Revocation {
  readonly serial: string;
  readonly reason: string;
  /** Milliseconds since the Unix epoch; after `until` no certificate of that serial can be valid any more. */
  readonly revokedAt: number;
  readonly until: number;
}

export interface RevocationPage {
  readonly revocations: readonly Revocation[];
}

/** One change, or one attempt that was refused. */
export interface AuditEntry {
  /** Counts up over all entries of this server. */
  readonly number: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** A SPIFFE ID, `operator alice`, or `nobody`. */
  readonly actor: string;
  /** Whence: an IP address. */
  readonly remote: string;
  /** Method and route: `DELETE /v1/tokens/:id`. */
  readonly action: string;
  /** What it was done to, by the names of the route's parameters and what the handler adds. */
  readonly target: Readonly<Record<string, string>>;
  /** The HTTP status of the answer. */
  readonly status: number;
}

export interface AuditPage {
  /** The newest first. */
  readonly entries: readonly AuditEntry[];
  /** Pass as `after` for older ones; absent on the last page. */
  readonly next?: string;
}

export interface LogIn {
  /** A reader's or an operator's token. */
  readonly token: string;
}

export interface LoggedIn {
  readonly role: 'reader' | 'operator';
  readonly name: string;
  /** To be sent as `x-inmesh-csrf` with every request of this session that is not a GET. */
  readonly csrf: string;
  readonly expiresInMs: number;
}

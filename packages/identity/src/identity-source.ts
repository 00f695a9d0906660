import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { CredentialSource, MeshError, Unsubscribe } from '@inmesh/core';
import type { SvidCredential } from './credential.ts';
import type { RevocationList } from './revocation-list.ts';
import type { TrustBundle } from './trust-bundle.ts';

/** How an identity fares. `error` is of the last try, `attempts` counts those that failed in a row. */
export type IdentityState =
  | { readonly name: 'pending'; readonly attempts: number; readonly error: MeshError | undefined }
  | { readonly name: 'valid'; readonly attempts: number; readonly error: MeshError | undefined }
  /** Under a quarter of the certificate's life is left: somebody should look. */
  | { readonly name: 'expiring'; readonly attempts: number; readonly error: MeshError | undefined }
  | { readonly name: 'expired'; readonly attempts: number; readonly error: MeshError | undefined }
  | { readonly name: 'closed' };

/** What this process proves itself with, kept fresh. */
export interface IdentitySource extends CredentialSource {
  /**
   * The newest credential. An expired one is still handed out: a handshake that fails is better
   * than a caller that goes on in plain text because there seems to be no identity.
   */
  tls(): SvidCredential | undefined;
  connectOptions(identities: readonly string[]): ConnectionOptions | undefined;
  peerFault(socket: TLSSocket): string | undefined;
  /** Certificates that are refused whoever presents them. */
  readonly revoked: RevocationList;
  readonly state: IdentityState;
  /** Until the certificate expires, below 0 after it has; `undefined` without one. For metrics. */
  readonly expiresInMs: number | undefined;
  /** Resolves with the first credential. Throws `start_timeout` with the last failure, or `closed`. @param timeoutMs @default 30_000 */
  ready(timeoutMs?: number): Promise<SvidCredential>;
  /** Tells every new credential: after a renewal, and after a change of whom is trusted. */
  onChange(listener: (credential: SvidCredential) => void): Unsubscribe;
  /**
   * Replaces the authorities of one trust domain, ours or another's. While an authority is
   * replaced the bundle has the old and the new one; both are then trusted.
   */
  setTrustBundle(bundle: TrustBundle): void;
  /** Gets a new certificate now: after a revocation, or when a new proof of identity is at hand. */
  renew(): void;
  /** Stops renewing. The last credential stays. Idempotent. */
  close(): void;
}

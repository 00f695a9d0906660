import type { X509Certificate } from 'node:crypto';
import { type Clock, type Identity, MeshError } from '@inmesh/core';
import { verifyPath } from './chain.ts';
import type { RevocationList } from './revocation-list.ts';
import { readSvid, type Svid, type TlsRole } from './svid.ts';
import type { TrustBundles } from './trust-bundle.ts';

/** The other end of a connection, proven by its certificate. */
export interface Peer {
  readonly identity: Identity;
  /** Of its certificate: lower-case hexadecimal without leading zeros. */
  readonly serial: string;
  /** Until when what was proven holds, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** What every check of a peer goes by. */
export interface PeerChecks {
  readonly clock: Clock;
  readonly revoked: RevocationList;
}

/**
 * Our own checks of a peer that has passed OpenSSL's: it holds the key, and some authority that we
 * trust has signed for it. What is left is that its certificate is an SVID, that the authority is
 * one of *its own* trust domain, and that it is neither expired nor revoked. Throws `unauthenticated`.
 */
export function verifyPeer(
  certificate: X509Certificate,
  intermediates: readonly X509Certificate[],
  role: TlsRole,
  trust: TrustBundles,
  { clock, revoked }: PeerChecks,
): Peer {
  const svid = readSvid(certificate, [role]);
  const { trustDomain, spiffeId } = svid.identity;
  const bundle = trust.get(trustDomain);
  if (bundle === undefined) {
    throw refused(spiffeId, `trust domain ${trustDomain} is not trusted here`);
  }
  // With a single bundle OpenSSL has walked the path against it, and needs no second walk.
  const expiresAt =
    trust.size === 1
      ? svid.expiresAt
      : verifyPath(svid, intermediates, bundle.authorities, clock.wallNow());
  const peer = Object.freeze({ identity: svid.identity, serial: svid.serial, expiresAt });
  const reason = validityFault(peer, { clock, revoked });
  if (reason !== undefined) throw refused(spiffeId, reason);
  return peer;
}

/** Why a peer that was verified once is no longer to be served; `undefined` while it is. */
export function validityFault(
  peer: Pick<Svid, 'serial' | 'expiresAt'>,
  { clock, revoked }: PeerChecks,
): string | undefined {
  if (clock.wallNow() >= peer.expiresAt) {
    return `it expired at ${new Date(peer.expiresAt).toISOString()}`;
  }
  if (revoked.has(peer.serial)) return `serial ${peer.serial} is revoked`;
  return undefined;
}

function refused(name: string, reason: string): MeshError {
  return new MeshError('unauthenticated', `certificate of ${name} refused: ${reason}`);
}

import { X509Certificate } from 'node:crypto';
import type { ConnectionOptions, DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import { MeshError } from '@inmesh/core';
import type { SvidCredential } from './credential.ts';
import { type PeerChecks, verifyPeer } from './peer.ts';
import { parseSpiffeId } from './spiffe-id.ts';

/** For `tls.connect`, `https.Agent` and undici's `connect`. */
export interface ClientTlsOptions extends ConnectionOptions {
  /**
   * undici and `https.Agent` keep sessions, and Node does not call `checkServerIdentity` for a
   * resumed one: a peer of another name would be taken.
   */
  readonly maxCachedSessions: 0;
}

/** Certificates above a leaf; what is longer is nobody's chain. */
const maxChainLength = 10;

/**
 * Options that prove `credential` and accept only a server whose certificate is an SVID of one of
 * `identities`. DNS names do not count, in either direction. Make them anew for every connection.
 * Throws `invalid_argument` when `identities` is empty or holds what is no SPIFFE ID.
 */
export function clientTlsOptions(
  credential: SvidCredential,
  identities: readonly string[],
  checks: PeerChecks,
): ClientTlsOptions {
  if (identities.length === 0) {
    throw new MeshError('invalid_argument', 'identities must name whom to speak to, got none');
  }
  const expected = identities.map((identity) => parseSpiffeId(identity).uri);
  return {
    secureContext: credential.context,
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) =>
      serverFault(certificate, credential, expected, checks),
    ALPNProtocols: ['http/1.1'],
    maxCachedSessions: 0,
  };
}

function serverFault(
  presented: PeerCertificate,
  credential: SvidCredential,
  expected: readonly string[],
  checks: PeerChecks,
): Error | undefined {
  try {
    const [leaf, ...above] = presentedChain(presented);
    if (leaf === undefined) throw new MeshError('unauthenticated', 'the server has no certificate');
    const { identity } = verifyPeer(leaf, above, 'server', credential.trust, checks);
    if (expected.includes(identity.spiffeId)) return undefined;
    return new MeshError(
      'unauthenticated',
      `the server is ${identity.spiffeId}, expected ${expected.join(' or ')}`,
      { maybeProcessed: false },
    );
  } catch (error) {
    return error as Error;
  }
}

/** The leaf and what came with it. The last one of Node's list is its own issuer. */
export function presentedChain(presented: PeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next: Partial<DetailedPeerCertificate> | undefined = presented;
  let last: unknown;
  while (next?.raw !== undefined && next !== last && chain.length < maxChainLength) {
    chain.push(new X509Certificate(next.raw));
    last = next;
    next = next.issuerCertificate;
  }
  return chain;
}

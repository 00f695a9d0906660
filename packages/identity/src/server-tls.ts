import type { Server, TLSSocket, TlsOptions } from 'node:tls';
import { MeshError, type Unsubscribe } from '@inmesh/core';
import { presentedChain } from './client-tls.ts';
import { contextOptions, type SvidCredential } from './credential.ts';
import type { IdentitySource } from './identity-source.ts';
import { type Peer, type PeerChecks, verifyPeer } from './peer.ts';

/**
 * Options for a server that proves `credential` and lets only peers in that prove themselves, or
 * with `optional` also those that show nothing. They are not all: call `verifyClient` for every
 * connection that has shown something, and `followIdentity` for rotation.
 */
export function serverTlsOptions(
  credential: SvidCredential | undefined,
  clientCertificate: 'required' | 'optional' = 'required',
): TlsOptions {
  return {
    ...(credential === undefined ? {} : contextOptions(credential)),
    requestCert: true,
    rejectUnauthorized: clientCertificate === 'required',
    ALPNProtocols: ['http/1.1'],
  };
}

/** Gives `server` every new credential. Handshakes that go on and open connections keep theirs. */
export function followIdentity(server: Server, identity: IdentitySource): Unsubscribe {
  return identity.onChange((credential) => server.setSecureContext(contextOptions(credential)));
}

/** Who has connected. Call it on `secureConnection`, before anything is read. Throws `unauthenticated`. */
export function verifyClient(
  socket: TLSSocket,
  credential: SvidCredential,
  checks: PeerChecks,
): Peer {
  // Neither can be with our options; whoever loosens them must not open the door by it.
  if (!socket.authorized) {
    throw new MeshError(
      'unauthenticated',
      `TLS has refused the peer: ${socket.authorizationError}`,
    );
  }
  if (socket.isSessionReused()) {
    throw new MeshError(
      'unauthenticated',
      'the peer has resumed a session, which proves nothing new',
    );
  }
  const { trust } = credential;
  const [leaf, ...above] = presentedChain(socket.getPeerCertificate(trust.size > 1));
  if (leaf === undefined) throw new MeshError('unauthenticated', 'the peer has no certificate');
  return verifyPeer(leaf, above, 'client', trust, checks);
}

import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { type Clock, isMeshError, MeshError } from '@inmesh/core';
import type { IdentitySource } from './identity-source.ts';
import type { Peer } from './peer.ts';
import { followIdentity, serverTlsOptions, verifyClient } from './server-tls.ts';

export interface HandshakeOptions {
  readonly identity: IdentitySource;
  readonly clientCertificate: 'required' | 'optional';
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  /** The handshake is over and the peer is who it says; `undefined` where it has shown nothing and need not. */
  readonly onVerified: (socket: TLSSocket, peer: Peer | undefined) => void;
  /** The socket is being closed. */
  readonly onRefused: (error: MeshError, socket: Socket) => void;
}

/** Turns accepted connections into verified ones, with the newest certificate for each. */
export interface Handshakes {
  start(socket: Socket): void;
  /** Follows the identity no longer. Idempotent. */
  stop(): void;
}

/** A `tls.Server` that never listens: Node's way to hand a connection to TLS, with its deadline and its checks. */
export function createHandshakes(options: HandshakeOptions): Handshakes {
  const { identity, clientCertificate, clock, onVerified, onRefused } = options;
  const { revoked } = identity;
  const server = createServer({
    ...serverTlsOptions(identity.tls(), clientCertificate),
    handshakeTimeout: options.handshakeTimeoutMs,
  });
  const refuse = (reason: unknown, socket: TLSSocket): void => {
    const error = isMeshError(reason)
      ? reason
      : new MeshError('unauthenticated', `no TLS handshake: ${String(reason)}`, { cause: reason });
    onRefused(error, socket);
    socket.destroy();
  };
  const verify = (socket: TLSSocket): Peer | undefined => {
    if (clientCertificate === 'optional' && !hasCertificate(socket)) return undefined;
    const credential = identity.tls();
    if (credential !== undefined) return verifyClient(socket, credential, { clock, revoked });
    throw new MeshError('unauthenticated', 'there is no identity yet');
  };
  server.on('secureConnection', (socket: TLSSocket) => {
    let peer: Peer | undefined;
    try {
      peer = verify(socket);
    } catch (error) {
      refuse(error, socket);
      return;
    }
    onVerified(socket, peer);
  });
  server.on('tlsClientError', (error, socket) => {
    // OpenSSL's verdict on the certificate says more than the connection that was cut for it.
    refuse(socket.authorizationError ?? error, socket);
  });
  return {
    start: (socket) => void server.emit('connection', socket),
    stop: followIdentity(server, identity),
  };
}

/** Node gives an empty object for a client that has shown none. */
function hasCertificate(socket: TLSSocket): boolean {
  return Object.keys(socket.getPeerCertificate()).length > 0;
}

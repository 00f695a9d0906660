import type { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { MeshError } from '@inmesh/core';
import { createConnectionGuard } from './connection-guard.ts';
import { readFirstByte } from './first-byte.ts';
import { createHandshakes } from './handshakes.ts';
import { type MutualTlsOptions, resolveMutualTlsOptions } from './mutual-tls-options.ts';
import type { Peer } from './peer.ts';
import { createPendingConnections } from './pending-connections.ts';
import { lostAuthority } from './trust-bundle.ts';

/** Mutual TLS on a plain `http.Server`. */
export interface MutualTls {
  /** Who is at the other end of a request's socket, proven and still valid; `undefined` on a plain connection. */
  peerOf(socket: Socket): Peer | undefined;
  /** Open connections, plain ones too, without those that are still in their handshake. */
  readonly connections: number;
  /** Goes by a changed mode: connections that it no longer allows say goodbye and close. */
  modeChanged(): void;
  /** Takes it off again: new connections are plain. Call it once the server has closed. Idempotent. */
  close(): void;
}

/** All that bring work on a connection; none must be a way around the guard. */
const workEvents = new Set<string | symbol>([
  'request',
  'checkContinue',
  'checkExpectation',
  'upgrade',
  'connect',
]);

/**
 * Puts mutual TLS before an ordinary `http.Server`, Express' or Fastify's own included, and lets
 * everything else see it unchanged: one listening socket, one `connection` event per connection
 * that is ready (with a `TLSSocket` where there is TLS), one `close`. That is why it stands between
 * the listening socket and the server's listeners, and not in a server of its own.
 *
 * Call it before `listen`. Throws `invalid_argument` for an `https.Server`: it has a TLS of its own.
 */
export function serveMutualTls(server: Server, options: MutualTlsOptions): MutualTls {
  if (server instanceof SecureServer) {
    throw new MeshError('invalid_argument', 'server must be an http.Server, got an https.Server');
  }
  const resolved = resolveMutualTlsOptions(options);
  const { identity, mode, firstByteTimeoutMs, logger } = resolved;
  const { revoked } = identity;
  const emit = server.emit;

  const tell = (error: MeshError, { remoteAddress: address }: Socket): void => {
    logger.info({ err: error, address }, 'a peer was refused');
    try {
      resolved.onEvent({ kind: 'peer-refused', error, address });
    } catch (err) {
      logger.error({ err }, 'an observer threw');
    }
  };
  const guard = createConnectionGuard({
    ...resolved,
    revoked,
    onRefused: ({ identity: { spiffeId } }, reason, socket) => {
      tell(new MeshError('unauthenticated', `${spiffeId} has lost access: ${reason}`), socket);
    },
  });
  const pending = createPendingConnections(server, resolved.clock);
  const handOver = (socket: Socket, peer: Peer | undefined): void => {
    pending.remove(socket);
    guard.watch(socket, peer);
    Reflect.apply(emit, server, ['connection', socket]);
  };
  const handshakes = createHandshakes({ ...resolved, onVerified: handOver, onRefused: tell });

  const onFirstByte = (socket: Socket, first: 'tls' | 'plain'): void => {
    if (first === 'tls') {
      handshakes.start(socket);
    } else if (mode() === 'strict') {
      // It has become strict while the connection was silent.
      tell(new MeshError('unauthenticated', 'only mutual TLS is taken'), socket);
      socket.destroy();
    } else {
      handOver(socket, undefined);
      socket.resume();
    }
  };
  const onConnection = (socket: Socket): void => {
    if (!resolved.admit(socket)) {
      socket.destroy();
      return;
    }
    const now = mode();
    if (now === 'disable') {
      handOver(socket, undefined);
      return;
    }
    socket.on('error', ignore);
    pending.add(socket);
    if (now === 'strict') handshakes.start(socket);
    else readFirstByte(socket, firstByteTimeoutMs, (first) => onFirstByte(socket, first));
  };
  const emitGuarded = (...event: Parameters<EventEmitter['emit']>): boolean => {
    if (event[0] === 'connection') {
      onConnection(event[1] as Socket);
      return true;
    }
    if (workEvents.has(event[0])) {
      const [, { socket }, response] = event as [string, IncomingMessage, ServerResponse | Socket];
      if (!guard.admits(socket, 'setHeader' in response ? response : undefined)) return true;
    }
    return Reflect.apply(emit, server, event);
  };
  server.emit = emitGuarded;

  let trust = identity.tls()?.trust;
  const stops = [
    handshakes.stop,
    identity.onChange((credential) => {
      // Whose authority is gone has to prove itself again, on open connections too.
      if (trust !== undefined && lostAuthority(trust, credential.trust)) guard.retire(isTls);
      trust = credential.trust;
    }),
    revoked.onChange(() => guard.check()),
  ];
  return {
    peerOf: (socket) => guard.peer(socket),
    get connections() {
      return guard.connections;
    },
    modeChanged() {
      const now = mode();
      if (now === 'strict') guard.retire((peer) => peer === undefined);
      if (now === 'disable') guard.retire(isTls);
    },
    close() {
      for (const stop of stops) stop();
      guard.close();
      pending.close();
      // Whoever wrapped it after us still calls ours: then it has to stay.
      if (server.emit === emitGuarded) server.emit = emit;
    },
  };
}

const isTls = (peer: Peer | undefined): boolean => peer !== undefined;

/** A connection that breaks before anybody listens to it must not end the process. */
const ignore = (): void => {};

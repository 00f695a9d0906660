import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '@inmesh/core';

/** Connections that have been accepted and are nobody's yet: silent, or in their handshake. */
export interface PendingConnections {
  add(socket: Socket): void;
  /** It is somebody's now. `socket` may be the one that TLS has put over the one that was added. */
  remove(socket: Socket): void;
  /** Ends those that are left. Idempotent. */
  close(): void;
}

interface Pending {
  readonly socket: Socket;
  readonly since: number;
}

/** How often it is looked whether the server still listens. */
const sweepMs = 250;
/** A peer that has connected just before the server closed may still say what it wants. */
const quietMs = 500;

/**
 * A server that closes waits for every connection, and does not know these. So they are ended when
 * the server has stopped listening, by whoever, and they have had time to become something.
 */
export function createPendingConnections(server: Server, clock: Clock): PendingConnections {
  const pending = new Map<string, Pending>();
  let timer: Timer | undefined;
  let closed = false;

  const sweep = (): void => {
    timer = undefined;
    if (closed || pending.size === 0) return;
    if (!server.listening) {
      const quietSince = clock.now() - quietMs;
      for (const { socket, since } of pending.values()) if (since <= quietSince) socket.destroy();
    }
    timer = clock.setTimer(sweep, sweepMs);
  };
  return {
    add(socket) {
      const name = connectionName(socket);
      // Unix sockets have none. They are local, and end with the first byte's or the handshake's deadline.
      if (name === undefined || closed) return;
      pending.set(name, { socket, since: clock.now() });
      socket.once('close', () => {
        if (pending.get(name)?.socket === socket) pending.delete(name);
      });
      timer ??= clock.setTimer(sweep, sweepMs);
    },
    remove(socket) {
      const name = connectionName(socket);
      if (name !== undefined) pending.delete(name);
    },
    close() {
      closed = true;
      timer?.cancel();
      for (const { socket } of pending.values()) socket.destroy();
      pending.clear();
    },
  };
}

/**
 * What is unique to a TCP connection and the same on the raw socket and on the TLS socket over it:
 * Node tells no other way which raw socket a finished handshake belongs to.
 */
function connectionName(socket: Socket): string | undefined {
  const { remotePort, remoteAddress, localPort, localAddress } = socket;
  if (remotePort === undefined) return undefined;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

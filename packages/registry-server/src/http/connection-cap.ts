import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '@inmesh/core';
import { networkOf } from '../access/admission.ts';

/** Counts a connection in; `false` for one of an address (of IPv6, a network) that has `limit` of them open already (CVE-2020-7219). */
export function createConnectionCap(limit: number, logger: Logger): (socket: Socket) => boolean {
  const open = new Map<string, number>();
  return (socket) => {
    const peer = networkOf(socket.remoteAddress ?? '');
    const count = open.get(peer) ?? 0;
    if (count >= limit) {
      logger.debug({ peer, limit }, 'connection refused: too many of this peer');
      return false;
    }
    open.set(peer, count + 1);
    socket.once('close', () => {
      const left = (open.get(peer) ?? 1) - 1;
      if (left === 0) open.delete(peer);
      else open.set(peer, left);
    });
    return true;
  };
}

/** Closes connections to a plain server that `admit` does not take. */
export function refuseConnections(server: Server, admit: (socket: Socket) => boolean): void {
  server.on('connection', (socket: Socket) => {
    if (!admit(socket)) socket.destroy();
  });
}

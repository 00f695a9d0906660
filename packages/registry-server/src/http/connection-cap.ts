import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '@inmesh/core';

/** Closes connections of an address that has `limit` of them open already (CVE-2020-7219). */
export function capConnections(server: Server, limit: number, logger: Logger): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress ?? '';
    const count = open.get(peer) ?? 0;
    if (count >= limit) {
      logger.debug({ peer, limit }, 'connection refused: too many of this peer');
      socket.destroy();
      return;
    }
    open.set(peer, count + 1);
    socket.once('close', () => {
      const left = (open.get(peer) ?? 1) - 1;
      if (left === 0) open.delete(peer);
      else open.set(peer, left);
    });
  });
}

/** Requests over mutual TLS written by hand: who asks must not cost more of the machine than who answers. */
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { registryIdentity } from '@inmesh/core';
import type { IdentitySource } from '@inmesh/identity';
import { wholeBody } from './registry-load.ts';

export interface Lanes {
  /** Over the first connection that is free. Throws for an answer that is no success. */
  send(request: Buffer): Promise<void>;
  close(): void;
}

export async function openLanes(url: URL, identity: IdentitySource, count: number): Promise<Lanes> {
  const open = (): Promise<TLSSocket> => openSecure(url, identity);
  const sockets = await Promise.all(Array.from({ length: count }, open));
  const free = [...sockets];
  const waiting: ((socket: TLSSocket) => void)[] = [];
  const borrow = (): TLSSocket | Promise<TLSSocket> =>
    free.pop() ?? new Promise((resolve) => waiting.push(resolve));
  return {
    async send(request) {
      const socket = await borrow();
      await exchange(socket, request);
      const next = waiting.shift();
      if (next === undefined) free.push(socket);
      else next(socket);
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function openSecure(url: URL, identity: IdentitySource): Promise<TLSSocket> {
  const tls = identity.connectOptions([registryIdentity('cluster.local')]);
  const socket = connect({ ...tls, host: url.hostname, port: Number(url.port) });
  socket.setNoDelay();
  await once(socket, 'secureConnect');
  return socket;
}

function exchange(socket: TLSSocket, request: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (wholeBody(text) === undefined) return;
      socket.off('data', onData).off('close', onClose);
      if (text.startsWith('HTTP/1.1 2')) resolve();
      else reject(new Error(`unexpected answer: ${text}`));
    };
    const onClose = (): void => reject(new Error('the registry closed a connection'));
    socket.on('data', onData).once('close', onClose);
    socket.write(request);
  });
}

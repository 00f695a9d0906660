import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { resetSocket } from './reset-socket.ts';

/** What the proxy does to the connections that go through it, those that are open already included. */
export type NetworkFault =
  | { readonly kind: 'none' }
  /** Resets what is open and whatever comes. */
  | { readonly kind: 'cut' }
  /** Half-open: connections stand and take bytes, and nothing ever comes of them. */
  | { readonly kind: 'black-hole' }
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Answers come one byte after the other. */
  | { readonly kind: 'drip'; readonly intervalMs: number };

/** A TCP proxy on 127.0.0.1 before one port, with a fault in it. */
export interface FaultProxy {
  readonly port: number;
  /** The port that new connections go on to. */
  target: number;
  fault: NetworkFault;
  /** Destroys every connection and stops listening. Idempotent. */
  close(): Promise<void>;
}

interface Link {
  readonly downstream: Socket;
  readonly upstream: Socket;
}

export async function startFaultProxy(target: number): Promise<FaultProxy> {
  const links = new Set<Link>();
  const timers = new Set<NodeJS.Timeout>();
  let fault: NetworkFault = { kind: 'none' };

  const later = (delayMs: number, run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, delayMs);
    timers.add(timer);
  };
  const drip = (to: Socket, bytes: Buffer, intervalMs: number): void => {
    if (bytes.length === 0 || to.destroyed) return;
    to.write(bytes.subarray(0, 1));
    later(intervalMs, () => drip(to, bytes.subarray(1), intervalMs));
  };
  const forward = (to: Socket, bytes: Buffer, isAnswer: boolean): void => {
    const { kind } = fault;
    if (kind === 'black-hole' || to.destroyed) return;
    if (kind === 'delay') later(fault.delayMs, () => void (to.destroyed || to.write(bytes)));
    else if (kind === 'drip' && isAnswer) drip(to, bytes, fault.intervalMs);
    else to.write(bytes);
  };
  const cut = ({ downstream, upstream }: Link): void => {
    resetSocket(downstream);
    upstream.destroy();
  };
  const server = createServer((downstream) => {
    const upstream = connect(proxy.target, '127.0.0.1');
    const link = { downstream, upstream };
    links.add(link);
    downstream.setNoDelay(true);
    downstream.on('data', (bytes) => forward(upstream, bytes, false));
    upstream.on('data', (bytes) => forward(downstream, bytes, true));
    for (const socket of [downstream, upstream]) {
      // Whatever ends one side ends the other; a black hole tells nobody.
      socket.on('error', () => {});
      socket.on('close', () => {
        if (fault.kind === 'black-hole') return;
        links.delete(link);
        downstream.destroy();
        upstream.destroy();
      });
    }
    if (fault.kind === 'cut') cut(link);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: FaultProxy = {
    port: (server.address() as AddressInfo).port,
    target,
    get fault() {
      return fault;
    },
    set fault(next) {
      fault = next;
      // What a fault has held up or swallowed is lost for good: such connections cannot go on.
      for (const link of links) if (next.kind === 'cut' || next.kind === 'none') cut(link);
    },
    async close() {
      for (const timer of timers) clearTimeout(timer);
      for (const link of links) cut(link);
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

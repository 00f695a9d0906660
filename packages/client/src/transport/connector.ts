import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '@inmesh/core';

/** What to connect to. One object per connection pool. */
export interface ConnectTarget {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  /** The name that the server's certificate must carry; `undefined` is plain TCP. */
  readonly serverName: string | undefined;
}

export interface Connected {
  readonly socket: Socket;
  readonly mutualTls: boolean;
}

/** Opens one socket. `done` comes exactly once, never synchronously, unless the answer was cancelled before. */
export type Connector = (
  target: ConnectTarget,
  timeoutMs: number,
  done: (result: Connected | Error) => void,
) => CancelConnect;

/** Destroys the half-open socket; `done` will not come. Idempotent. */
export type CancelConnect = () => void;

/** Node's reads from a socket: its default of 64 KiB, said because undici pauses by it. */
const highWaterMark = 64 * 1024;
/** The kernel's probe of a silent connection; finds peers that vanished without a FIN. */
const keepAliveInitialDelay = 60_000;

/** Plain TCP, and TLS against the system's roots where the URL says `https`. */
export function createConnector(clock: Clock): Connector {
  return (target, timeoutMs, done) => {
    const socket = openSocket(target);
    const timer =
      timeoutMs === 0
        ? undefined
        : clock.setTimer(() => {
            socket.destroy(
              Object.assign(new Error(`no connection within ${timeoutMs} ms`), {
                code: 'ETIMEDOUT',
              }),
            );
          }, timeoutMs);
    let waiting = true;
    const finish = (result: Connected | Error): void => {
      if (!waiting) return;
      waiting = false;
      timer?.cancel();
      done(result);
    };
    socket.once(target.serverName === undefined ? 'connect' : 'secureConnect', () => {
      finish({ socket, mutualTls: false });
    });
    // Stays for good: an error on a socket that nobody reads yet must not end the process.
    socket.on('error', finish);
    socket.once('close', () => finish(new Error('the connection closed before it was ready')));
    return () => {
      if (!waiting) return;
      waiting = false;
      timer?.cancel();
      socket.destroy();
    };
  };
}

function openSocket({ address, port, serverName }: ConnectTarget): Socket {
  const common = {
    host: address,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay,
    highWaterMark,
  };
  if (serverName === undefined) return connectTcp(common);
  return connectTls({
    ...common,
    host: address,
    // An IP literal is no server name (RFC 6066); the certificate is checked against it all the same.
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ALPNProtocols: ['http/1.1'],
  });
}

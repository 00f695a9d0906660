import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { type Clock, type CredentialSource, MeshError } from '@inmesh/core';
import type { ConnectSecurity } from './connect-security.ts';
import { policyTlsOptions } from './policy-tls.ts';

/** What to connect to. One object per connection pool. */
export interface ConnectTarget {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  readonly security: ConnectSecurity;
}

export interface Connected {
  readonly socket: Socket;
  readonly mutualTls: boolean;
  /** Why it is to be used no more though it is open; `undefined` where nothing was proven. */
  readonly fault: (() => string | undefined) | undefined;
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

/** @param credentials What mutual TLS proves ourselves with. */
export function createConnector(
  clock: Clock,
  credentials: CredentialSource | undefined,
): Connector {
  return (target, timeoutMs, done) => {
    let socket: Socket;
    try {
      socket = openSocket(target, credentials);
    } catch (error) {
      return failLater(error as Error, done);
    }
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
    socket.once(target.security.kind === 'plain' ? 'connect' : 'secureConnect', () => {
      finish(connected(socket, target.security, credentials));
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

function connected(
  socket: Socket,
  { kind }: ConnectSecurity,
  credentials: CredentialSource | undefined,
): Connected {
  if (kind !== 'mutual') return { socket, mutualTls: false, fault: undefined };
  const fault = (): string | undefined => credentials?.peerFault?.(socket as TLSSocket);
  return { socket, mutualTls: true, fault };
}

/** `done` never comes in the same turn. */
function failLater(error: Error, done: (result: Error) => void): CancelConnect {
  let waiting = true;
  queueMicrotask(() => {
    if (waiting) done(error);
  });
  return () => {
    waiting = false;
  };
}

/** Throws when there is nothing to prove ourselves with, or a file of a DestinationRule cannot be used. */
function openSocket(
  { address, port, security }: ConnectTarget,
  credentials: CredentialSource | undefined,
): Socket {
  const common = {
    host: address,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay,
    highWaterMark,
  };
  if (security.kind === 'plain') return connectTcp(common);
  return connectTls({ ...tlsOptions(security, credentials), ...common });
}

function tlsOptions(
  security: Exclude<ConnectSecurity, { kind: 'plain' }>,
  credentials: CredentialSource | undefined,
): ConnectionOptions {
  if (security.kind === 'mutual') {
    const options = credentials?.connectOptions?.(security.identities);
    if (options !== undefined) return options;
    throw new MeshError('unauthenticated', 'there is no identity yet to prove ourselves with', {
      maybeProcessed: false,
    });
  }
  const { serverName } = security;
  return {
    // An IP literal is no server name (RFC 6066); the certificate is checked against it all the same.
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(security.kind === 'policy' ? policyTlsOptions(security.policy, serverName) : {}),
    ALPNProtocols: ['http/1.1'],
  };
}

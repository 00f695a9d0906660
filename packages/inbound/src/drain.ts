import type { Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { type Clock, MeshError, meshHeaders, systemClock } from '@inmesh/core';
import { type ConnectionTracker, trackConnections } from './connection-tracker.ts';

/**
 * `serving` → `draining` (still takes everything, tells callers to go elsewhere) → `closing` (takes
 * no new connection, finishes what is in flight) → `closed`.
 */
export type DrainPhase = 'serving' | 'draining' | 'closing' | 'closed';

export interface DrainOptions {
  /**
   * How long a connection must have been silent before it is closed: a request that is on its way
   * shows up within it.
   * @default 500
   */
  readonly quietMs?: number;
  /** @default systemClock */
  readonly clock?: Clock;
}

export interface DrainReport {
  /** Requests that were still in flight at the deadline and were cut. 0 is a clean drain. */
  readonly cutRequests: number;
  /** Connections open at the deadline, upgraded ones (WebSockets) among them. */
  readonly cutConnections: number;
}

/** Takes a server out of service without losing a request. */
export interface Drain {
  readonly phase: DrainPhase;
  /** Requests whose response has not ended. */
  readonly inFlight: number;
  /** Open connections. */
  readonly connections: number;
  /**
   * From now on every response carries `connection: close` and `inmesh-draining: 1`, those in
   * flight included. Everything that arrives is still served. Idempotent.
   */
  start(): void;
  /**
   * Starts, stops listening, closes each connection when its last response is out or it has been
   * silent for `quietMs`, and cuts what is left after `timeoutMs`. Call it once callers have heard
   * (the propagation window). Resolves when everything is closed; a second call gets the same promise.
   * @param timeoutMs @default 30_000
   */
  close(timeoutMs?: number): Promise<DrainReport>;
}

/** How often connections are looked at while closing. */
const sweepEveryMs = 25;

/** Call it before `server.listen`: it has to see every connection. */
export function createDrain(server: Server | SecureServer, options: DrainOptions = {}): Drain {
  const { quietMs = 500, clock = systemClock } = options;
  checkDuration('quietMs', quietMs);
  let phase: DrainPhase = 'serving';
  let closing: Promise<DrainReport> | undefined;
  const tracker = trackConnections(server, clock, (response) => {
    if (phase !== 'serving') sayGoodbye(response);
  });

  const start = (): void => {
    if (phase !== 'serving') return;
    phase = 'draining';
    for (const response of tracker.responses) sayGoodbye(response);
  };
  const close = async (timeoutMs: number): Promise<DrainReport> => {
    start();
    phase = 'closing';
    const closed = stopListening(server);
    await emptied(tracker, quietMs, timeoutMs, clock);
    const report = { cutRequests: tracker.responses.size, cutConnections: tracker.open };
    // The server may say that it is closed before its connections have.
    await Promise.all([tracker.destroyAll(), closed]);
    tracker.stop();
    phase = 'closed';
    return report;
  };

  return {
    get phase() {
      return phase;
    },
    get inFlight() {
      return tracker.responses.size;
    },
    get connections() {
      return tracker.open;
    },
    start,
    close(timeoutMs = 30_000) {
      checkDuration('timeoutMs', timeoutMs);
      closing ??= close(timeoutMs);
      return closing;
    },
  };
}

function checkDuration(name: string, value: number): void {
  if (value >= 0) return;
  throw new MeshError('invalid_argument', `${name} must be at least 0, got ${value}`);
}

/** A head that is out cannot be changed: such a connection is closed once it is quiet. */
function sayGoodbye(response: ServerResponse): void {
  if (response.headersSent) return;
  response.setHeader('connection', 'close');
  response.setHeader(meshHeaders.draining, '1');
}

/**
 * Resolves when the last connection is gone. `http` would also close all connections without a
 * request at once, among them those whose next request is on its way: that part is left out.
 */
function stopListening(server: Server | SecureServer): Promise<void> {
  return new Promise((resolve) => {
    const closeIdle = Object.getOwnPropertyDescriptor(server, 'closeIdleConnections');
    server.closeIdleConnections = () => {};
    // An error only says that it was not listening, which is what is asked for.
    server.close(() => resolve());
    if (closeIdle === undefined) Reflect.deleteProperty(server, 'closeIdleConnections');
    else Object.defineProperty(server, 'closeIdleConnections', closeIdle);
  });
}

/** Resolves when no connection is left, or at the time-out. A TLS handshake gets `quietMs` to become one. */
function emptied(
  tracker: ConnectionTracker,
  quietMs: number,
  timeoutMs: number,
  clock: Clock,
): Promise<void> {
  const begin = clock.now();
  return new Promise((resolve) => {
    const sweep = (): void => {
      tracker.closeQuiet(quietMs);
      const waited = clock.now() - begin;
      const onlyHandshakes = tracker.open === tracker.handshaking;
      if ((onlyHandshakes && (tracker.open === 0 || waited >= quietMs)) || waited >= timeoutMs) {
        resolve();
      } else sweepLater();
    };
    // After the poll phase: what has reached this process has been read before we look.
    const sweepLater = (): void => {
      clock.setTimer(() => setImmediate(sweep), sweepEveryMs, { keepAlive: true });
    };
    sweepLater();
  });
}

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Random, Timer } from '@inmesh/core';
import { type Peer, type PeerChecks, validityFault } from './peer.ts';

export interface ConnectionGuardOptions extends PeerChecks {
  readonly random: Random;
  /** How old a connection of a verified peer gets at most. */
  readonly maxAgeMs: number;
  /** How long a response may go on after its connection has lost its right to be. */
  readonly graceMs: number;
  /** Told once of every connection whose peer has lost access. */
  readonly onRefused: (peer: Peer, reason: string, socket: Socket) => void;
}

/**
 * Ends connections in time: TLS proves the peer when a connection opens and never again, so one that
 * stays open would outlive an expired or revoked certificate.
 *
 * A connection that is only old is *retired*: its next response says `connection: close`, and it is
 * closed when it has been quiet. One whose peer has lost access is *cut*: no further request of it
 * is served, and it is closed with the response that goes on, or after `graceMs`.
 */
export interface ConnectionGuard {
  /** Begins to watch a connection. `peer` is `undefined` on a plain one, which ends only by `retire`. */
  watch(socket: Socket, peer: Peer | undefined): void;
  /** Whether a request that has arrived may be served. A connection that is not watched is destroyed. */
  admits(socket: Socket, response: ServerResponse | undefined): boolean;
  /** Retires connections now; what goes on after `graceMs` is cut. */
  retire(which: (peer: Peer | undefined) => boolean): void;
  /** Looks at every connection now: the revocation list has changed. */
  check(): void;
  /** The peer of a watched connection, while it has access. */
  peer(socket: Socket): Peer | undefined;
  readonly connections: number;
  /** Watches nothing any more; connections stay open. Idempotent. */
  close(): void;
}

interface Watched {
  readonly socket: Socket;
  readonly peer: Peer | undefined;
  /** The newest response: answers come in order, so when it has ended all have. */
  response: ServerResponse | undefined;
  state:
    | { readonly name: 'open'; readonly retireAt: number }
    | { readonly name: 'retired'; readonly cutAt: number; bytesRead: number; quietMs: number }
    | { readonly name: 'cut'; readonly destroyAt: number };
}

/** How soon an expiry is noticed on a connection that sends nothing. */
const sweepMs = 1_000;
/** While connections are being ended: their last response should not keep them long. */
const busySweepMs = 50;
/** A request that is on its way shows up within it; as long as the drain of a server waits. */
const quietMs = 500;
/**
 * So much of the time between two looks counts as quiet at most: while this process stands still,
 * requests wait in its sockets, and they are read after the timers that are due.
 */
const maxLookMs = 2 * busySweepMs;

export function createConnectionGuard(options: ConnectionGuardOptions): ConnectionGuard {
  const { clock, random, maxAgeMs, graceMs, onRefused } = options;
  const watched = new Map<Socket, Watched>();
  let timer: Timer | undefined;
  let sweptAt = clock.now();
  let closed = false;

  const retireAt = (peer: Peer | undefined): number => {
    if (peer === undefined) return Number.POSITIVE_INFINITY;
    // So early that the last response under the certificate ends before it does.
    const life = peer.expiresAt - clock.wallNow() - graceMs;
    // By chance up to a fifth earlier: connections that opened together must not close together.
    return clock.now() + Math.max(0, Math.min(maxAgeMs, life)) * (0.8 + random() * 0.2);
  };
  const cut = (one: Watched, peer: Peer, reason: string): void => {
    one.state = { name: 'cut', destroyAt: clock.now() + graceMs };
    onRefused(peer, reason, one.socket);
  };
  const retire = (one: Watched, cutAt: number): void => {
    const { bytesRead } = one.socket;
    one.state = { name: 'retired', cutAt, bytesRead, quietMs: 0 };
    if (isBusy(one)) sayGoodbye(one.response);
  };
  /** What time has done to a connection. */
  const age = (one: Watched, now: number): void => {
    const { peer, state } = one;
    // A plain connection has nothing that could run out.
    if (peer === undefined || state.name === 'cut') return;
    const reason = validityFault(peer, options);
    if (reason !== undefined) cut(one, peer, reason);
    else if (state.name === 'open' && now >= state.retireAt) retire(one, Number.POSITIVE_INFINITY);
  };
  /** Moves one connection on by a step; `true` when it is being ended. */
  const step = (one: Watched, now: number): boolean => {
    age(one, now);
    const { state } = one;
    if (state.name === 'open') return false;
    if (state.name === 'cut') {
      if (!isBusy(one) || now >= state.destroyAt) one.socket.destroy();
    } else if (now >= state.cutAt) {
      one.socket.destroy();
    } else if (isBusy(one) || one.socket.bytesRead !== state.bytesRead) {
      state.bytesRead = one.socket.bytesRead;
      state.quietMs = 0;
    } else {
      state.quietMs += Math.min(now - sweptAt, maxLookMs);
      if (state.quietMs >= Math.min(quietMs, graceMs)) one.socket.destroy();
    }
    return true;
  };
  const sweep = (): void => {
    timer?.cancel();
    timer = undefined;
    if (closed || watched.size === 0) return;
    const now = clock.now();
    let ending = false;
    for (const one of watched.values()) ending = step(one, now) || ending;
    sweptAt = now;
    sweepIn(ending ? busySweepMs : sweepMs);
  };
  const sweepIn = (delayMs: number): void => {
    timer?.cancel();
    timer = clock.setTimer(sweep, delayMs);
  };

  return {
    watch(socket, peer) {
      const one: Watched = {
        socket,
        peer,
        response: undefined,
        state: { name: 'open', retireAt: retireAt(peer) },
      };
      watched.set(socket, one);
      socket.once('close', () => watched.delete(socket));
      if (!closed) timer ??= clock.setTimer(sweep, sweepMs);
    },
    admits(socket, response) {
      const one = watched.get(socket);
      if (one === undefined) {
        socket.destroy();
        return false;
      }
      if (one.state.name === 'cut') return false;
      if (one.peer !== undefined) {
        const now = clock.now();
        age(one, now);
        if (isCut(one)) {
          step(one, now);
          sweepIn(busySweepMs);
          return false;
        }
      }
      one.response = response;
      if (one.state.name === 'retired') sayGoodbye(response);
      return true;
    },
    retire(which) {
      for (const one of watched.values()) {
        if (one.state.name === 'open' && which(one.peer)) retire(one, clock.now() + graceMs);
      }
      sweep();
    },
    check: sweep,
    peer(socket) {
      const peer = watched.get(socket)?.peer;
      return peer === undefined || validityFault(peer, options) !== undefined ? undefined : peer;
    },
    get connections() {
      return watched.size;
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}

function isCut({ state }: Watched): boolean {
  return state.name === 'cut';
}

function isBusy({ response }: Watched): boolean {
  return response !== undefined && !response.destroyed;
}

/** Once the head is out nothing can be added: such a connection is closed when it is quiet. */
function sayGoodbye(response: ServerResponse | undefined): void {
  if (response !== undefined && !response.headersSent) response.setHeader('connection', 'close');
}

import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { Client, type Dispatcher } from 'undici';
import type { Connected } from './connector.ts';

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** The socket is gone, whoever closed it. Comes once. */
  lost(connection: Connection): void;
}

/** How a connection without a request in flight is kept. */
export interface KeepAlive {
  readonly idleTimeoutMs: number;
}

/** What a server's own idle limit, told in `Keep-Alive`, is undercut by, so that it never closes first. */
const keepAliveMarginMs = 1_000;

/** Says that a request was not written, because its idle connection had died unnoticed. */
class ConnectionGoneError extends Error {
  override readonly name = 'ConnectionGoneError';
}

/**
 * One socket with undici's HTTP/1.1 on top, and one request at a time.
 *
 * The socket is opened before undici sees it. So a request that waits for a handshake waits in our
 * queue, where it can be taken back; and undici never reconnects behind our back: a request that
 * finds the socket gone fails with `ConnectionGoneError`, known not to have been sent.
 */
export class Connection {
  readonly mutualTls: boolean;
  readonly openedAt: number;
  served: number = 0;
  alive: boolean = true;
  readonly #client: Client;
  readonly #socket: Duplex & Connected['socket'];
  readonly #fault: Connected['fault'];
  #parked = false;
  #adopted = false;

  constructor(
    origin: string,
    connected: Connected,
    keepAlive: KeepAlive,
    owner: ConnectionOwner,
    openedAt: number,
  ) {
    const { socket } = connected;
    this.#socket = socket;
    this.mutualTls = connected.mutualTls;
    this.#fault = connected.fault;
    this.openedAt = openedAt;
    this.#client = new Client(origin, {
      pipelining: 1,
      // Deadlines are the call's own; undici's timers would add a second, coarser opinion.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: Math.max(1, keepAlive.idleTimeoutMs),
      keepAliveMaxTimeout: Math.max(1, keepAlive.idleTimeoutMs),
      keepAliveTimeoutThreshold: keepAliveMarginMs,
      connect: (_options, callback) => {
        const first = !this.#adopted;
        this.#adopted = true;
        // Not in this turn: undici cannot take a socket while it asks for one.
        queueMicrotask(() => {
          if (first && this.alive) callback(null, socket);
          else callback(new ConnectionGoneError('the idle connection had closed'), null);
        });
      },
    });
    // undici reports a handler that threw this way; the attempt hears of it on its own path.
    (this.#client as EventEmitter).on('error', () => {});
    socket.once('close', () => {
      this.alive = false;
      owner.lost(this);
    });
    if (socket.destroyed) this.alive = false;
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    if (this.#parked) this.#unpark();
    this.served += 1;
    this.#client.dispatch(options, handler);
  }

  /**
   * Watches a socket that undici has not adopted yet, since nobody else does: the server's FIN,
   * bytes that nobody asked for, and too long a silence close it.
   */
  park(idleTimeoutMs: number): void {
    if (this.#adopted) return;
    this.#parked = true;
    this.#socket.on('data', destroyThis).setTimeout(idleTimeoutMs, destroyThis).unref();
    this.#socket.resume();
  }

  #unpark(): void {
    this.#parked = false;
    this.#socket.pause();
    this.#socket.off('data', destroyThis).off('timeout', destroyThis).setTimeout(0).ref();
  }

  /** Whether its peer is still who it has proven to be. */
  get trusted(): boolean {
    return this.#fault === undefined || this.#fault() === undefined;
  }

  destroy(): void {
    this.alive = false;
    this.#socket.destroy();
  }
}

function destroyThis(this: Connected['socket']): void {
  this.destroy();
}

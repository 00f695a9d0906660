import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { resetSocket } from './reset-socket.ts';
import { playFault, type UpstreamFault } from './upstream-fault.ts';

export interface UpstreamOptions {
  /** Answers what no fault answers. @default 200 with 'ok' */
  readonly handler?: RequestListener;
  /** The fault at the start. @default none */
  readonly fault?: FaultChoice;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** @default 0, any free one */
  readonly port?: number;
}

/** One fault for every request, or chosen per request; `undefined` is none. */
export type FaultChoice =
  | UpstreamFault
  | undefined
  | ((request: IncomingMessage, number: number) => UpstreamFault | undefined);

/** A real HTTP/1.1 server that counts, and misbehaves when it is told to. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:41873`, without a slash at the end. */
  readonly url: string;
  /** What is wrong with it from now on. */
  fault: FaultChoice;
  /** Requests whose head arrived. */
  readonly requests: number;
  /** Requests that are being answered, those that never will be included. */
  readonly inFlight: number;
  /** The most that were in flight at once. */
  readonly maxInFlight: number;
  /** Connections accepted since the start, and those open now. */
  readonly connections: number;
  readonly openConnections: number;
  /** The last request, its body unread; `undefined` before the first. */
  readonly lastRequest: IncomingMessage | undefined;
  /** Stops listening, so that connecting is refused; open connections go on. Undone by `accept`. */
  refuse(): Promise<void>;
  /** Listens again, on the same port. */
  accept(): Promise<void>;
  /** Cuts every open connection (RST). */
  resetConnections(): void;
  /** Destroys everything. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a server on a free port of 127.0.0.1:
 * `await startUpstream((request, response) => response.end('hello'))`.
 */
export async function startUpstream(
  options: RequestListener | UpstreamOptions = {},
): Promise<Upstream> {
  const given: UpstreamOptions = typeof options === 'function' ? { handler: options } : options;
  const { handler = answerOk, host = '127.0.0.1' } = given;
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  let requests = 0;
  let inFlight = 0;
  let maxInFlight = 0;
  let connections = 0;
  let lastRequest: IncomingMessage | undefined;
  let closed: Promise<void> | undefined;

  const onConnection = (socket: Socket): void => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A caller that resets the connection is nothing to fail about.
    socket.on('error', () => {});
  };
  const onRequest: RequestListener = (request, response) => {
    requests += 1;
    inFlight += 1;
    maxInFlight = Math.max(maxInFlight, inFlight);
    lastRequest = request;
    response.on('close', () => {
      inFlight -= 1;
    });
    const { fault } = upstream;
    const chosen = typeof fault === 'function' ? fault(request, requests) : fault;
    if (chosen === undefined) handler(request, response);
    else playFault(chosen, request, response, handler, timers);
  };
  const server: Server = createServer(onRequest);
  // Idle connections stay until a test says otherwise.
  server.keepAliveTimeout = 0;
  server.on('connection', onConnection);
  await listen(server, given.port ?? 0, host);
  const { port } = server.address() as AddressInfo;

  const upstream: Upstream = {
    host,
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    fault: given.fault,
    get requests() {
      return requests;
    },
    get inFlight() {
      return inFlight;
    },
    get maxInFlight() {
      return maxInFlight;
    },
    get connections() {
      return connections;
    },
    get openConnections() {
      return sockets.size;
    },
    get lastRequest() {
      return lastRequest;
    },
    refuse: () =>
      new Promise((resolve) => {
        // The plain server's close: that of http would end idle connections too. The port is free
        // one turn later; waiting for the callback would mean waiting for every connection.
        NetServer.prototype.close.call(server, () => {});
        setImmediate(resolve);
      }),
    accept: async () => {
      if (!server.listening) await listen(server, port, host);
    },
    resetConnections() {
      for (const socket of sockets) resetSocket(socket);
    },
    close() {
      closed ??= (async () => {
        for (const timer of timers) clearTimeout(timer);
        const serverClosed = new Promise<void>((resolve) => server.close(() => resolve()));
        // The server may say that it is closed before its sockets have.
        const socketsClosed = [...sockets].map((socket) => {
          socket.destroy();
          return new Promise((resolve) => socket.once('close', resolve));
        });
        await Promise.all([serverClosed, ...socketsClosed]);
      })();
      return closed;
    },
  };
  return upstream;
}

const answerOk: RequestListener = (request, response) => {
  request.resume();
  response.end('ok');
};

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

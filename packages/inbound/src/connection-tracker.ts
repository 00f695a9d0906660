import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server, ServerResponse } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Clock } from '@inmesh/core';

/** Knows every connection and every response of one server. */
export interface ConnectionTracker {
  /** Responses that have not ended. */
  readonly responses: ReadonlySet<ServerResponse>;
  /** Connections that are open, TLS handshakes that still go on included. */
  readonly open: number;
  readonly handshaking: number;
  /** Closes every connection on which nothing has happened for `quietMs`; never one whose next request has begun to arrive. */
  closeQuiet(quietMs: number): void;
  /** Resolves when every connection is closed. */
  destroyAll(): Promise<void>;
  /** Stops listening to the server. */
  stop(): void;
}

interface Connection {
  inFlight: number;
  /** Monotonic milliseconds since which no request is served on it. */
  quietSince: number;
  /** Bytes read by then. More of them mean that a request is arriving, or that it was upgraded. */
  bytesRead: number;
}

/** What Node publishes when a request's head has arrived. */
interface RequestStart {
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly server: unknown;
}

/** @param onResponse Told of every response before anybody works on it. */
export function trackConnections(
  server: Server | SecureServer,
  clock: Clock,
  onResponse: (response: ServerResponse) => void,
): ConnectionTracker {
  /** As accepted: under TLS these are not the sockets that requests come on. */
  const accepted = new Set<Socket>();
  const connections = new Map<Socket, Connection>();
  const responses = new Set<ServerResponse>();

  const onAccepted = (socket: Socket): void => {
    accepted.add(socket);
    socket.on('close', () => accepted.delete(socket));
  };
  const onReady = (socket: Socket): void => {
    connections.set(socket, { inFlight: 0, quietSince: clock.now(), bytesRead: socket.bytesRead });
    socket.on('close', () => connections.delete(socket));
  };
  // Node's own announcement: unlike a listener it sees each request before anything that wraps the
  // server, those included that are refused and never become a `request` event.
  const onRequestStart = (message: unknown): void => {
    const { server: of, socket, response } = message as RequestStart;
    if (of !== server) return;
    const connection = connections.get(socket);
    if (connection !== undefined) connection.inFlight += 1;
    responses.add(response);
    response.on('close', () => {
      responses.delete(response);
      if (connection === undefined) return;
      connection.inFlight -= 1;
      connection.quietSince = clock.now();
      connection.bytesRead = socket.bytesRead;
    });
    onResponse(response);
  };

  const readyEvent = server instanceof SecureServer ? 'secureConnection' : 'connection';
  server.on('connection', onAccepted);
  server.on(readyEvent, onReady);
  subscribe('http.server.request.start', onRequestStart);
  return {
    responses,
    get open() {
      return accepted.size;
    },
    get handshaking() {
      return accepted.size - connections.size;
    },
    closeQuiet(quietMs) {
      const since = clock.now() - quietMs;
      for (const [socket, { inFlight, bytesRead, quietSince }] of connections) {
        if (inFlight === 0 && quietSince <= since && socket.bytesRead === bytesRead) {
          socket.destroy();
        }
      }
    },
    async destroyAll() {
      for (const socket of connections.keys()) socket.destroy();
      const closed = [...accepted].map((socket) => {
        socket.destroy();
        return new Promise((resolve) => socket.once('close', resolve));
      });
      await Promise.all(closed);
    },
    stop() {
      unsubscribe('http.server.request.start', onRequestStart);
      server.off('connection', onAccepted);
      server.off(readyEvent, onReady);
    },
  };
}

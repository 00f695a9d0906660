import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';

/**
 * Sets time-outs and limits that fit callers with connection pools. Call it before `listen`.
 * - `keepAliveTimeout` 65 s: mesh clients (60 s) and most load balancers drop an idle connection
 *   before the server does; the other way round requests are lost on connections just closed.
 * - `headersTimeout` 65 s: Node counts it on a connection without a first request too, and a
 *   pool may open one that waits for its first request as long as for any other.
 * - `requestTimeout` 300 s: for receiving one whole request.
 * - `maxHeadersCount` 256: above the 200 at which the pipeline refuses, so that nothing is cut silently.
 * - `maxRequestsPerSocket` 0: the client decides how old a connection gets.
 */
export function applyServerDefaults(server: Server | SecureServer): void {
  server.keepAliveTimeout = 65_000;
  server.headersTimeout = 65_000;
  server.requestTimeout = 300_000;
  server.maxHeadersCount = 256;
  server.maxRequestsPerSocket = 0;
}

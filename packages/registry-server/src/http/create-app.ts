import { createServer, type ServerOptions } from 'node:http';
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { Logger, MeshError } from '@inmesh/core';
import fastify, { type FastifyReply } from 'fastify';
import { type Authenticate, enforceAccess } from '../access/enforce-access.ts';
import { version } from '../version.ts';
import type { App } from './app.ts';
import { openapi } from './openapi.ts';
import { createProblem, problemOf } from './problem.ts';
import type { EarlyHandler } from './renewal-handler.ts';
import type { RequestGuard } from './request-guard.ts';
import { answerClientError, sendProblem } from './send-problem.ts';

export interface AppOptions {
  readonly bodyBytes: number;
  readonly headerTimeoutMs: number;
  readonly guard: RequestGuard;
  readonly authenticate: Authenticate;
  /** Sees every request before Fastify does, and before its hooks. */
  readonly early: EarlyHandler;
  readonly logger: Logger;
}

/** How long a request may take to arrive whole, in header time-outs. */
const bodyTimeoutFactor = 3;

/** Idle connections outlive the renewal interval (5 s), or each renewal would open a new one. */
const keepAliveTimeoutMs = 75_000;

/** Longer than Fastify's 100: endpoint ids may have 253 characters, and three times that encoded. */
const maxParamLength = 760;

const browserHeaders = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** A Fastify instance that is strict about what comes in, and answers every error as a problem. */
export async function createApp(options: AppOptions): Promise<App> {
  const { guard, authenticate, early, logger, headerTimeoutMs } = options;
  const app: App = fastify({
    logger: false,
    bodyLimit: options.bodyBytes,
    routerOptions: { maxParamLength },
    // A HEAD of the watch route would open a stream.
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    // What still arrives on open connections while the server closes is answered like the rest.
    return503OnClosing: false,
    serverFactory: (handler) =>
      createServer(serverOptions(headerTimeoutMs), (request, response) => {
        if (!early(request, response)) handler(request, response);
      }),
    clientErrorHandler: answerClientError,
    // Typed for a route, of which there is none yet: a URL that cannot be decoded.
    frameworkErrors: (error, _request, reply) =>
      sendProblem(reply as unknown as FastifyReply, problemOf(error)),
  });
  // All headers are kept, so that the guard sees what it has to refuse; 16 KiB bounds them.
  app.server.maxHeadersCount = 0;
  // Bodies are checked as they are, and so are parameters of the path, all of them texts; only of a
  // query are texts turned into numbers first, which costs each time what checking costs.
  app.setValidatorCompiler((route) =>
    TypeBoxValidatorCompiler(route.httpPart === 'params' ? { ...route, httpPart: 'body' } : route),
  );
  // Schemas describe answers; compiled serializers would silently drop or coerce fields.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  // Only JSON: what a page can send without asking first (text/plain, forms) is not even read.
  app.removeContentTypeParser('text/plain');
  // The first hook of each request: who is of another host or origin is not even asked for a proof.
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = guard(request.raw);
    if (refusal === undefined) {
      // Whoever opens an answer in a browser sees data, whatever it says that it is.
      if (request.raw.method === 'GET') reply.headers(browserHeaders);
      done();
      return;
    }
    logger.warn({ status: refusal.status, remote: request.ip }, 'request refused');
    sendProblem(reply, refusal);
  });
  enforceAccess(app, authenticate);
  app.setNotFoundHandler((request, reply) => {
    sendProblem(reply, createProblem(404, 'not_found', notFound(request.url)));
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status === 500) {
      logger.error(
        { error, method: request.method, route: request.routeOptions.url },
        'request failed',
      );
    }
    sendProblem(reply, problem, (error as Partial<MeshError>).retryAfterMs);
  });
  await openapi(app);
  return app;
}

/** The version of the wire that is spoken here, in the paths of all its routes. */
const wireVersion = 1;

/** A client that speaks another version of the wire is to be told so, and what to do. */
function notFound(url: string): string {
  const asked = /^\/v(\d{1,6})\//.exec(url)?.[1];
  if (asked === undefined || Number(asked) === wireVersion) {
    return 'no such route; GET /openapi.json lists them';
  }
  const older = Number(asked) < wireVersion ? 'the client' : 'the registry';
  return `this registry (${version}) speaks version ${wireVersion} of the wire, not ${asked}: upgrade ${older}; registries go first`;
}

function serverOptions(headersTimeout: number): ServerOptions {
  return {
    headersTimeout,
    requestTimeout: bodyTimeoutFactor * headersTimeout,
    keepAliveTimeout: keepAliveTimeoutMs,
    // Whoever drips a header is found within a fifth of the time that it is given.
    connectionsCheckingInterval: headersTimeout / 5,
  };
}

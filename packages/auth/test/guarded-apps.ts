import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { type AuthenticateOptions, identityOf } from '@inmesh/auth';
import * as onExpress from '@inmesh/auth/express';
import * as onFastify from '@inmesh/auth/fastify';
import express from 'express';
import { fastify } from 'fastify';

// An alias of npm's, which has no types of its own.
const express4 = createRequire(import.meta.url)('express4') as typeof express;

/** A route whose handler has run. */
export interface Ran {
  readonly method: string;
  /** As it was declared. */
  readonly route: string;
}

/** An app of some framework: `/me` says who is asking, `/admin` is for admins, `/open` for all. */
export interface GuardedApp {
  readonly url: string;
  readonly port: number;
  /** How often the handler of `/admin` ran. */
  readonly adminCalls: () => number;
  close(): Promise<void>;
}

interface GuardedAppOptions {
  readonly authenticate: AuthenticateOptions;
  /** Whether `/admin` has a `requireRole('admin')` of its own. @default false */
  readonly guardAdmin?: boolean;
  /** The router's own leniency. @default true */
  readonly lenient?: boolean;
  /** Further routes, for all methods. @default none */
  readonly routes?: readonly string[];
  /** Told when the handler of one of them runs. */
  readonly onRun?: (ran: Ran) => void;
}

export type StartApp = (options: GuardedAppOptions) => Promise<GuardedApp>;

function expressApp(of: typeof express): StartApp {
  return async ({ authenticate, guardAdmin = false, lenient = true, routes = [], onRun }) => {
    const app = of();
    app.set('case sensitive routing', !lenient);
    app.set('strict routing', !lenient);
    const authentication = onExpress.authenticate(authenticate);
    app.use(authentication);
    let adminCalls = 0;
    const guards = guardAdmin ? [onExpress.requireRole('admin')] : [];
    app.get('/me', (request, response) => {
      response.json({ identity: request.identity, headers: request.headers });
    });
    app.get('/admin', ...guards, (_request, response) => {
      adminCalls += 1;
      response.send('admin');
    });
    app.get('/open', (_request, response) => void response.send('open'));
    for (const route of routes) {
      app.all(route, ({ method }, response) => {
        onRun?.({ method, route });
        response.send('ran');
      });
    }
    const server = createServer(app as unknown as RequestListener);
    return running(
      server,
      () => adminCalls,
      () => authentication.close(),
    );
  };
}

const fastifyApp: StartApp = async (options) => {
  const { authenticate, guardAdmin = false, lenient = true, routes = [], onRun } = options;
  // Fastify's types do not know the last one here yet, and its old place warns.
  const routerOptions = {
    caseSensitive: !lenient,
    ignoreTrailingSlash: lenient,
    ignoreDuplicateSlashes: lenient,
    useSemicolonDelimiter: lenient,
  };
  const app = fastify({ routerOptions });
  await app.register(onFastify.authenticate(authenticate));
  let adminCalls = 0;
  const guards = guardAdmin ? [onFastify.requireRole('admin')] : [];
  app.get('/me', async ({ identity, raw }) => {
    if (identityOf(raw) !== identity) throw new Error('two identities');
    return JSON.stringify({ identity, headers: raw.headers });
  });
  app.get('/admin', { onRequest: guards }, async () => {
    adminCalls += 1;
    return 'admin';
  });
  app.get('/open', async () => 'open');
  for (const route of routes) {
    app.all(route, async ({ method }) => {
      onRun?.({ method, route });
      return 'ran';
    });
  }
  await app.ready();
  return running(
    app.server,
    () => adminCalls,
    () => app.close(),
  );
};

async function running(
  server: Server,
  adminCalls: () => number,
  close: () => unknown,
): Promise<GuardedApp> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    adminCalls,
    async close() {
      server.closeAllConnections();
      await close();
      server.close();
    },
  };
}

export const frameworks: readonly (readonly [string, StartApp])[] = [
  ['Express 4', expressApp(express4)],
  ['Express 5', expressApp(express)],
  ['Fastify 5', fastifyApp],
];

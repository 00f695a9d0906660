import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { attach, createPipeline, meshHttp, meshOf, type Pipeline, refuse } from '@inmesh/inbound';
import { meshExpress } from '@inmesh/inbound/express';
import { meshFastify } from '@inmesh/inbound/fastify';
import type { SuiteApp, SuiteAppOptions, SuiteRoute } from '@inmesh/testing';
import type express from 'express';
import { type FastifyInstance, fastify } from 'fastify';

/** The pipeline that the suite asks for. */
function suitePipeline({ authenticate, observer }: SuiteAppOptions): Pipeline {
  const refusal = refuse(403, 'forbidden', 'the suite refuses this user');
  const verdict = (may: boolean) => (may ? undefined : refusal);
  return createPipeline({
    observers: [observer],
    authentication: [
      {
        name: 'suite-user',
        run(request, { context }) {
          const may = authenticate(request, context);
          return typeof may === 'boolean' ? verdict(may) : may.then(verdict);
        },
      },
    ],
  });
}

async function listening(server: Server): Promise<SuiteApp> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    server,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export function makeHttpApp(options: SuiteAppOptions): Promise<SuiteApp> {
  const pipeline = suitePipeline(options);
  const handler: RequestListener = async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    for (const route of options.routes) {
      const pattern = options.mountPath + route.path;
      const matcher = new RegExp(`^${pattern.replace(/:[a-z]+/g, '[^/]+')}$`);
      if (request.method !== route.method || !matcher.test(path)) continue;
      const exchange = meshOf(request);
      if (exchange !== undefined) exchange.route = pattern;
      const body = route.method === 'POST' ? JSON.parse(await text(request)) : undefined;
      const result = await route.run(request, body);
      if (result instanceof Readable) result.pipe(response);
      else
        response
          .setHeader('content-length', JSON.stringify(result).length)
          .end(JSON.stringify(result));
      return;
    }
    response.writeHead(404).end();
  };
  const served = meshHttp(pipeline, handler, { onError: () => {} });
  const server = createServer(served);
  if (options.mode === 'attached') attach(server, pipeline);
  return listening(server);
}

/** Express 4 and 5 agree on all that is used here. */
export function makeExpressApp(
  of: typeof express,
): (options: SuiteAppOptions) => Promise<SuiteApp> {
  return (options) => {
    const pipeline = suitePipeline(options);
    const app = of();
    const router = of.Router();
    router.use(meshExpress(pipeline));
    router.use(of.json({ limit: '1mb' }));
    for (const route of options.routes) addExpressRoute(router, route);
    // Two levels where the path has two, as apps nest routers.
    const [, first = '', second] = options.mountPath.split('/');
    if (second === undefined) app.use(`/${first}`, router);
    else app.use(`/${first}`, of.Router().use(`/${second}`, router));
    const server = createServer(app);
    if (options.mode === 'attached') attach(server, { inbound: pipeline });
    return listening(server);
  };
}

function addExpressRoute(router: express.Router, route: SuiteRoute): void {
  const handler: express.RequestHandler = async (request, response, next) => {
    try {
      const result = await route.run(request, request.body);
      if (result instanceof Readable) result.pipe(response);
      else response.json(result);
    } catch (error) {
      next(error);
    }
  };
  if (route.method === 'GET') router.get(route.path, handler);
  else router.post(route.path, handler);
}

export async function makeFastifyApp(options: SuiteAppOptions): Promise<SuiteApp> {
  const pipeline = suitePipeline(options);
  const app = fastify();
  const routes = async (scope: FastifyInstance): Promise<void> => {
    await scope.register(meshFastify(pipeline));
    for (const { method, path, run } of options.routes) {
      scope.route({
        method,
        url: path,
        handler: async (request, reply) => {
          const result = await run(request.raw, request.body);
          return result instanceof Readable
            ? result
            : reply.type('application/json').send(JSON.stringify(result));
        },
      });
    }
  };
  if (options.mountPath === '') await routes(app);
  else await app.register(routes, { prefix: options.mountPath });
  if (options.mode === 'attached') attach(app.server, pipeline);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    server: app.server,
    async close() {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

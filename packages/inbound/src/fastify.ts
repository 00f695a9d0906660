import type { FastifyPluginCallback } from 'fastify';
import { type PipelineOwner, pipelineOf } from './pipeline.ts';
import { serve } from './serve.ts';

/**
 * A Fastify 5 plugin: `await fastify.register(meshFastify(mesh))`, before the routes that it is to
 * serve. Under `mesh.listen` it only adds the route's pattern; without it, it is the whole inbound
 * half. Registered in a plugin of your own it serves that plugin's routes only.
 */
export function meshFastify(owner: PipelineOwner): FastifyPluginCallback {
  const pipeline = pipelineOf(owner);
  const plugin: FastifyPluginCallback = (fastify, _options, done) => {
    fastify.addHook('onRequest', (request, reply, next) => {
      // The router has run, so the path is beyond rewriting. A refused request never reaches
      // `next`: its answer goes out by Node's response and Fastify has no part in it.
      serve(
        pipeline,
        request.raw,
        reply.raw,
        (exchange) => {
          exchange.route = request.routeOptions.url ?? 'unknown';
          next();
        },
        true,
      );
    });
    done();
  };
  // Fastify's own words for "the hooks are for whoever registers me, not for a scope of my own".
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: '@inmesh/inbound',
  });
}

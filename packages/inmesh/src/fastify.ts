import { decorateIdentity } from '@inmesh/auth/fastify';
import type { PipelineOwner } from '@inmesh/inbound';
import { meshFastify as openMesh } from '@inmesh/inbound/fastify';
import type { FastifyPluginCallback } from 'fastify';

export { authenticate, authorize, requireRole } from '@inmesh/auth/fastify';

/**
 * A Fastify 5 plugin: `await fastify.register(meshFastify(mesh))`, before the routes that it is to
 * serve. Under `mesh.listen` it adds the route's pattern and `request.identity`; without it, it is
 * the whole inbound half.
 */
export function meshFastify(owner: PipelineOwner): FastifyPluginCallback {
  const open = openMesh(owner);
  const plugin: FastifyPluginCallback = (fastify, options, done) => {
    decorateIdentity(fastify);
    open(fastify, options, done);
  };
  // Fastify's own words for "the hooks are for whoever registers me, not for a scope of my own".
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'inmesh',
  });
}

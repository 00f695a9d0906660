import type { RequestIdentity } from '@inmesh/core';
import { type Exchange, type InboundStep, meshOf, serve, serveStep } from '@inmesh/inbound';
import type { FastifyInstance, FastifyPluginAsync, onRequestHookHandler } from 'fastify';
import { type AuthenticateOptions, createAuthentication } from './authenticate.ts';
import {
  type GuardOptions,
  guardFor,
  type Requirement,
  type RequireRoleOptions,
  roleGuard,
} from './authz/guard.ts';
import { identityOf } from './identity-of.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent it, as far as that was proven; there once `authenticate` is registered. */
    readonly identity: RequestIdentity | undefined;
  }
}

/** Before the routes: `await fastify.register(authenticate({ issuers: [{ issuer, audiences }] }))`. */
export function authenticate(options: AuthenticateOptions): FastifyPluginAsync {
  const { pipeline, step } = createAuthentication(options);
  const plugin: FastifyPluginAsync = async (fastify) => {
    decorateIdentity(fastify);
    fastify.addHook('onRequest', ({ raw, routeOptions }, reply, next) => {
      // A mesh around the server has opened the exchange, and knows nothing of these issuers.
      const served = meshOf(raw) !== undefined;
      const pass = (exchange: Exchange): void => {
        exchange.route = routeOptions.url ?? 'unknown';
        if (served) serveStep(step, raw, reply.raw, next, options.logger);
        else next();
      };
      serve(pipeline, raw, reply.raw, pass, true);
    });
    fastify.addHook('onClose', async () => pipeline.close());
  };
  // Fastify's own words for "the hooks are for whoever registers me".
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}

/** Gives the requests of `fastify` their `identity`, once. */
export function decorateIdentity(fastify: FastifyInstance): void {
  if (fastify.hasRequestDecorator('identity')) return;
  fastify.decorateRequest('identity', {
    getter() {
      return identityOf(this.raw);
    },
  });
}

/** For one route: `fastify.put('/articles/:id', { onRequest: authorize({ when: [...] }) }, handler)`. */
export function authorize(requirement: Requirement, options?: GuardOptions): onRequestHookHandler {
  return guard(guardFor(requirement, options));
}

/** For one route: `fastify.put('/articles/:id', { onRequest: requireRole('editor') }, handler)`. */
export function requireRole(name: string, options?: RequireRoleOptions): onRequestHookHandler {
  return guard(roleGuard(name, options));
}

function guard(step: InboundStep): onRequestHookHandler {
  return (request, reply, done) => serveStep(step, request.raw, reply.raw, done);
}

import type { IncomingMessage } from 'node:http';
import { isMeshError, MeshError } from '@inmesh/core';
import type { FastifyRequest } from 'fastify';
import type { App } from '../http/app.ts';
import { problemOf } from '../http/problem.ts';
import { sendProblem } from '../http/send-problem.ts';
import { isAdmitted, type RouteAccess } from './access.ts';
import { nobody, type Principal } from './principal.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route has it; one that has not is refused at the start. */
    readonly access?: RouteAccess;
  }
  interface FastifyRequest {
    /** Who asks. Set before any handler runs. */
    principal: Principal;
    /** Whether it would be let in again now: for what outlives its handler. */
    isStillAdmitted(): boolean;
  }
}

/** Who sent a request. Synchronous. Throws `unauthenticated` for a proof that does not hold. */
export type Authenticate = (request: IncomingMessage) => Principal;

/**
 * The one place where routes are held to the access that they declare. Call it before the first
 * route: a route without a declaration throws there, so that none is open because it was forgotten.
 */
export function enforceAccess(app: App, authenticate: Authenticate): void {
  app.decorateRequest('principal');
  app.decorateRequest('isStillAdmitted', function (this: FastifyRequest): boolean {
    const { access } = this.routeOptions.config;
    try {
      if (access !== undefined) checkAdmission(authenticate(this.raw), access);
      return true;
    } catch (error) {
      // Who asks too often is let in again in a moment.
      return isMeshError(error, 'rate_limited');
    }
  });
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access !== undefined) return;
    throw new MeshError('internal', `registry: route ${method} ${url} declares no access`);
  });
  app.addHook('onRequest', (request, reply, done) => {
    request.principal = nobody;
    const { access } = request.routeOptions.config;
    // Of what does not exist there is nothing to protect.
    if (access === undefined) {
      done();
      return;
    }
    try {
      request.principal = authenticate(request.raw);
      checkAdmission(request.principal, access);
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="registry"');
      sendProblem(reply, problem, (error as Partial<MeshError>).retryAfterMs);
      return;
    }
    done();
  });
}

/** Throws `unauthenticated` for nobody, `forbidden` for somebody else. */
function checkAdmission(principal: Principal, access: RouteAccess): void {
  if (isAdmitted(principal, access)) return;
  if (principal.kind === 'nobody') {
    throw new MeshError(
      'unauthenticated',
      'registry: show who you are: a client certificate of this mesh, or "Authorization: Bearer" with a token',
    );
  }
  const who = [access].flat().join(' or ');
  throw new MeshError('forbidden', `registry: this is for ${who} only, not for ${principal.kind}s`);
}

import type { RequestIdentity } from '@inmesh/core';
import { type InboundStep, meshOf, serveStep } from '@inmesh/inbound';
import { type MeshMiddleware, meshExpress } from '@inmesh/inbound/express';
import { type AuthenticateOptions, createAuthentication } from './authenticate.ts';
import {
  type GuardOptions,
  guardFor,
  type Requirement,
  type RequireRoleOptions,
  roleGuard,
} from './authz/guard.ts';
import { identityOf } from './identity-of.ts';

declare global {
  // The place where Express' types let requests have more.
  namespace Express {
    interface Request {
      /** Who sent it, as far as that was proven; set by `authenticate`. */
      identity?: RequestIdentity | undefined;
    }
  }
}

export interface AuthenticateMiddleware extends MeshMiddleware {
  /** Stops fetching keys. Idempotent. */
  close(): void;
}

/** Mount it first: `app.use(authenticate({ issuers: [{ issuer, audiences }] }))`. Express 4 and 5. */
export function authenticate(options: AuthenticateOptions): AuthenticateMiddleware {
  const { pipeline, step } = createAuthentication(options);
  const openPipeline = meshExpress(pipeline);
  const middleware: MeshMiddleware = (request, response, next) => {
    const pass = (): void => {
      (request as Express.Request).identity = identityOf(request);
      next();
    };
    // A mesh around the server has opened the exchange, and knows nothing of these issuers.
    const served = meshOf(request) !== undefined;
    openPipeline(request, response, () => {
      if (served) serveStep(step, request, response, pass, options.logger);
      else pass();
    });
  };
  return Object.assign(middleware, { close: () => pipeline.close() });
}

/** For one route: `app.put('/articles/:id', authorize({ when: [...] }), handler)`. */
export function authorize(requirement: Requirement, options?: GuardOptions): MeshMiddleware {
  return guard(guardFor(requirement, options));
}

/** For one route: `app.put('/articles/:id', requireRole('editor'), handler)`. */
export function requireRole(name: string, options?: RequireRoleOptions): MeshMiddleware {
  return guard(roleGuard(name, options));
}

function guard(step: InboundStep): MeshMiddleware {
  return (request, response, next) => serveStep(step, request, response, next);
}

import { principalName } from '../access/principal.ts';
import type { App } from '../http/app.ts';
import type { AuditLog } from './audit-log.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What a handler adds to the audit's `target`: what was done, never a secret. */
    audited: Readonly<Record<string, string>> | undefined;
    /** Who a handler found out it was, where the access hook could not. */
    auditedActor: string | undefined;
  }
}

/** Of one text in an entry: names in paths are bounded by the router, what a handler adds is not. */
const maxText = 500;

/**
 * Records every request that changes something, or would have: all but GET. Left out is what
 * services do with their own sessions, thousands of times a second, and which ends with them; and
 * what was refused because nobody was proven, which strangers could fill the log with.
 * Routes need not ask for it, so that none can forget to.
 */
export function auditRequests(app: App, audit: AuditLog): void {
  app.decorateRequest('audited');
  app.decorateRequest('auditedActor');
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions, principal } = request;
    const { access } = routeOptions.config;
    const isChange = method !== 'GET' && access !== undefined && access !== 'service';
    const isStranger = principal.kind === 'nobody' && access !== 'open';
    if (isChange && !isStranger) {
      audit.record({
        actor: request.auditedActor ?? principalName(principal),
        remote: request.ip,
        action: `${method} ${routeOptions.url}`,
        target: shortened({ ...(request.params as object), ...request.audited }),
        status: reply.statusCode,
      });
    }
    done();
  });
}

function shortened(target: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(target).map(([name, value]) => [name, String(value).slice(0, maxText)]),
  );
}

import type { Clock } from '@inmesh/core';
import { TokenBuckets } from '@inmesh/inbound';
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

/** At the open doors, what nobody is proven for: a flood of it must not push out what was changed. */
const strangersBurst = 100;
const strangersPerSecond = 1 / 60;

/** Of one text in an entry: names in paths are bounded by the router, what a handler adds is not. */
const maxText = 500;

/**
 * Records every request that changes something, or would have: all but GET. Left out is what
 * services do with their own sessions, thousands of times a second, and which ends with them; and
 * what was refused because nobody was proven, which strangers could fill the log with: of what they
 * may ask for (a login, a certificate), so much is recorded, and how much more there was.
 * Routes need not ask for it, so that none can forget to.
 */
export function auditRequests(app: App, audit: AuditLog, clock: Clock): void {
  const strangers = new TokenBuckets(strangersPerSecond, strangersBurst, 1);
  let leftOut = 0;
  app.decorateRequest('audited');
  app.decorateRequest('auditedActor');
  app.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions, principal } = request;
    const { access } = routeOptions.config;
    const isChange = method !== 'GET' && access !== undefined && access !== 'service';
    const isStranger = principal.kind === 'nobody' && access !== 'open';
    const isProven =
      principal.kind !== 'nobody' || (request.auditedActor !== undefined && reply.statusCode < 400);
    if (isChange && !isStranger && !isProven && strangers.take('', clock.now()) > 0) leftOut += 1;
    else if (isChange && !isStranger) {
      audit.record({
        actor: request.auditedActor ?? principalName(principal),
        remote: request.ip,
        action: `${method} ${routeOptions.url}`,
        target: shortened({
          ...(request.params as object),
          ...request.audited,
          ...(isProven || leftOut === 0 ? {} : { leftOut }),
        }),
        status: reply.statusCode,
      });
      if (!isProven) leftOut = 0;
    }
    done();
  });
}

function shortened(target: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(target).map(([name, value]) => [name, String(value).slice(0, maxText)]),
  );
}

import type { RouteRequest } from './call.ts';
import type { Destination, ForwardDecision, Router, RouterSource } from './router.ts';
import type { ServiceName } from './service-name.ts';

/** The decision where no resource speaks: everything to the whole service that the host names. */
export function forwardTo(destination: Destination): ForwardDecision {
  return Object.freeze({
    kind: 'forward',
    route: 'default',
    destination,
    timeoutMs: undefined,
    retries: undefined,
    rewritePath: undefined,
    rewriteAuthority: undefined,
    requestHeaders: undefined,
    responseHeaders: undefined,
    fault: undefined,
    mirrors: [],
  } satisfies ForwardDecision);
}

/** A router without resources. Decisions are made once per service and port, and kept. */
export function createDefaultRouter(): Router {
  const byService = new Map<ServiceName, Map<number, ForwardDecision>>();
  return {
    revision: '0',
    route({ service, port }: RouteRequest): ForwardDecision {
      let byPort = byService.get(service);
      if (byPort === undefined) {
        byPort = new Map();
        byService.set(service, byPort);
      }
      let decision = byPort.get(port ?? 0);
      if (decision === undefined) {
        decision = forwardTo({ service, subset: '', labels: {}, port, policy: {} });
        byPort.set(port ?? 0, decision);
      }
      return decision;
    },
  };
}

/** A source that never changes. */
export function fixedRouter(router: Router = createDefaultRouter()): RouterSource {
  return { current: router, onChange: () => () => {} };
}

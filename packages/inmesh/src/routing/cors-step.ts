import {
  type HeaderPairs,
  type NameScope,
  parseMeshHost,
  type RouteRequest,
  type Workload,
} from '@inmesh/core';
import type { InboundStep } from '@inmesh/inbound';
import { corsDecision } from '@inmesh/router';
import type { CompiledRouterSource } from '../outside/service-entry-source.ts';
import { lowerCased } from './sticky-keys.ts';

/**
 * The CORS policies of VirtualServices, enforced where the service is. First of the steps that know
 * the path: a preflight carries no credentials, and a refusal has to be readable for the page.
 *
 * Browsers call a service by an outside name, often one of a gateway, so a policy may be written for
 * that name or for the service itself.
 */
export function corsStep(
  router: CompiledRouterSource,
  workload: Workload,
  names: NameScope,
): InboundStep {
  return {
    name: 'cors',
    run(request, exchange) {
      if (request.headers.origin === undefined) return undefined;
      const { inbound } = router.current;
      const headers = lowerCased(request.rawHeaders);
      const { method, path, query } = exchange;
      const named = (service: string, authority: string): RouteRequest => ({
        service,
        scheme: 'encrypted' in request.socket ? 'https' : 'http',
        authority,
        port: portOf(authority),
        method,
        path: path + query,
        headers,
        context: undefined,
      });
      const authority = (request.headers.host ?? '').toLowerCase();
      const cors =
        inbound.cors(named(serviceOf(authority, names), authority)) ??
        inbound.cors(named(workload.service, workload.service));
      if (cors === undefined) return undefined;
      const decision = corsDecision(cors, { method, headers });
      if (decision.kind === 'answer') return decision;
      if (decision.kind === 'allow') addHeaders(exchange, decision.headers);
      return undefined;
    },
  };
}

function addHeaders(exchange: { responseHeaders: string[] | undefined }, pairs: HeaderPairs): void {
  exchange.responseHeaders = [...(exchange.responseHeaders ?? []), ...pairs];
}

/** What `authority` means to a caller: a mesh service, or the outside host itself. */
function serviceOf(authority: string, names: NameScope): string {
  const host = authority.replace(/:\d+$/, '');
  try {
    return parseMeshHost(host, names) ?? host;
  } catch {
    return host;
  }
}

function portOf(authority: string): number | undefined {
  const [, port] = /:(\d{1,5})$/.exec(authority) ?? [];
  return port === undefined ? undefined : Number(port);
}

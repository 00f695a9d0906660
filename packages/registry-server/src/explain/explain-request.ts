import type { Resource } from '@inmesh/config';
import {
  createWorkload,
  type ExplainAnswer,
  type ExplainedRoute,
  type ExplainedTarget,
  type ExplainRequest,
  isLabel,
  MeshError,
  parseMeshHost,
  type RouteRequest,
  splitServiceName,
} from '@inmesh/core';
import {
  type CompiledRouter,
  compile,
  type ExplainedDestination,
  type RouteVerdict,
} from '@inmesh/router';
import type { ConfigState } from '../config/config-state.ts';
import type { RegistryState } from '../state/registry-state.ts';

/** Answers why a request goes where it goes. Throws `invalid_argument` for what is no request. */
export type Explain = (asked: ExplainRequest) => ExplainAnswer;

/** Standard ports, which a URL does not say. */
const schemePorts = { http: 80, https: 443 } as const;

/**
 * Explains by the configuration and the endpoints of this registry: what a caller decides that has
 * heard of both. The router of the last question is kept, for the next one of the same caller.
 */
export function createExplain(config: ConfigState, state: RegistryState): Explain {
  let last: { readonly key: string; readonly router: CompiledRouter } | undefined;

  const routerFor = (from: ExplainRequest['from'], namespaces: readonly string[]) => {
    const workload = createWorkload({ service: 'unknown', ...from });
    const key = JSON.stringify([config.revision, from, namespaces]);
    if (last?.key !== key) {
      const resources = [...config.resources.values()] as readonly Resource[];
      last = { key, router: compile(resources, { workload, namespaces }) };
    }
    return { router: last.router, workload };
  };

  return ({ url, method = 'GET', headers = {}, from }) => {
    const { hostname, host, port, pathname, search, scheme } = parseUrl(url);
    const namespaces = namespaceMeant(hostname, state);
    const { router, workload } = routerFor(from, namespaces);
    const scope = { namespace: workload.namespace, domain: 'cluster.local', namespaces };
    const service = parseMeshHost(hostname, scope);
    const standardPort = service === undefined ? schemePorts[scheme] : undefined;
    const request: RouteRequest = {
      service: service ?? hostname,
      scheme,
      authority: host,
      port: port === '' ? standardPort : Number(port),
      method: method.toUpperCase(),
      path: pathname + search,
      headers: Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value]),
      context: undefined,
    };
    const { resource, foundBy, ignored, routes, decision, destinations, notes, text } =
      router.explain(request);
    const outside = service === undefined && router.serviceEntry(hostname) === undefined;
    return {
      service: request.service,
      resource: resource ?? null,
      foundBy,
      ignored,
      routes: routes.map(explainedRoute),
      outcome: outside && resource === undefined ? 'outside' : decision.kind,
      status:
        decision.kind === 'respond' ? decision.status : decision.kind === 'no-route' ? 404 : 0,
      targets: destinations.map((destination) => explainedTarget(destination, state)),
      notes,
      text,
    };
  };
}

function parseUrl(url: string) {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:') {
    const message = `url must be like http://reviews/path, got ${JSON.stringify(url)}`;
    throw new MeshError('invalid_argument', message, { path: '/url' });
  }
  const { hostname, host, port, pathname, search, protocol } = parsed;
  const scheme = protocol === 'https:' ? ('https' as const) : ('http' as const);
  return { hostname, host, port, pathname, search, scheme };
}

/** `reviews.prod` is a mesh name where the registry knows such a service; clients are told so by their options. */
function namespaceMeant(hostname: string, state: RegistryState): readonly string[] {
  if (state.services.find(hostname) === undefined) return [];
  const { namespace } = splitServiceName(hostname);
  return isLabel(namespace) ? [namespace] : [];
}

function explainedRoute(verdict: RouteVerdict): ExplainedRoute {
  const { route } = verdict;
  switch (verdict.verdict) {
    case 'matched':
      return { route, verdict: 'matched', reasons: verdict.conditions };
    case 'passed-over':
      return {
        route,
        verdict: 'passed-over',
        reasons: verdict.misses.flatMap(({ reasons }) => reasons),
      };
    default:
      return { route, verdict: 'not-reached', reasons: [] };
  }
}

/** More endpoints than anybody reads; the service's own page has them all. */
const maxEndpoints = 50;

function explainedTarget(
  { service, subset, ratio, chosen, defined, rules, labels }: ExplainedDestination,
  state: RegistryState,
): ExplainedTarget {
  const records = state.services.find(service)?.endpoints.values() ?? [];
  const wanted = Object.entries(labels);
  const endpoints: ExplainedTarget['endpoints'][number][] = [];
  for (const { endpoint } of records) {
    if (!defined || !wanted.every(([key, value]) => endpoint.labels[key] === value)) continue;
    const { id, address, ports, status } = endpoint;
    const host = address.includes(':') ? `[${address}]` : address;
    const version = endpoint.labels.version ?? '';
    endpoints.push({ id, address: `${host}:${ports[0]?.port}`, version, status });
    if (endpoints.length === maxEndpoints) break;
  }
  return { service, subset, ratio, chosen, defined, rules, endpoints };
}

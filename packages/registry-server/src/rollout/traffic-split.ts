import {
  type HttpRoute,
  type HttpRouteDestination,
  splitTraffic,
  type VirtualService,
} from '@inmesh/config';
import {
  type ConfigKey,
  type ConfigResource,
  MeshError,
  parseMeshHost,
  type ServiceName,
  splitServiceName,
} from '@inmesh/core';

/** Whose traffic is split between which versions; a version is a subset's name. */
export interface SplitOf {
  readonly service: ServiceName;
  readonly from: string;
  readonly to: string;
}

/** How the configuration splits it. */
export interface TrafficSplit {
  /** The VirtualService that says so. */
  readonly key: ConfigKey;
  /** Percent of the new version; `undefined` when its routes do not agree. */
  readonly share: number | undefined;
  /** The resource with another share. */
  with(share: number): ConfigResource;
}

type Resources = ReadonlyMap<ConfigKey, ConfigResource>;

/**
 * Finds the routes that send the service's traffic to the two versions and nowhere else. Routes to
 * one version with a match of their own (`jason` gets v2) are left alone, and so is everything else.
 * `undefined` when there is none. Throws `conflict` when several resources have such routes.
 */
export function findSplit(resources: Resources, of: SplitOf): TrafficSplit | undefined {
  const found: TrafficSplit[] = [];
  for (const [key, resource] of resources) {
    if (resource.kind !== 'VirtualService') continue;
    const virtualService = resource as VirtualService;
    const routes = (virtualService.spec.http ?? []).filter((route) =>
      isMoved(route, of, resource.metadata.namespace),
    );
    if (routes.length === 0) continue;
    const shares = new Set(routes.map((route) => shareOf(route, of)));
    found.push({
      key,
      share: shares.size === 1 ? [...shares][0] : undefined,
      with: (share) => withShare(virtualService, routes, of, share),
    });
  }
  if (found.length < 2) return found[0];
  throw new MeshError(
    'conflict',
    `rollout: ${found.map(({ key }) => key).join(' and ')} both split ${of.service}; leave one`,
    { service: of.service },
  );
}

/** What makes the split where the configuration has none: all to the old version. Throws `conflict`. */
export function newSplit(resources: Resources, of: SplitOf): ConfigResource[] {
  const { name, namespace } = splitServiceName(of.service);
  const taken = [...resources].find(([, resource]) => isAbout(resource, of.service));
  if (taken !== undefined) {
    throw new MeshError(
      'conflict',
      `rollout: ${taken[0]} is about ${of.service}, but no route of a VirtualService splits it between ${of.from} and ${of.to}; add one (inmesh split ${name} ${of.from}=100 ${of.to}=0 makes both resources)`,
      { service: of.service },
    );
  }
  return [...splitTraffic({ service: name, namespace, weights: { [of.from]: 100, [of.to]: 0 } })];
}

/** A route without a match, or one that splits already: that is, not one that picks a version on purpose. */
function isMoved({ match, route = [] }: HttpRoute, of: SplitOf, namespace = 'default'): boolean {
  if (route.length === 0 || (match !== undefined && route.length < 2)) return false;
  return route.every(
    ({ destination: { host, subset } }) =>
      (subset === of.from || subset === of.to) && names(host, of.service, namespace),
  );
}

function names(host: string, service: ServiceName, namespace: string): boolean {
  try {
    const scope = {
      namespace,
      domain: 'cluster.local',
      namespaces: [splitServiceName(service).namespace],
    };
    return parseMeshHost(host, scope) === service;
  } catch {
    return false; // no service's name: a wildcard
  }
}

function isAbout({ kind, metadata, spec }: ConfigResource, service: ServiceName): boolean {
  const { hosts, host } = (spec ?? {}) as { hosts?: readonly string[]; host?: string };
  if (kind !== 'VirtualService' && kind !== 'DestinationRule') return false;
  return [...(hosts ?? []), ...(host === undefined ? [] : [host])].some((each) =>
    names(each, service, metadata.namespace ?? 'default'),
  );
}

function shareOf({ route = [] }: HttpRoute, { to }: SplitOf): number {
  const [only] = route;
  if (route.length === 1) return only?.destination.subset === to ? 100 : 0;
  let all = 0;
  let moved = 0;
  for (const { destination, weight = 0 } of route) {
    all += weight;
    if (destination.subset === to) moved += weight;
  }
  return all === 0 ? 0 : (100 * moved) / all;
}

function withShare(
  resource: VirtualService,
  moved: readonly HttpRoute[],
  of: SplitOf,
  share: number,
): ConfigResource {
  const http = (resource.spec.http ?? []).map((route) =>
    moved.includes(route) ? { ...route, route: destinations(route, of, share) } : route,
  );
  return { ...resource, spec: { ...resource.spec, http } };
}

/** Both versions with their weights; what else a destination says (headers) stays with it. */
function destinations(
  { route = [] }: HttpRoute,
  { from, to }: SplitOf,
  share: number,
): HttpRouteDestination[] {
  const [first] = route as readonly [HttpRouteDestination];
  return [from, to].map((subset) => {
    const present = route.find(({ destination }) => destination.subset === subset);
    const { destination, ...rest } = present ?? { destination: first.destination };
    const weight = subset === to ? share : 100 - share;
    return { ...rest, destination: { ...destination, subset }, weight };
  });
}

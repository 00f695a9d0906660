import type { Path } from '../problem.ts';
import type {
  Destination,
  DestinationRule,
  ResiliencePolicy,
  Resource,
  VirtualService,
} from '../resources/index.ts';
import { type Analysis, coversHost } from './analysis.ts';

/** Hosts that nobody serves, subsets that nobody defines, subsets that nobody is in. */
export function findDestinations(analysis: Analysis): void {
  const rules = indexRules(analysis);
  for (const resource of analysis.set.list('VirtualService')) {
    for (const [destination, path] of destinationsOf(resource)) {
      checkHost(analysis, resource, destination.host, [...path, 'host']);
      if (destination.subset !== undefined) {
        checkSubset(analysis, rules, resource, destination, path);
      }
    }
  }
  for (const resource of analysis.set.list('DestinationRule')) {
    if (!resource.spec.host.startsWith('*')) {
      checkHost(analysis, resource, resource.spec.host, ['spec', 'host']);
    }
    checkMembers(analysis, resource);
  }
  for (const resource of analysis.set.list('ResiliencePolicy')) {
    for (const [host, path] of hostsOf(resource)) checkHost(analysis, resource, host, path);
  }
}

/** The host that a policy is for, unless it is many, and those that answer for it. */
function* hostsOf({ spec }: ResiliencePolicy): Iterable<readonly [string, Path]> {
  if (!spec.host.startsWith('*')) yield [spec.host, ['spec', 'host']];
  for (const [index, { service }] of (spec.fallbacks ?? []).entries()) {
    if (service !== undefined)
      yield [service.host, ['spec', 'fallbacks', index, 'service', 'host']];
  }
}

/** Every destination of a VirtualService, mirrors included, with its path. */
function* destinationsOf({ spec }: VirtualService): Iterable<readonly [Destination, Path]> {
  for (const [index, route] of (spec.http ?? []).entries()) {
    const at = ['spec', 'http', index];
    for (const [place, { destination }] of (route.route ?? []).entries()) {
      yield [destination, [...at, 'route', place, 'destination']];
    }
    if (route.mirror !== undefined) yield [route.mirror, [...at, 'mirror']];
    for (const [place, { destination }] of (route.mirrors ?? []).entries()) {
      yield [destination, [...at, 'mirrors', place, 'destination']];
    }
  }
}

function checkHost(analysis: Analysis, resource: Resource, written: string, path: Path): void {
  const { services, set, hostOf, tell } = analysis;
  if (services === undefined) return;
  const host = hostOf(written, resource);
  if (services.has(host)) return;
  const entered = set
    .list('ServiceEntry')
    .some((entry) => entry.spec.hosts.some((name) => coversHost(hostOf(name, entry), host)));
  if (entered) return;
  const reason = `${host} is no service of the registry and in no ServiceEntry: calls fail until it is`;
  tell('warning', 'unknown_host', resource, path, reason);
}

interface RuleIndex {
  readonly exact: ReadonlyMap<string, readonly DestinationRule[]>;
  readonly wildcards: readonly (readonly [string, DestinationRule])[];
}

function indexRules({ set, hostOf }: Analysis): RuleIndex {
  const exact = new Map<string, DestinationRule[]>();
  const wildcards: [string, DestinationRule][] = [];
  for (const rule of set.list('DestinationRule')) {
    const host = hostOf(rule.spec.host, rule);
    if (host.startsWith('*')) {
      wildcards.push([host, rule]);
      continue;
    }
    const same = exact.get(host);
    if (same === undefined) exact.set(host, [rule]);
    else same.push(rule);
  }
  return { exact, wildcards };
}

function checkSubset(
  { hostOf, tell }: Analysis,
  rules: RuleIndex,
  resource: Resource,
  destination: Destination,
  path: Path,
): void {
  const host = hostOf(destination.host, resource);
  const exact = rules.exact.get(host);
  const speaking =
    exact ??
    rules.wildcards.filter(([pattern]) => coversHost(pattern, host)).map(([, rule]) => rule);
  const defined = speaking.some(({ spec }) =>
    spec.subsets?.some(({ name }) => name === destination.subset),
  );
  if (defined) return;
  const reason =
    speaking.length === 0
      ? `${host} has no DestinationRule, so no subset ${destination.subset}`
      : `no DestinationRule of ${host} defines the subset ${destination.subset}`;
  tell('error', 'missing_subset', resource, [...path, 'subset'], reason);
}

/** Only where endpoints are known: a service that is not up yet has no empty subsets. */
function checkMembers({ services, hostOf, tell }: Analysis, rule: DestinationRule): void {
  const host = hostOf(rule.spec.host, rule);
  const endpoints = services?.get(host)?.endpoints ?? [];
  if (endpoints.length === 0) return;
  rule.spec.subsets?.forEach(({ name, labels = {} }, index) => {
    const wanted = Object.entries(labels);
    const member = endpoints.some((endpoint) =>
      wanted.every(([key, value]) => endpoint.labels[key] === value),
    );
    if (member) return;
    const text = wanted.map(([key, value]) => `${key}=${value}`).join(', ');
    const reason = `no endpoint of ${host} is in the subset ${name} (${text})`;
    tell('warning', 'empty_subset', rule, ['spec', 'subsets', index, 'labels'], reason);
  });
}

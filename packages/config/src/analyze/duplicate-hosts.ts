import { type Resource, resourceId } from '../resources/index.ts';
import { appliesToMesh } from '../schema/virtual-service.ts';
import type { Analysis } from './analysis.ts';

/** Two rules for one host: in the mesh they do not merge, the oldest wins. */
export function findDuplicateHosts(analysis: Analysis): void {
  const { set } = analysis;
  tellRepeats(analysis, {
    resources: set.list('VirtualService').filter(({ spec }) => appliesToMesh(spec.gateways)),
    hosts: ({ spec }) => spec.hosts,
    within: () => '',
    reason: (host, first) => `${host} is routed by ${first}, which is older: this is passed over`,
  });
  tellRepeats(analysis, {
    resources: set.list('DestinationRule').filter((rule) => !rule.spec.workloadSelector),
    hosts: ({ spec }) => [spec.host],
    // Rules of two namespaces live side by side: callers and services each have their own.
    within: ({ metadata }) => metadata.namespace,
    reason: (host, first) =>
      `${host} has the rule ${first}, which is older: only new subsets of this one count`,
  });
  tellRepeats(analysis, {
    resources: set.list('ResiliencePolicy').filter((policy) => !policy.spec.workloadSelector),
    hosts: ({ spec }) => [spec.host],
    within: ({ metadata }) => metadata.namespace,
    reason: (host, first) => `${host} has the policy ${first}, which is older: this is passed over`,
  });
  tellRepeats(analysis, {
    resources: set.list('ServiceEntry'),
    hosts: ({ spec }) => spec.hosts,
    within: () => '',
    reason: (host, first) => `${host} is defined by ${first}, which is older`,
  });
}

interface HostRule<R> {
  readonly resources: readonly R[];
  readonly hosts: (resource: R) => readonly string[];
  /** Hosts of different ones never meet. */
  readonly within: (resource: R) => string;
  readonly reason: (host: string, first: string) => string;
}

function tellRepeats<R extends Resource>(
  { hostOf, tell }: Analysis,
  { resources, hosts, within, reason }: HostRule<R>,
): void {
  const first = new Map<string, R>();
  for (const resource of byAge(resources)) {
    for (const [index, written] of hosts(resource).entries()) {
      const host = hostOf(written, resource);
      const key = `${within(resource)} ${host}`;
      const earlier = first.get(key);
      if (earlier === undefined) {
        first.set(key, resource);
        continue;
      }
      const path = 'host' in resource.spec ? ['spec', 'host'] : ['spec', 'hosts', index];
      const same = earlier === resource;
      const text = same ? `${host} is listed twice` : reason(host, resourceId(earlier));
      tell('warning', 'duplicate_host', resource, path, text);
    }
  }
}

/** The order in which rules for one host win: the oldest, then by name, then by namespace. */
function byAge<R extends Resource>(resources: readonly R[]): R[] {
  return [...resources].sort(
    (a, b) =>
      createdAt(a) - createdAt(b) ||
      compareText(a.metadata.name, b.metadata.name) ||
      compareText(a.metadata.namespace, b.metadata.namespace),
  );
}

/** What carries no time has no claim to be older than what does. */
function createdAt({ metadata }: Resource): number {
  const { creationTimestamp } = metadata;
  return creationTimestamp === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(creationTimestamp);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

import {
  compareByAge,
  type Resource,
  type ResourceId,
  resourceId,
  type VirtualService,
} from '@inmesh/config';
import { MeshError, type ServiceName, type Workload } from '@inmesh/core';
import { type Affected, affectedServices } from './affected-services.ts';
import { type DestinationRules, noDestinationRules } from './destination-rules.ts';
import { isExportedTo } from './exported-to.ts';
import { HostIndex, type HostIndexRules, hostPattern } from './host-index.ts';
import type { HostName } from './host-name.ts';
import { compiling } from './invalid-resource.ts';
import { noResiliencePolicies, type ResiliencePolicies } from './resilience-policies.ts';
import { ServiceDestinations } from './service-destinations.ts';
import { ServiceEntries } from './service-entries.ts';
import type { StickySource } from './sticky-key.ts';
import type { TableScope, Tables } from './tables.ts';
import { UnlistedHosts } from './unlisted-hosts.ts';
import {
  type CompiledVirtualService,
  compileVirtualService,
  stickySourcesOf,
} from './virtual-service.ts';

/** Tables without resources: what the first ones are made out of. */
export function emptyTables(scope: TableScope): Tables {
  const { workload, hosts, rootNamespace } = scope;
  const rules = noDestinationRules({ workload, rootNamespace, scope: hosts });
  const resilience = noResiliencePolicies({ workload, rootNamespace, scope: hosts });
  const entries = new ServiceEntries([], workload, hosts);
  return {
    scope,
    resources: new Map(),
    virtualServices: new HostIndex(),
    compiled: new Map(),
    rules,
    resilience,
    entries,
    services: new Map(),
    destinationsOf: createDestinationsOf(rules, resilience, entries),
    unlisted: new UnlistedHosts(),
    stickySources: [],
  };
}

export interface NextTables {
  readonly tables: Tables;
  /** How many hosts' routes were compiled for it. */
  readonly compiledHosts: number;
}

/** One step from tables to the next: copies, in which only what the changes touch is made anew. */
export function nextTables(
  before: Tables,
  applied: readonly Resource[],
  removedIds: readonly ResourceId[],
): NextTables {
  const { scope } = before;
  const added = indexById(applied);
  const resources = new Map(before.resources);
  const gone: Resource[] = [];
  for (const id of [...removedIds, ...added.keys()]) {
    const old = resources.get(id);
    if (old !== undefined) gone.push(old);
    resources.delete(id);
  }
  for (const [id, resource] of added) resources.set(id, resource);

  const rules = before.rules.changed(
    only(gone, 'DestinationRule'),
    only(applied, 'DestinationRule'),
  );
  const resilience = before.resilience.changed(
    only(gone, 'ResiliencePolicy'),
    only(applied, 'ResiliencePolicy'),
  );
  const entriesChanged = [...gone, ...applied].some(({ kind }) => kind === 'ServiceEntry');
  const entries = entriesChanged
    ? new ServiceEntries(only([...resources.values()], 'ServiceEntry'), scope.workload, scope.hosts)
    : before.entries;
  const affected = affectedServices([...gone, ...applied], scope.hosts);
  const destinationsOf = createDestinationsOf(rules, resilience, entries);
  const services = new Map([...before.services].filter(([, { host }]) => !affected.has(host)));
  const unaffected = before.unlisted.filter(({ destinations }) => !affected.has(destinations.host));
  // What a host got before a VirtualService sent to it stays its one object.
  const servicesOf = (host: HostName): ServiceDestinations => {
    const known = services.get(host.key) ?? unaffected.get(host.key)?.destinations;
    const destinations = known ?? destinationsOf(host);
    services.set(host.key, destinations);
    return destinations;
  };

  const isOurs = (resource: VirtualService): boolean => isForMesh(resource, scope.workload);
  const goneServices = only(gone, 'VirtualService').filter(isOurs);
  const newServices = only(applied, 'VirtualService').filter(isOurs);
  const compiled = new Map(before.compiled);
  for (const resource of goneServices) compiled.delete(resourceId(resource));
  const stale = staleVirtualServices(compiled, affected, before.services);
  const toCompile = [...newServices, ...stale];
  for (const resource of toCompile) {
    compiled.set(
      resourceId(resource),
      compiling(resource, () =>
        compileVirtualService(resource, {
          workload: scope.workload,
          scope: scope.hosts,
          servicesOf,
        }),
      ),
    );
  }
  const virtualServices = before.virtualServices.changed(
    [...goneServices, ...stale],
    toCompile,
    hostRules(scope, compiled),
  );
  if (goneServices.length > 0) dropUnused(services, compiled.values());
  const { hosts } = virtualServices;
  const unlisted = unaffected.filter(
    ({ virtualService, destinations: { host } }) =>
      hosts.byWildcard(host.full)?.value === virtualService,
  );
  const compiledHosts = toCompile.reduce((sum, { spec }) => sum + spec.hosts.length, 0);
  const tables: Tables = {
    scope,
    resources,
    virtualServices,
    compiled,
    rules,
    resilience,
    entries,
    services,
    destinationsOf,
    unlisted,
    stickySources: findStickySources(only([...resources.values()], 'VirtualService')),
  };
  return { tables, compiledHosts };
}

/** Without it, services that once had routes would stay for ever. */
function dropUnused(
  services: Map<ServiceName, ServiceDestinations>,
  compiled: Iterable<CompiledVirtualService>,
): void {
  const used = new Set<ServiceName>();
  for (const virtualService of compiled) {
    for (const service of virtualService.services) used.add(service);
  }
  for (const service of services.keys()) {
    if (!used.has(service)) services.delete(service);
  }
}

/** Also of resources that route for others only: this workload may stand between two that need the key. */
function findStickySources(resources: readonly VirtualService[]): readonly StickySource[] {
  const sources = new Map<string, StickySource>();
  for (const resource of resources) {
    if (resource.metadata.annotations === undefined) continue;
    for (const source of compiling(resource, () => stickySourcesOf(resource))) {
      sources.set(`${source.kind}:${source.name}`, source);
    }
  }
  return [...sources.values()];
}

/** Resources that did not change themselves but send to a service whose policy did. */
function staleVirtualServices(
  compiled: ReadonlyMap<ResourceId, CompiledVirtualService>,
  affected: Affected,
  services: ReadonlyMap<ServiceName, ServiceDestinations>,
): readonly VirtualService[] {
  if (affected.isEmpty) return [];
  const stale: VirtualService[] = [];
  for (const { services: targets, resource } of compiled.values()) {
    for (const target of targets) {
      const host = services.get(target)?.host;
      if (host === undefined || !affected.has(host)) continue;
      stale.push(resource);
      break;
    }
  }
  return stale;
}

function hostRules(
  { hosts }: TableScope,
  compiled: ReadonlyMap<ResourceId, CompiledVirtualService>,
): HostIndexRules<VirtualService, CompiledVirtualService> {
  return {
    patternsOf: (resource) =>
      compiling(resource, () =>
        resource.spec.hosts.map((host) =>
          hostPattern(host, { ...hosts, namespace: resource.metadata.namespace }),
        ),
      ),
    compare: compareByAge,
    build: ([winner]) =>
      compiled.get(resourceId(winner as VirtualService)) as CompiledVirtualService,
  };
}

/** Gateways of their own do not exist in the process, so only resources for `mesh` count. */
function isForMesh({ metadata, spec }: VirtualService, workload: Workload): boolean {
  const { gateways, exportTo, http } = spec;
  // Without http routes it is about level 4 only, and must not take HTTP's default away.
  if (http === undefined || http.length === 0) return false;
  if (gateways !== undefined && gateways.length > 0 && !gateways.includes('mesh')) return false;
  return isExportedTo(exportTo, metadata.namespace, workload.namespace);
}

function createDestinationsOf(
  rules: DestinationRules,
  resilience: ResiliencePolicies,
  entries: ServiceEntries,
): (host: HostName) => ServiceDestinations {
  return (host) => {
    const entry = entries.get(host);
    const namespace = host.namespace === '' ? (entry?.namespace ?? '') : host.namespace;
    return new ServiceDestinations(
      host,
      rules.get(host, namespace),
      resilience.get(host, namespace),
      entry?.subjectAltNames,
    );
  };
}

function only<K extends Resource['kind']>(
  resources: readonly Resource[],
  kind: K,
): Extract<Resource, { kind: K }>[] {
  return resources.filter(
    (resource): resource is Extract<Resource, { kind: K }> => resource.kind === kind,
  );
}

/** By id. Throws `invalid_resource` where two have the same: which one was meant cannot be known. */
export function indexById(resources: readonly Resource[]): ReadonlyMap<ResourceId, Resource> {
  const byId = new Map<ResourceId, Resource>();
  for (const resource of resources) {
    const id = compiling(resource, () => resourceId(resource));
    if (byId.has(id)) throw new MeshError('invalid_resource', `${id} is given twice: keep one`);
    byId.set(id, resource);
  }
  return byId;
}

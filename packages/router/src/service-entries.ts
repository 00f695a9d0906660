import {
  compareByAge,
  type ResourceId,
  resourceId,
  type ServiceEntry,
  type WorkloadEntrySpec,
} from '@inmesh/config';
import type { EndpointPort, Locality, Workload } from '@inmesh/core';
import { isExportedTo } from './exported-to.ts';
import { type HostPattern, hostPattern } from './host-index.ts';
import { HostMap } from './host-map.ts';
import type { HostName, HostScope } from './host-name.ts';
import { compiling } from './invalid-resource.ts';

/** Where one host of a ServiceEntry may be reached. */
export interface ServiceEntryEndpoint {
  /** An IP literal with resolution STATIC; with DNS a name to look up. */
  readonly address: string;
  /** Empty when the entry lists no ports: then the URL's. */
  readonly ports: readonly EndpointPort[];
  readonly labels: Readonly<Record<string, string>>;
  readonly locality: Locality;
  readonly weight: number;
  readonly serviceAccount: string;
}

/** A ServiceEntry as data for whoever connects: the router itself does no look-ups. */
export interface CompiledServiceEntry {
  readonly resource: ResourceId;
  readonly namespace: string;
  /** Exact ones have the destination's `service` as their text. */
  readonly hosts: readonly HostPattern[];
  readonly location: 'MESH_EXTERNAL' | 'MESH_INTERNAL';
  /** NONE: connect to the name as it is; DNS: to any address of the names; STATIC: to the addresses. */
  readonly resolution: 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN';
  /** Empty with NONE. With DNS and no endpoints, the hosts themselves. */
  readonly endpoints: readonly ServiceEntryEndpoint[];
  /** Callers may use these ports; empty is any. */
  readonly ports: readonly number[];
  readonly subjectAltNames: readonly string[] | undefined;
}

/** The ServiceEntries that this workload sees. Immutable. */
export class ServiceEntries {
  readonly all: readonly CompiledServiceEntry[];
  readonly #byHost = new HostMap<CompiledServiceEntry>();

  constructor(
    entries: readonly ServiceEntry[],
    workload: Workload,
    scope: Omit<HostScope, 'namespace'>,
  ) {
    const seen = entries.filter(({ metadata, spec }) =>
      isExportedTo(spec.exportTo, metadata.namespace, workload.namespace),
    );
    this.all = seen
      .sort(compareByAge)
      .map((entry) => compiling(entry, () => compileServiceEntry(entry, scope)));
    // Backwards, so that the oldest of several entries for one host stays.
    for (const entry of [...this.all].reverse()) {
      for (const { kind, text } of entry.hosts) {
        if (kind === 'exact') this.#byHost.exact.set(text, entry);
        else this.#byHost.setWildcard(text, entry);
      }
    }
  }

  get(host: HostName): CompiledServiceEntry | undefined {
    return this.#byHost.get(host);
  }
}

function compileServiceEntry(
  resource: ServiceEntry,
  outer: Omit<HostScope, 'namespace'>,
): CompiledServiceEntry {
  const { spec, metadata } = resource;
  const scope = { ...outer, namespace: metadata.namespace };
  const hosts = spec.hosts.map((host) => hostPattern(host, scope));
  const { location = 'MESH_EXTERNAL', resolution = 'NONE', subjectAltNames } = spec;
  return Object.freeze({
    resource: resourceId(resource),
    namespace: metadata.namespace,
    hosts,
    location,
    resolution,
    endpoints: resolution === 'NONE' ? [] : endpointsOf(resource, hosts),
    ports: (spec.ports ?? []).map((port) => port.number),
    subjectAltNames,
  });
}

function endpointsOf(
  { spec }: ServiceEntry,
  hosts: readonly HostPattern[],
): readonly ServiceEntryEndpoint[] {
  const listed = (spec.endpoints ?? []).map((entry) => endpoint(spec, entry));
  if (listed.length > 0 || spec.resolution === 'STATIC') return listed;
  return hosts
    .filter(({ kind }) => kind === 'exact')
    .map(({ text }) => endpoint(spec, { address: text }));
}

function endpoint(spec: ServiceEntry['spec'], entry: WorkloadEntrySpec): ServiceEntryEndpoint {
  const ports = (spec.ports ?? []).map(({ name, number, targetPort }) => ({
    name,
    port: entry.ports?.[name] ?? targetPort ?? number,
    servicePort: number,
  }));
  const [region = '', zone = '', subzone = ''] = (entry.locality ?? '').split('/');
  return {
    address: entry.address ?? '',
    ports,
    labels: entry.labels ?? {},
    locality: { region, zone, subzone },
    weight: entry.weight ?? 1,
    serviceAccount: entry.serviceAccount ?? 'default',
  };
}

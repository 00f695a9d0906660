import type { Resource, ResourceId, VirtualService } from '@inmesh/config';
import type { ServiceName, Workload } from '@inmesh/core';
import type { DestinationRules } from './destination-rules.ts';
import type { HostIndex } from './host-index.ts';
import type { HostName, HostScope } from './host-name.ts';
import type { ResiliencePolicies } from './resilience-policies.ts';
import type { ServiceDestinations } from './service-destinations.ts';
import type { ServiceEntries } from './service-entries.ts';
import type { StickySource } from './sticky-key.ts';
import type { UnlistedHosts } from './unlisted-hosts.ts';
import type { CompiledVirtualService } from './virtual-service.ts';

/** For whom a table is compiled. */
export interface TableScope {
  readonly workload: Workload;
  readonly hosts: HostScope;
  readonly rootNamespace: string;
}

/** Everything that the next table is made of. Nothing in it is changed once it is here. */
export interface Tables {
  readonly scope: TableScope;
  readonly resources: ReadonlyMap<ResourceId, Resource>;
  readonly virtualServices: HostIndex<VirtualService, CompiledVirtualService>;
  readonly compiled: ReadonlyMap<ResourceId, CompiledVirtualService>;
  readonly rules: DestinationRules;
  readonly resilience: ResiliencePolicies;
  readonly entries: ServiceEntries;
  /** Of every service that a VirtualService sends to. */
  readonly services: ReadonlyMap<ServiceName, ServiceDestinations>;
  /** Makes what `services` does not have. */
  readonly destinationsOf: (host: HostName) => ServiceDestinations;
  readonly unlisted: UnlistedHosts;
  readonly stickySources: readonly StickySource[];
}

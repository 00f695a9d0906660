import type { ResourceId } from '@inmesh/config';
import type { RouteRequest, Router, ServiceName, ServicePolicy } from '@inmesh/core';
import type { CompiledCors } from './cors.ts';
import type { Explanation } from './explanation.ts';
import type { CompiledServiceEntry } from './service-entries.ts';
import type { StickySource } from './sticky-key.ts';

/** Something that is valid and will hardly do what its author wanted. */
export interface RouterProblem {
  readonly resource: ResourceId;
  readonly message: string;
}

/** The routes of inbound requests: what this workload's own side enforces. */
export interface InboundTable {
  /** The CORS policy of the route that `request` takes, for `corsDecision`. */
  cors(request: RouteRequest): CompiledCors | undefined;
}

/** A router made of resources, for one workload. Immutable but for its caches. */
export interface CompiledRouter extends Router {
  /** Why `request` goes where it goes. Slower than `route`; decides the same. */
  explain(request: RouteRequest): Explanation;
  readonly problems: readonly RouterProblem[];
  readonly inbound: InboundTable;
  /** The ServiceEntries that this workload sees. */
  readonly serviceEntries: readonly CompiledServiceEntry[];
  /** The ServiceEntry of a destination, for resolving its endpoints and for `registry-only`. */
  serviceEntry(service: ServiceName): CompiledServiceEntry | undefined;
  /** What holds for calls to the service as such. One object for as long as it is said. */
  servicePolicy(request: RouteRequest): ServicePolicy | undefined;
  /** What inbound requests carry on, for `stickyPassOn`: of every VirtualService, also of those for others. */
  readonly stickySources: readonly StickySource[];
  /** How many hosts' routes were compiled to make this router out of the one before. */
  readonly compiledHosts: number;
}

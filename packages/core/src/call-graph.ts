/**
 * What the registry makes of the reports.
 *
 *   GET    /v1/graph?namespace=&service=                 CallGraph
 *   GET    /v1/graph/stream                              SSE: `event: graph`, CallGraph, every few seconds
 *   GET    /v1/services/:namespace/:name/history?range=  ServiceHistory; `range` is `5m` or `1h`
 *   GET    /v1/services/:namespace/:name/reporters       ServiceReporters
 *   GET    /v1/refusals?limit=&service=                  RefusalList
 */
import type { RefusalReport, ReporterState } from './reports.ts';
import type { ServiceName } from './service-name.ts';

/** One version of a service, as an end of an edge: `service` is what `EdgeReport` has as `peer`. */
export interface GraphParty {
  readonly service: string;
  /** '' is none, or nobody was reached. */
  readonly version: string;
}

/** Rates over the graph's window. */
export interface GraphRates {
  readonly callsPerSecond: number;
  /** 0..1. */
  readonly errorRatio: number;
  /** Milliseconds, at most 6 % off; `null` without calls. */
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
}

export interface GraphEdge extends GraphRates {
  readonly source: GraphParty;
  readonly destination: GraphParty;
  /** Share of the calls that went over mutual TLS, 0..1. */
  readonly mutualTlsRatio: number;
  /** Since the last call; after five minutes an edge is left out. */
  readonly idleMs: number;
}

/** Inbound rates are in `GraphRates`: all calls to it. */
export interface GraphNode extends GraphParty, GraphRates {
  /** `outside`: a host that is no service of the mesh. `unknown`: callers that did not say who they are, and what is beyond a cap. */
  readonly kind: 'service' | 'outside' | 'unknown';
  /** Registered endpoints of this version, and those of them that are up. */
  readonly endpoints: number;
  readonly up: number;
  /** Processes of it that report. */
  readonly reporters: number;
  /** Breakers that are not closed and ejections that these processes tell of. */
  readonly openBreakers: number;
  readonly ejections: number;
}

export interface CallGraph {
  /** Counts up with every graph that this server makes. */
  readonly revision: number;
  /** What the rates are of; it ends a few seconds before now, when every report should have come. */
  readonly windowMs: number;
  readonly lagMs: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** How often an edge was reported that there was no room for; such are counted together, from and to `other`. */
  readonly overflowed: number;
}

/** One number per step, oldest first; 0 calls have `null` latencies. */
export interface TrafficColumns {
  readonly calls: readonly number[];
  readonly errors: readonly number[];
  readonly p50Ms: readonly (number | null)[];
  readonly p90Ms: readonly (number | null)[];
  readonly p99Ms: readonly (number | null)[];
}

/** Where steps are longer than a second, latencies are of all calls in a step. */
export interface ServiceHistory {
  readonly service: ServiceName;
  /** 1,000 or 60,000. */
  readonly stepMs: number;
  /** How many numbers each column has: 300 or 60. */
  readonly steps: number;
  /** How long ago the last step ended; it is whole when every report came in time. */
  readonly endsAgoMs: number;
  /** All calls to each version of the service, whoever made them. */
  readonly versions: readonly (TrafficColumns & { readonly version: string })[];
  /** Edges to and from the service, the busiest first; at most 100. */
  readonly edges: readonly (TrafficColumns & {
    readonly source: GraphParty;
    readonly destination: GraphParty;
  })[];
}

/** The processes of a service that report, each with what it told last. */
export interface ServiceReporters {
  readonly service: ServiceName;
  readonly reporters: readonly {
    /** As its session says. */
    readonly client: string;
    readonly version: string;
    readonly silentForMs: number;
    /** `null` until it told any. */
    readonly state: ReporterState | null;
  }[];
}

/** Newest first. */
export interface RefusalList {
  readonly refusals: readonly (RefusalReport & {
    readonly service: ServiceName;
    readonly version: string;
  })[];
}

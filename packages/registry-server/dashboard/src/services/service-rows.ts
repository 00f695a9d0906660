import type { CallGraph } from '@inmesh/core';
import type { ServiceSummary } from '../api/all-services.ts';
import { meshGraph, type Vertex } from '../graph/mesh-graph.ts';

/** A service of the list, with its traffic where it is known. */
export interface ServiceRow extends ServiceSummary {
  readonly traffic: Vertex | undefined;
}

export type SortKey = 'service' | 'up' | 'rate' | 'errors' | 'latency';

export function serviceRows(
  services: readonly ServiceSummary[],
  graph: CallGraph | undefined,
): readonly ServiceRow[] {
  const vertices = graph === undefined ? [] : meshGraph(graph).vertices;
  const byId = new Map(vertices.map((vertex) => [vertex.id, vertex]));
  return services.map((service) => ({ ...service, traffic: byId.get(service.service) }));
}

/** What somebody looks for first comes first: by name, or the least up, the busiest, the worst. */
export function sortRows(rows: readonly ServiceRow[], key: SortKey): readonly ServiceRow[] {
  const weight = weights[key];
  return [...rows].sort((a, b) => weight(b) - weight(a) || (a.service < b.service ? -1 : 1));
}

const weights: Readonly<Record<SortKey, (row: ServiceRow) => number>> = {
  service: () => 0,
  up: ({ up, endpoints }) => endpoints - up,
  rate: ({ traffic }) => traffic?.callsPerSecond ?? -1,
  errors: ({ traffic }) => traffic?.errorRatio ?? -1,
  latency: ({ traffic }) => traffic?.p99Ms ?? -1,
};

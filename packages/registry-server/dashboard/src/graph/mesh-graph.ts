import type { CallGraph, GraphEdge, GraphNode } from '@inmesh/core';
import { splitService } from '../ui/format.ts';
import { groupBy } from '../ui/group-by.ts';

/** Rates of a service, a version or a connection, over the graph's window. */
export interface Traffic {
  readonly callsPerSecond: number;
  /** 0..1 */
  readonly errorRatio: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** One version's part of the traffic. */
export interface VersionTraffic extends Traffic {
  readonly version: string;
  /** Its share of the whole, 0..1. */
  readonly ratio: number;
  /** Its place among all versions of the service, which gives its colour. */
  readonly index: number;
}

/** A node as it is drawn: a service with its versions, or a namespace with its services. */
export interface Vertex extends Traffic {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly kind: GraphNode['kind'] | 'namespace';
  readonly versions: readonly VersionTraffic[];
  readonly endpoints: number;
  readonly up: number;
  readonly openBreakers: number;
  readonly ejections: number;
  /** How many services it stands for. */
  readonly services: number;
}

/** Calls from one vertex to another. */
export interface Arc extends Traffic {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  /** 0..1 */
  readonly mutualTlsRatio: number;
  readonly idle: boolean;
  /** How the calls are divided among the target's versions. */
  readonly versions: readonly VersionTraffic[];
}

export interface MeshGraph {
  readonly vertices: readonly Vertex[];
  readonly arcs: readonly Arc[];
}

export const emptyGraph: MeshGraph = { vertices: [], arcs: [] };

/** Joins what the registry tells of each version into services and the connections between them. */
export function meshGraph({ nodes, edges }: CallGraph): MeshGraph {
  const byService = groupBy(nodes, ({ service }) => service);
  const vertices = [...byService].map(([service, versions]) => serviceVertex(service, versions));
  const indices = new Map(
    vertices.map(({ id, versions }) => [id, new Map(versions.map((v) => [v.version, v.index]))]),
  );
  const byEnds = groupBy(edges, arcId);
  const arcs = [...byEnds].map(([id, parts]) => serviceArc(id, parts, indices));
  return {
    vertices,
    arcs: arcs.filter(({ source, target }) => indices.has(source) && indices.has(target)),
  };
}

/** The arc's ends are kept apart by a character that no name has. */
function arcId({ source, destination }: GraphEdge): string {
  return `${source.service}>${destination.service}`;
}

function serviceVertex(service: string, nodes: readonly GraphNode[]): Vertex {
  const { name, namespace } = splitService(service);
  const [{ kind }] = nodes as [GraphNode];
  const inMesh = kind === 'service';
  return {
    id: service,
    name: inMesh ? name : service || 'unknown',
    namespace: inMesh ? namespace : '',
    kind,
    ...joined(nodes),
    versions: versionsOf(nodes, (node) => node.version, versionOrder(nodes)),
    endpoints: sum(nodes, ({ endpoints }) => endpoints),
    up: sum(nodes, ({ up }) => up),
    openBreakers: sum(nodes, ({ openBreakers }) => openBreakers),
    ejections: sum(nodes, ({ ejections }) => ejections),
    services: 1,
  };
}

/** An edge counts as idle when nothing went over it for this long. */
const idleAfterMs = 15_000;

function serviceArc(
  id: string,
  edges: readonly GraphEdge[],
  indices: ReadonlyMap<string, ReadonlyMap<string, number>>,
): Arc {
  const [{ source, destination }] = edges as [GraphEdge];
  const calls = sum(edges, ({ callsPerSecond }) => callsPerSecond);
  const secured = sum(edges, (edge) => edge.callsPerSecond * edge.mutualTlsRatio);
  const order = indices.get(destination.service) ?? new Map<string, number>();
  return {
    id,
    source: source.service,
    target: destination.service,
    ...joined(edges),
    mutualTlsRatio: calls === 0 ? Math.min(...edges.map((e) => e.mutualTlsRatio)) : secured / calls,
    idle: edges.every(({ idleMs }) => idleMs > idleAfterMs),
    versions: versionsOf(edges, (edge) => edge.destination.version, order),
  };
}

function versionOrder(nodes: readonly GraphNode[]): ReadonlyMap<string, number> {
  const versions = [...new Set(nodes.map(({ version }) => version))].sort(naturally.compare);
  return new Map(versions.map((version, index) => [version, index]));
}

/** `v10` comes after `v9`. */
const naturally = new Intl.Collator('en', { numeric: true });

function versionsOf<T extends Traffic>(
  parts: readonly T[],
  versionOf: (part: T) => string,
  order: ReadonlyMap<string, number>,
): readonly VersionTraffic[] {
  const total = sum(parts, ({ callsPerSecond }) => callsPerSecond);
  return [...groupBy(parts, versionOf)]
    .map(([version, same]) => {
      const traffic = joined(same);
      const ratio = total === 0 ? 0 : traffic.callsPerSecond / total;
      return { version, ratio, index: order.get(version) ?? 0, ...traffic };
    })
    .sort((a, b) => a.index - b.index);
}

/** Several rates as one. Of latencies the highest counts: quantiles cannot be added. */
export function joined(parts: readonly Traffic[]): Traffic {
  const callsPerSecond = sum(parts, (part) => part.callsPerSecond);
  const errors = sum(parts, (part) => part.callsPerSecond * part.errorRatio);
  return {
    callsPerSecond,
    errorRatio: callsPerSecond === 0 ? 0 : errors / callsPerSecond,
    p50Ms: highest(parts, ({ p50Ms }) => p50Ms),
    p99Ms: highest(parts, ({ p99Ms }) => p99Ms),
  };
}

function highest(
  parts: readonly Traffic[],
  value: (part: Traffic) => number | null,
): number | null {
  return parts.reduce<number | null>((most, part) => {
    const one = value(part);
    return one === null || (most !== null && most >= one) ? most : one;
  }, null);
}

export function sum<T>(parts: readonly T[], value: (part: T) => number): number {
  return parts.reduce((total, part) => total + value(part), 0);
}

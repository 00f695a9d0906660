import { groupBy } from '../ui/group-by.ts';
import { healthOf } from './health.ts';
import { type Arc, joined, type MeshGraph, sum, type Vertex } from './mesh-graph.ts';

/** What of the graph is shown. */
export interface Narrowing {
  /** Only this vertex and what is within `depth` calls of it. */
  readonly focus: string | undefined;
  readonly depth: number;
  /** Only connections with errors. */
  readonly failing: boolean;
  readonly grouping: 'services' | 'namespaces';
}

/** The part of `graph` that is asked for. A focus that is not there any more shows everything. */
export function narrow(
  graph: MeshGraph,
  { focus, depth, failing, grouping }: Narrowing,
): MeshGraph {
  const grouped = grouping === 'namespaces' ? byNamespace(graph) : graph;
  const failed = failing ? onlyFailing(grouped) : grouped;
  const centre = failed.vertices.some(({ id }) => id === focus) ? focus : undefined;
  return centre === undefined ? failed : around(failed, centre, depth);
}

function onlyFailing({ vertices, arcs }: MeshGraph): MeshGraph {
  const failing = arcs.filter((arc) => ['warn', 'bad'].includes(healthOf(arc)));
  const ends = new Set(failing.flatMap(({ source, target }) => [source, target]));
  return { vertices: vertices.filter(({ id }) => ends.has(id)), arcs: failing };
}

function around({ vertices, arcs }: MeshGraph, centre: string, depth: number): MeshGraph {
  const near = new Set([centre]);
  // Callers of callers and callees of callees: not everything that a shared service connects.
  for (const [from, to] of [
    ['source', 'target'],
    ['target', 'source'],
  ] as const) {
    let edge = new Set([centre]);
    for (let step = 0; step < depth; step += 1) {
      edge = new Set(arcs.filter((arc) => edge.has(arc[from])).map((arc) => arc[to]));
      for (const id of edge) near.add(id);
    }
  }
  return {
    vertices: vertices.filter(({ id }) => near.has(id)),
    arcs: arcs.filter(({ source, target }) => near.has(source) && near.has(target)),
  };
}

function byNamespace({ vertices, arcs }: MeshGraph): MeshGraph {
  const groupOf = new Map(vertices.map((vertex) => [vertex.id, groupId(vertex)]));
  const groups = groupBy(vertices, groupId);
  const lanes = groupBy(arcs, (arc) => `${groupOf.get(arc.source)}>${groupOf.get(arc.target)}`);
  return {
    vertices: [...groups].map(([id, members]) => groupVertex(id, members)),
    arcs: [...lanes]
      .map(([id, parts]) => groupArc(id, parts, groupOf))
      .filter(({ source, target }) => source !== target),
  };
}

/** What is in no namespace stays what it is. */
function groupId({ id, namespace }: Vertex): string {
  return namespace === '' ? id : `namespace ${namespace}`;
}

function groupVertex(id: string, members: readonly Vertex[]): Vertex {
  const [first] = members as [Vertex];
  if (first.namespace === '') return first;
  return {
    id,
    name: first.namespace,
    namespace: first.namespace,
    kind: 'namespace',
    ...joined(members),
    versions: [],
    endpoints: sum(members, ({ endpoints }) => endpoints),
    up: sum(members, ({ up }) => up),
    openBreakers: sum(members, ({ openBreakers }) => openBreakers),
    ejections: sum(members, ({ ejections }) => ejections),
    services: members.length,
  };
}

function groupArc(id: string, parts: readonly Arc[], groupOf: ReadonlyMap<string, string>): Arc {
  const [first] = parts as [Arc];
  const calls = sum(parts, ({ callsPerSecond }) => callsPerSecond);
  const secured = sum(parts, (arc) => arc.callsPerSecond * arc.mutualTlsRatio);
  return {
    id,
    source: groupOf.get(first.source) ?? first.source,
    target: groupOf.get(first.target) ?? first.target,
    ...joined(parts),
    mutualTlsRatio: calls === 0 ? first.mutualTlsRatio : secured / calls,
    idle: parts.every(({ idle }) => idle),
    versions: [],
  };
}

import type { Arc, Vertex } from './mesh-graph.ts';

/**
 * How far each vertex is from those that nobody calls, by the longest way: so calls point to the
 * right. Calls that lead back are left out; the busier one of two that contradict counts.
 */
export function ranks(
  vertices: readonly Vertex[],
  arcs: readonly Arc[],
): ReadonlyMap<string, number> {
  const outgoing = new Map<string, string[]>(vertices.map(({ id }) => [id, []]));
  const byRate = [...arcs].sort((a, b) => b.callsPerSecond - a.callsPerSecond);
  for (const { source, target } of byRate) {
    if (source !== target) outgoing.get(source)?.push(target);
  }
  const order = forwardOrder(vertices, arcs, outgoing);
  const place = new Map(order.map((id, index) => [id, index]));
  const rank = new Map(order.map((id) => [id, 0]));
  for (const id of order) {
    const next = (rank.get(id) ?? 0) + 1;
    for (const target of outgoing.get(id) ?? []) {
      const leadsOn = (place.get(target) ?? 0) > (place.get(id) ?? 0);
      if (leadsOn && (rank.get(target) ?? 0) < next) rank.set(target, next);
    }
  }
  return rank;
}

/** The vertices such that calls lead forward, but for those that close a circle (depth first, reversed). */
function forwardOrder(
  vertices: readonly Vertex[],
  arcs: readonly Arc[],
  outgoing: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const called = new Set(arcs.filter((a) => a.source !== a.target).map(({ target }) => target));
  const roots = vertices.filter(({ id }) => !called.has(id));
  const seen = new Set<string>();
  const finished: string[] = [];
  for (const { id: root } of [...roots, ...vertices]) {
    if (seen.has(root)) continue;
    seen.add(root);
    const path = [{ id: root, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const target = outgoing.get(top.id)?.[top.next];
      top.next += 1;
      if (target === undefined) {
        finished.push(top.id);
        path.pop();
      } else if (!seen.has(target)) {
        seen.add(target);
        path.push({ id: target, next: 0 });
      }
    }
  }
  return finished.reverse();
}

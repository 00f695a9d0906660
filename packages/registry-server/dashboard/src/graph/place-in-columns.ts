import { groupBy } from '../ui/group-by.ts';
import type { PlacedVertex } from './layout.ts';
import type { Arc } from './mesh-graph.ts';

/** More passes change little. */
const passes = 6;

/**
 * Gives vertices their first places: each in its column, in the order of its neighbours, so that few
 * arcs cross. `gap` is the room between two of a column.
 */
export function placeInColumns(
  vertices: readonly PlacedVertex[],
  arcs: readonly Arc[],
  gap: number,
): void {
  const columns = [...groupBy(vertices, ({ column }) => column)]
    .sort(([a], [b]) => a - b)
    .map(([, members]) => members);
  for (const members of columns) {
    members.sort((a, b) => (a.vertex.id < b.vertex.id ? -1 : 1));
    stack(members, gap);
  }
  const neighbours = neighboursOf(vertices, arcs);
  for (let pass = 0; pass < passes; pass += 1) {
    const order = pass % 2 === 0 ? columns : [...columns].reverse();
    for (const members of order) {
      const middles = new Map(members.map((one) => [one, middle(one, neighbours.get(one) ?? [])]));
      members.sort((a, b) => (middles.get(a) ?? 0) - (middles.get(b) ?? 0));
      stack(members, gap);
    }
  }
}

function stack(members: readonly PlacedVertex[], gap: number): void {
  const height = members.reduce((sum, { size }) => sum + size.height + gap, -gap);
  let y = -height / 2;
  for (const placed of members) {
    placed.x = placed.column;
    placed.y = y + placed.size.height / 2;
    y += placed.size.height + gap;
  }
}

function middle({ y }: PlacedVertex, near: readonly PlacedVertex[]): number {
  return near.length === 0 ? y : near.reduce((sum, one) => sum + one.y, 0) / near.length;
}

function neighboursOf(
  vertices: readonly PlacedVertex[],
  arcs: readonly Arc[],
): ReadonlyMap<PlacedVertex, readonly PlacedVertex[]> {
  const byId = new Map(vertices.map((placed) => [placed.vertex.id, placed]));
  const neighbours = new Map(
    vertices.map((placed): [PlacedVertex, PlacedVertex[]] => [placed, []]),
  );
  for (const { source, target } of arcs) {
    const [a, b] = [byId.get(source), byId.get(target)];
    if (a === undefined || b === undefined || a === b) continue;
    neighbours.get(a)?.push(b);
    neighbours.get(b)?.push(a);
  }
  return neighbours;
}

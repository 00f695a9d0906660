import { curveOf, pointAt } from './curve.ts';
import type { PlacedVertex } from './layout.ts';
import type { Arc } from './mesh-graph.ts';
import type { NodeStyle } from './node-size.ts';
import type { Point } from './viewport.ts';

/** What is chosen or pointed at. */
export interface Target {
  readonly kind: 'vertex' | 'arc';
  readonly id: string;
}

/** Fingers and hurried mice need some room: screen pixels. */
const slack = 7;
const samples = 16;

/** What lies at `point` of the layout, vertices before arcs. */
export function hitTest(
  point: Point,
  scene: {
    readonly vertices: ReadonlyMap<string, PlacedVertex>;
    readonly arcs: readonly Arc[];
    readonly style: NodeStyle;
  },
  scale: number,
): Target | undefined {
  const reach = slack / scale;
  for (const { x, y, size, vertex } of scene.vertices.values()) {
    const inside =
      Math.abs(point.x - x) <= size.width / 2 + reach &&
      Math.abs(point.y - y) <= size.height / 2 + reach;
    if (inside) return { kind: 'vertex', id: vertex.id };
  }
  let nearest: { readonly id: string; readonly distance: number } | undefined;
  for (const { id, source, target } of scene.arcs) {
    const ends = [scene.vertices.get(source), scene.vertices.get(target)] as const;
    if (ends[0] === undefined || ends[1] === undefined) continue;
    const curve = curveOf({ source: ends[0], target: ends[1] }, scene.style);
    for (let i = 0; i <= samples; i += 1) {
      const at = pointAt(curve, i / samples);
      const distance = Math.hypot(at.x - point.x, at.y - point.y);
      if (distance < (nearest?.distance ?? 2 * reach)) nearest = { id, distance };
    }
  }
  return nearest === undefined ? undefined : { kind: 'arc', id: nearest.id };
}

export type Direction = 'left' | 'right' | 'up' | 'down';

/** The vertex that is next in a direction, for the keyboard; without a start, the leftmost one. */
export function neighbour(
  vertices: ReadonlyMap<string, PlacedVertex>,
  from: string | undefined,
  direction: Direction,
): PlacedVertex | undefined {
  const start = from === undefined ? undefined : vertices.get(from);
  const all = [...vertices.values()];
  if (start === undefined) return all.sort((a, b) => a.x - b.x || a.y - b.y)[0];
  const [axis, across] =
    direction === 'left' || direction === 'right' ? (['x', 'y'] as const) : (['y', 'x'] as const);
  const sign = direction === 'right' || direction === 'down' ? 1 : -1;
  let best: PlacedVertex | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const one of all) {
    const along = (one[axis] - start[axis]) * sign;
    if (along <= 4) continue;
    const cost = along + 2.5 * Math.abs(one[across] - start[across]);
    if (cost < least) [best, least] = [one, cost];
  }
  return best;
}

import {
  type Force,
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type Simulation,
  type SimulationNodeDatum,
} from 'd3-force';
import type { Arc, MeshGraph, Vertex } from './mesh-graph.ts';
import { type NodeStyle, type Size, sizeOf, styleFor } from './node-size.ts';
import { placeInColumns } from './place-in-columns.ts';
import { ranks } from './ranks.ts';
import { separateCards } from './separate-cards.ts';

/** A vertex with its place, its centre in the layout's units. */
export interface PlacedVertex extends SimulationNodeDatum {
  vertex: Vertex;
  size: Size;
  x: number;
  y: number;
  /** Where its rank puts it. */
  column: number;
}

export interface PlacedArc {
  readonly source: PlacedVertex;
  readonly target: PlacedVertex;
}

/**
 * What the places depend on, as a text to compare. Among hundreds of dots one more connection moves
 * nothing: there is always one that comes or goes.
 */
function shapeOf(placed: Iterable<PlacedVertex>, arcs: readonly Arc[], style: NodeStyle): string {
  const vertices = [...placed];
  if (style === 'dot') return vertices.map(({ vertex }) => vertex.id).join(' ');
  const cards = vertices.map(({ vertex, size }) => `${vertex.id} ${size.height}`);
  return [...cards, ...arcs.map(({ id }) => id).sort()].join('\n');
}

/**
 * What a frame may spend on the layout, so that it stays smooth while it moves: without a graphics
 * processor drawing two hundred services takes half of a thirtieth of a second.
 */
const frameBudgetMs = 6;
/** What may be spent before the first frame, so that it does not begin as a knot. */
const firstBudgetMs = 250;

/** The more dots, the wider their columns: so that the whole is about as wide as a screen, and not a tower. */
function columnWidth(style: NodeStyle, count: number): number {
  if (style === 'card') return 268;
  return Math.max(105, 18 * Math.sqrt(count));
}

/** Places the vertices: calls point to the right, neighbours are near, and nothing overlaps. Keeps places over updates. */
export class Layout {
  #placed = new Map<string, PlacedVertex>();
  #style: NodeStyle = 'card';
  #shape = '';
  readonly #simulation: Simulation<PlacedVertex, undefined>;

  constructor() {
    this.#simulation = forceSimulation<PlacedVertex>([]).stop().alphaDecay(0.035);
  }

  get style(): NodeStyle {
    return this.#style;
  }

  get vertices(): ReadonlyMap<string, PlacedVertex> {
    return this.#placed;
  }

  /** Whether the layout has not come to rest. */
  get moving(): boolean {
    return this.#placed.size > 0 && this.#simulation.alpha() > this.#simulation.alphaMin();
  }

  /**
   * Takes a graph over. Moves nothing when only rates changed; returns whether it does.
   * `screenWidth` in pixels: a narrow one has no room for cards.
   */
  update(graph: MeshGraph, screenWidth: number): boolean {
    const { vertices, arcs } = graph;
    const style = styleFor(vertices, screenWidth);
    const width = columnWidth(style, vertices.length);
    const before = this.#placed;
    const rank = ranks(vertices, arcs);
    this.#placed = new Map(
      vertices.map((vertex) => {
        const size = sizeOf(vertex, style);
        const column = (rank.get(vertex.id) ?? 0) * width;
        const kept = before.get(vertex.id);
        const placed = kept ?? { vertex, size, column, x: column, y: 0 };
        Object.assign(placed, { vertex, size });
        return [vertex.id, placed];
      }),
    );
    const shape = shapeOf(this.#placed.values(), arcs, style);
    if (shape === this.#shape) return false;
    const isFirst = before.size === 0 || style !== this.#style;
    this.#shape = shape;
    this.#style = style;
    for (const [id, placed] of this.#placed) {
      placed.column = (rank.get(id) ?? 0) * width;
      // Cards stay in their columns; dots only tend to, as hundreds would make columns too high.
      placed.fx = style === 'card' ? placed.column : null;
    }
    if (isFirst) placeInColumns([...this.#placed.values()], arcs, style === 'card' ? 50 : 24);
    else this.#placeNew(before, graph);
    this.#setForces(graph);
    // Who looks at it should not lose their place because one more service calls another.
    this.#simulation.alpha(isFirst ? 1 : 0.2);
    if (isFirst) this.#run(firstBudgetMs);
    return true;
  }

  /** Goes on for as long as a frame allows; the same with `settle` until it rests. */
  step({ settle = false } = {}): void {
    this.#run(settle ? Number.POSITIVE_INFINITY : frameBudgetMs);
  }

  #run(budgetMs: number): void {
    const end = performance.now() + budgetMs;
    while (this.moving && performance.now() < end) this.#simulation.tick();
  }

  /** New vertices begin beside a caller that is there already. */
  #placeNew(before: ReadonlyMap<string, PlacedVertex>, { arcs }: MeshGraph): void {
    for (const [id, placed] of this.#placed) {
      if (before.has(id)) continue;
      const caller = arcs.find(({ source, target }) => target === id && before.has(source));
      placed.x = placed.column;
      placed.y = (before.get(caller?.source ?? '')?.y ?? 0) + placed.size.height;
    }
  }

  #setForces({ arcs }: MeshGraph): void {
    const cards = this.#style === 'card';
    const links: PlacedArc[] = arcs.flatMap(({ source, target }) => {
      const ends = [this.#placed.get(source), this.#placed.get(target)] as const;
      return ends[0] === undefined || ends[1] === undefined
        ? []
        : [{ source: ends[0], target: ends[1] }];
    });
    const apart: Force<PlacedVertex, undefined> = cards
      ? separateCards()
      : forceCollide<PlacedVertex>(({ size }) => size.width / 2 + 7);
    this.#simulation
      .nodes([...this.#placed.values()])
      .force('columns', forceX<PlacedVertex>(({ column }) => column).strength(0.14))
      .force('middle', forceY<PlacedVertex>(0).strength(cards ? 0.015 : 0.05))
      .force(
        'links',
        forceLink<PlacedVertex, PlacedArc>(links)
          .distance(cards ? 260 : 90)
          .strength(cards ? 0.08 : 0.06),
      )
      .force(
        'repel',
        forceManyBody<PlacedVertex>()
          .strength(cards ? -420 : -70)
          .distanceMax(cards ? 700 : 500),
      )
      .force('apart', apart);
  }
}

import type { Vertex } from './mesh-graph.ts';

/** How vertices are drawn: cards tell much and need room, dots tell little and need none. */
export type NodeStyle = 'card' | 'dot';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Up to so many cards are readable on one screen. */
const maxCards = 45;
/** On a narrower screen, even a few cards would be too small to read: pixels. */
const minCardScreen = 700;

/** @param screenWidth Pixels. */
export function styleFor(vertices: readonly Vertex[], screenWidth: number): NodeStyle {
  return vertices.length <= maxCards && screenWidth >= minCardScreen ? 'card' : 'dot';
}

export const card = {
  width: 188,
  /** Name and figures. */
  head: 50,
  /** One version. */
  row: 18,
  foot: 6,
  /** Versions that have a row of their own; the rest share one. */
  maxRows: 5,
} as const;

/** In the layout's own units, which are pixels at zoom 1. */
export function sizeOf(vertex: Vertex, style: NodeStyle): Size {
  if (style === 'dot') {
    const diameter = 2 * dotRadius(vertex);
    return { width: diameter, height: diameter };
  }
  const rows = versionRows(vertex);
  return { width: card.width, height: card.head + (rows === 0 ? 0 : rows * card.row + card.foot) };
}

/** A single version needs no row. */
export function versionRows({ versions }: Vertex): number {
  return versions.length < 2 ? 0 : Math.min(versions.length, card.maxRows);
}

/** Grows with the logarithm of the rate: from 5 to 15. */
function dotRadius({ callsPerSecond }: Vertex): number {
  return 5 + Math.min(10, 2.2 * Math.log10(1 + callsPerSecond * 4));
}

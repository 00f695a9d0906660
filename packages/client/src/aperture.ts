import type { AperturePolicy } from '@inmesh/core';
import type { Candidates } from './balancers/balancer.ts';
import type { EndpointState } from './endpoint-state.ts';
import { hashText } from './hash.ts';

/** Where this process stands among those that call as it does. */
export interface AperturePosition {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** Tells the position, or a place on the ring within 0..1 while it is not known who else calls. */
export type ApertureSeat = () => AperturePosition | number;

/**
 * Finagle's deterministic aperture: the endpoints stand on a ring, in an order that is the same for
 * everybody, and each caller takes a stretch of it. Callers that know their number and place take
 * stretches that cover every endpoint equally often; an endpoint that lies across an end gets a
 * share. So connections grow with the callers, not with callers times endpoints.
 */
export function withinAperture(
  level: Candidates,
  policy: AperturePolicy | null,
  seat: ApertureSeat,
): Candidates {
  const size = level.states.length;
  if (policy === null || size <= policy.endpoints) return level;
  const { from, width } = stretch(policy.endpoints / size, seat());
  if (width >= 1) return level;
  const order = ringOrder(level.states);
  const states: EndpointState[] = [];
  const weights: number[] = [];
  for (const [place, at] of order.entries()) {
    const covered = size * overlap(place / size, 1 / size, from, width);
    // A sliver is more likely a rounding than a share, and would cost a connection all the same.
    if (covered < 1e-6) continue;
    states.push(level.states[at] as EndpointState);
    weights.push((level.weights[at] as number) * covered);
  }
  return { states, weights: Float64Array.from(weights) };
}

function stretch(share: number, seat: AperturePosition | number): { from: number; width: number } {
  if (typeof seat === 'number') return { from: seat, width: share };
  // Whole parts of the ring: then as many stretches lie over each point of it.
  return { from: seat.index / seat.count, width: Math.ceil(share * seat.count) / seat.count };
}

/** How much of [start, start + length) lies in [from, from + width) on a ring of length 1. */
function overlap(start: number, length: number, from: number, width: number): number {
  const within = (shift: number): number =>
    Math.max(0, Math.min(start + length, from + shift + width) - Math.max(start, from + shift));
  return within(-1) + within(0) + within(1);
}

/** By hash, so that neighbours on the ring are none in the registry: a rack that fails is nobody's whole stretch. */
function ringOrder(states: readonly EndpointState[]): number[] {
  const ids = states.map(({ endpoint }) => endpoint.id);
  // Once each: comparing hashes as they are made costs a thousand endpoints twenty times as many.
  const hashes = ids.map((id) => hashText(id));
  return [...states.keys()].sort(
    (a, b) =>
      (hashes[a] as number) - (hashes[b] as number) ||
      ((ids[a] as string) < (ids[b] as string) ? -1 : 1),
  );
}

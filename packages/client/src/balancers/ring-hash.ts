import type { Random } from '@inmesh/core';
import type { EndpointState } from '../endpoint-state.ts';
import { hashText, mixHash } from '../hash.ts';
import type { Balancer, Candidates } from './balancer.ts';

/**
 * Points per unit of weight while the ring is small. A number that does not depend on who else is on
 * the ring means that an endpoint that joins or leaves moves its own keys and no others. 1,024 keep
 * shares within some 5 % of even and, one endpoint being enough for it, Envoy's least ring size.
 */
const pointsPerWeight = 1_024;

/** Beyond it points are scaled down, Envoy's way: building the ring takes about 10 ms at this size. */
const fullRingSize = 65_536;

/** A point is kept as position x 2^20 + index: one typed array sorts both, exact below 2^53. */
const indexRange = 2 ** 20;

/** Golden ratio in 32 bits: spreads the numbers of an endpoint's points before they are mixed. */
const spread = 0x9e3779b9;

/** Consistent hashing on a ring (Ketama, Envoy): equal hashes reach one endpoint, in every process alike. */
export class RingHash implements Balancer {
  readonly #states: readonly EndpointState[];
  readonly #random: Random;
  readonly #points: Float64Array;

  constructor({ states, weights }: Candidates, random: Random, minRingSize = 1024) {
    this.#states = states;
    this.#random = random;
    this.#points = placePoints(states, weights, minRingSize);
  }

  pick(_now: number, hash: number | undefined, again: number): EndpointState {
    const points = this.#points;
    const position = mixHash(hash ?? this.#random() * 2 ** 32);
    const at = firstFrom(points, position * indexRange) % points.length;
    const index = again === 0 ? (points[at] as number) % indexRange : this.#after(at, again);
    return this.#states[index] as EndpointState;
  }

  /** Whoever is passed over hands its keys to the next one clockwise, as if it had left. */
  #after(start: number, again: number): number {
    const points = this.#points;
    const passed = new Set<number>();
    let at = start;
    let index = (points[at] as number) % indexRange;
    while (passed.size < Math.min(again, this.#states.length - 1)) {
      passed.add(index);
      while (passed.has(index)) {
        at = (at + 1) % points.length;
        index = (points[at] as number) % indexRange;
      }
    }
    return index;
  }
}

function placePoints(
  states: readonly EndpointState[],
  weights: Float64Array,
  minRingSize: number,
): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const most = Math.max(fullRingSize, minRingSize);
  const scale = Math.min(Math.max(pointsPerWeight, minRingSize / total), most / total);
  const points: number[] = [];
  for (let index = 0; index < states.length; index += 1) {
    const { id } = (states[index] as EndpointState).endpoint;
    const [start, step] = [hashText(id), hashText(id, spread)];
    const count = Math.max(1, Math.round((weights[index] as number) * scale));
    for (let point = 0; point < count; point += 1) {
      const position = mixHash(start ^ mixHash(step + Math.imul(point, spread)));
      points.push(position * indexRange + index);
    }
  }
  return Float64Array.from(points).sort();
}

/** The index of the first point at or after `position`; the length when there is none. */
function firstFrom(points: Float64Array, position: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle] as number) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

import type { Random } from '@inmesh/core';
import type { EndpointState } from '../endpoint-state.ts';
import type { Balancer, Candidates } from './balancer.ts';

/**
 * Every endpoint in turn, as often as its weight says. Starts anywhere: processes that start
 * together, or get a new list together, must not walk over the endpoints in step.
 */
export class RoundRobin implements Balancer {
  readonly #states: readonly EndpointState[];
  readonly #turns: { next(): number };

  constructor({ states, weights }: Candidates, random: Random) {
    this.#states = states;
    const uniform = weights.every((weight) => weight === weights[0]);
    this.#turns = uniform
      ? new EqualTurns(states.length, random)
      : new WeightedTurns(weights, random);
  }

  pick(): EndpointState {
    return this.#states[this.#turns.next()] as EndpointState;
  }
}

class EqualTurns {
  readonly #count: number;
  #next: number;

  constructor(count: number, random: Random) {
    this.#count = count;
    this.#next = Math.floor(random() * count);
  }

  next(): number {
    const index = this.#next;
    this.#next = index + 1 === this.#count ? 0 : index + 1;
    return index;
  }
}

/**
 * Earliest deadline first: an endpoint of weight w is due every 1/w. Turns are spread evenly
 * (a b a c a, never a a a b c), and the next one is on top of a heap.
 */
class WeightedTurns {
  readonly #periods: Float64Array;
  readonly #dueAt: Float64Array;
  /** Indices; none is due before its parent, at (i - 1) / 2. */
  readonly #heap: Uint32Array;

  constructor(weights: Float64Array, random: Random) {
    this.#periods = weights.map((weight) => 1 / weight);
    this.#dueAt = this.#periods.map((period) => period * random());
    this.#heap = Uint32Array.from(weights.keys());
    this.#heap.sort((a, b) => (this.#dueAt[a] as number) - (this.#dueAt[b] as number));
  }

  next(): number {
    const index = this.#heap[0] as number;
    this.#dueAt[index] = (this.#dueAt[index] as number) + (this.#periods[index] as number);
    this.#sink(index);
    return index;
  }

  /** Moves the top down to where its new time belongs. */
  #sink(index: number): void {
    const heap = this.#heap;
    const dueAt = this.#dueAt;
    const due = dueAt[index] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      const rightIsSooner =
        right < heap.length &&
        (dueAt[heap[right] as number] as number) < (dueAt[heap[child] as number] as number);
      if (rightIsSooner) child = right;
      if ((dueAt[heap[child] as number] as number) >= due) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = index;
  }
}

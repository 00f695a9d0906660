import type { Random } from '@inmesh/core';
import type { EndpointState } from '../endpoint-state.ts';
import { hashText, mixHash } from '../hash.ts';
import type { Balancer, Candidates } from './balancer.ts';

/** Tells the two hashes of an id apart. */
const skipSeed = 0x9e3779b9;

/**
 * Consistent hashing by a look-up table (Google's Maglev, as Envoy weighs it): shares are even to
 * about 1 %, and a change of the endpoints moves few more keys than it must. The table must be much
 * larger than the number of endpoints: 100 times, for shares even to 1 %.
 */
export class Maglev implements Balancer {
  readonly #states: readonly EndpointState[];
  readonly #random: Random;
  /** The index of an endpoint in each of a prime number of slots. */
  readonly #table: Uint32Array;

  constructor({ states, weights }: Candidates, random: Random, tableSize = 65_537) {
    this.#states = states;
    this.#random = random;
    this.#table = fillTable(states, weights, tableSize);
  }

  pick(_now: number, hash: number | undefined, again: number): EndpointState {
    const key = hash ?? this.#random() * 2 ** 32;
    // Another try is another key: still the same one in every process.
    const slot = mixHash(key + Math.imul(again, skipSeed)) % this.#table.length;
    return this.#states[this.#table[slot] as number] as EndpointState;
  }
}

function fillTable(
  states: readonly EndpointState[],
  weights: Float64Array,
  size: number,
): Uint32Array {
  const heaviest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  const table = new Uint32Array(size);
  const taken = new Uint8Array(size);
  // The order decides who gets a slot that two want: by hash, not by when this process learnt of them.
  const queue = [...states.keys()]
    .map((index) => toEntry(index, states, weights, size))
    .sort((a, b) => a.offset - b.offset || (a.id < b.id ? -1 : 1));
  for (let round = 1, filled = 0; filled < size; round += 1) {
    for (const entry of queue) {
      // In every round the heaviest takes one slot, half its weight takes one every other round.
      if (round * entry.weight < entry.owed) continue;
      entry.owed += heaviest;
      while (taken[entry.next] === 1) entry.next = (entry.next + entry.skip) % size;
      taken[entry.next] = 1;
      table[entry.next] = entry.index;
      filled += 1;
      if (filled === size) break;
    }
  }
  return table;
}

/** An endpoint's walk over the slots: every slot once, since the size is prime. */
function toEntry(
  index: number,
  states: readonly EndpointState[],
  weights: Float64Array,
  size: number,
): {
  index: number;
  id: string;
  weight: number;
  offset: number;
  skip: number;
  next: number;
  owed: number;
} {
  const { id } = (states[index] as EndpointState).endpoint;
  const offset = hashText(id) % size;
  const skip = (hashText(id, skipSeed) % (size - 1)) + 1;
  const weight = weights[index] as number;
  return { index, id, weight, offset, skip, next: offset, owed: 0 };
}

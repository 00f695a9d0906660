import type { Random } from '@inmesh/core';
import type { EndpointState } from '../endpoint-state.ts';
import type { Balancer, Candidates } from './balancer.ts';
import { WeightedDraw } from './weighted-draw.ts';

/** Any endpoint, as likely as its weight says. */
export class RandomChoice implements Balancer {
  readonly #states: readonly EndpointState[];
  readonly #draw: WeightedDraw;

  constructor({ states, weights }: Candidates, random: Random) {
    this.#states = states;
    this.#draw = new WeightedDraw(weights, random);
  }

  pick(): EndpointState {
    return this.#states[this.#draw.next()] as EndpointState;
  }
}

import type { Random } from '@inmesh/core';
import type { EndpointState } from '../endpoint-state.ts';
import type { Balancer, Candidates } from './balancer.ts';
import { WeightedDraw } from './weighted-draw.ts';

/**
 * The least loaded of a few random endpoints. Two are enough: looking at all costs 2.3 us per
 * thousand and sends every client to the same one.
 *
 * The draw goes by weight and the comparison by requests in flight per weight, with the first one
 * drawn winning a tie. So weights hold while nobody is busy, when all are tied, and under load,
 * when requests in flight settle in their proportion. With equal weights it is Envoy's rule.
 */
export class LeastRequest implements Balancer {
  readonly #states: readonly EndpointState[];
  readonly #weights: Float64Array;
  readonly #draw: WeightedDraw;
  readonly #choices: number;

  constructor({ states, weights }: Candidates, random: Random, choices = 2) {
    this.#states = states;
    this.#weights = weights;
    this.#draw = new WeightedDraw(weights, random);
    this.#choices = Math.min(choices, states.length);
  }

  pick(): EndpointState {
    let best = this.#draw.next();
    let state = this.#states[best] as EndpointState;
    for (let choice = 1; choice < this.#choices; choice += 1) {
      const index = this.#draw.other(best);
      const rival = this.#states[index] as EndpointState;
      // a/x < b/y without dividing.
      const rivalLoad = rival.inFlight * (this.#weights[best] as number);
      if (rivalLoad < state.inFlight * (this.#weights[index] as number)) {
        best = index;
        state = rival;
      }
    }
    return state;
  }
}

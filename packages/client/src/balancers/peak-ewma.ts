import type { Random } from '@inmesh/core';
import type { EndpointState } from '../endpoint-state.ts';
import type { Balancer, Candidates } from './balancer.ts';
import { WeightedDraw } from './weighted-draw.ts';

/** Above every latency: somebody who was asked and has not answered yet is passed over for anybody known. */
const unknownCostMs = 1e9;

/**
 * Where weights differ, a rival must be so much cheaper to win. Two latencies are never quite equal:
 * without it the draw, and the weights with it, would decide nothing between two endpoints.
 */
const weightedMargin = 1.5;

/**
 * The cheaper of two random endpoints, by Finagle's peak EWMA of latency times requests in flight.
 * The two are always different ones, so a slow endpoint of three gets next to nothing, not a ninth.
 */
export class PeakEwma implements Balancer {
  readonly #states: readonly EndpointState[];
  /** Against the mean: what a request in flight counts must not depend on the unit of the weights. */
  readonly #relativeWeights: Float64Array;
  readonly #draw: WeightedDraw;
  readonly #margin: number;

  constructor({ states, weights }: Candidates, random: Random) {
    this.#states = states;
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.#relativeWeights = weights.map((weight) => weight / mean);
    this.#draw = new WeightedDraw(weights, random);
    this.#margin = this.#draw.uniform ? 1 : weightedMargin;
  }

  pick(now: number): EndpointState {
    const first = this.#draw.next();
    const state = this.#states[first] as EndpointState;
    if (this.#states.length === 1) return state;
    const second = this.#draw.other(first);
    const rival = this.#states[second] as EndpointState;
    const rivalLoad = this.#load(rival, second, now) * this.#margin;
    return rivalLoad < this.#load(state, first, now) ? rival : state;
  }

  #load(state: EndpointState, index: number, now: number): number {
    const busy = state.inFlight / (this.#relativeWeights[index] as number);
    const cost = state.cost.at(now);
    if (cost > 0) return cost * (busy + 1);
    // Nothing known: it gets one request at once, and no more before it has answered.
    return state.inFlight === 0 ? 0 : unknownCostMs + busy;
  }
}

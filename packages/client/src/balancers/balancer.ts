import type { BalancerPolicy, Random } from '@inmesh/core';
import type { EndpointState } from '../endpoint-state.ts';
import { LeastRequest } from './least-request.ts';
import { Maglev } from './maglev.ts';
import { PeakEwma } from './peak-ewma.ts';
import { RandomChoice } from './random-choice.ts';
import { RingHash } from './ring-hash.ts';
import { RoundRobin } from './round-robin.ts';

/** Endpoints with their weights, side by side; at least one, and never changed. */
export interface Candidates {
  readonly states: readonly EndpointState[];
  /** Each above 0. */
  readonly weights: Float64Array;
}

/** Chooses one of a fixed set of endpoints, in constant or logarithmic time. */
export interface Balancer {
  /**
   * @param hash 32 bits, for consistent hashing; `undefined` goes anywhere.
   * @param again How often this request has been offered an endpoint that it could not use, from 0.
   */
  pick(now: number, hash: number | undefined, again: number): EndpointState;
}

export function createBalancer(
  policy: BalancerPolicy,
  candidates: Candidates,
  random: Random,
): Balancer {
  switch (policy.kind) {
    case 'peak-ewma':
      return new PeakEwma(candidates, random);
    case 'least-request':
      return new LeastRequest(candidates, random, policy.choices);
    case 'round-robin':
      return new RoundRobin(candidates, random);
    case 'random':
      return new RandomChoice(candidates, random);
    case 'ring-hash':
      return new RingHash(candidates, random, policy.minRingSize);
    case 'maglev':
      return new Maglev(candidates, random, policy.tableSize);
  }
}

import type { Destination, PoolPolicy, RetryPolicy } from '@inmesh/core';
import type { Breaker } from './breaker.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { ClientPolicy } from './policy-defaults.ts';
import type { RetryBudget } from './retry-budget.ts';

/** What is kept per destination: its policies, its breaker, its budget, its choice of endpoints. */
export interface DestinationState {
  readonly destination: Destination;
  readonly policy: ClientPolicy;
  /** `undefined` when switched off. */
  readonly breaker: Breaker | undefined;
  readonly budget: RetryBudget;
  readonly pool: PoolPolicy;
  /** The client's own retry policy; see `retryFor`. */
  readonly retry: RetryPolicy;
  /** Calls in flight: moved by the call loop for `pool.maxRequests`. */
  inFlight: number;
  /** Calls that wait for a place: moved by the call loop for `pool.maxPending`. */
  pending: number;
  /** The client's retry policy under a route's. Kept per `over`, so that it costs nothing per call. */
  retryFor(over: Partial<RetryPolicy> | undefined): RetryPolicy;
  /** An endpoint that takes traffic, one that is not in `tried` while there is one; `undefined` when there is none at all. */
  pick(
    now: number,
    hash: number | undefined,
    tried: readonly EndpointState[] | undefined,
  ): EndpointState | undefined;
}

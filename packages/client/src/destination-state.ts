import type {
  BreakerPolicy,
  BreakerState,
  ConcurrencyLimiter,
  Destination,
  PoolPolicy,
  RetryPolicy,
} from '@inmesh/core';
import { createGradientLimit } from '@inmesh/core';
import { type Breaker, createBreaker } from './breaker.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { ForcedBreaker } from './forced-breakers.ts';
import { Hedging } from './hedge/hedging.ts';
import type { OutlierEjection } from './outlier-ejection.ts';
import { PickSet, type PickSetOptions } from './pick-set.ts';
import { type ClientPolicy, defaultPolicy, overrideRetry } from './policy-defaults.ts';
import { createRetryBudget, type RetryBudget } from './retry-budget.ts';
import type { ClusterView } from './subset.ts';
import { Throttle } from './throttle.ts';

/** What is kept per destination: its policies, its breaker, its budget, its choice of endpoints. */
export interface DestinationState {
  readonly destination: Destination;
  readonly policy: ClientPolicy;
  /** `undefined` when switched off, unless it is forced. */
  readonly breaker: Breaker | undefined;
  readonly budget: RetryBudget;
  /** `undefined` when off. */
  readonly hedging: Hedging | undefined;
  /** `undefined` when off. */
  readonly limiter: ConcurrencyLimiter | undefined;
  /** `undefined` when off. */
  readonly throttle: Throttle | undefined;
  /** Calls that may be in flight now. */
  readonly maxInFlight: number;
  readonly pool: PoolPolicy;
  /** The client's own retry policy; see `retryFor`. */
  readonly retry: RetryPolicy;
  /** Calls in flight: moved by the call loop for `pool.maxRequests`. */
  inFlight: number;
  /** Calls that wait for a place: moved by the call loop for `pool.maxPending`. */
  pending: number;
  /** When it was last asked for an endpoint. */
  readonly pickedAt: number;
  /** Holds the breaker, also one that is switched off; `undefined` lets go. */
  forceBreaker(state: ForcedBreaker | undefined): void;
  /** A route's retry policy over the client's. Kept per `over`, so that it costs nothing per call. Throws `invalid_argument`. */
  retryFor(over: Partial<RetryPolicy> | undefined): RetryPolicy;
  /** An endpoint that takes traffic, one that is not in `tried` while there is one; `undefined` when there is none at all. */
  pick(
    now: number,
    hash: number | undefined,
    tried: readonly EndpointState[] | undefined,
  ): EndpointState | undefined;
  /** Another endpoint than `first`, in another zone while there is one; `undefined` when there is no other. */
  pickElsewhere(now: number, first: EndpointState): EndpointState | undefined;
}

/**
 * A pick set of n endpoints is made anew for an ejection at most every n / 100 ms, so that a zone of
 * thousands that fails within a second does not keep the processor busy with it. Meanwhile the old
 * one passes over the ejected by itself.
 */
const endpointsPerMs = 100;

export interface DestinationStateOptions extends Omit<PickSetOptions, 'port'> {
  readonly destination: Destination;
  readonly cluster: ClusterView;
  readonly onBreakerChange: (from: BreakerState, to: BreakerState) => void;
}

export class PickingDestination implements DestinationState {
  readonly destination: Destination;
  readonly policy: ClientPolicy;
  breaker: Breaker | undefined;
  readonly budget: RetryBudget;
  readonly hedging: Hedging | undefined;
  readonly limiter: ConcurrencyLimiter | undefined;
  readonly throttle: Throttle | undefined;
  inFlight = 0;
  pending = 0;
  pickedAt = 0;
  /** The cluster has let go of it: whoever still has the destination gets a new state. */
  retired = false;
  readonly #cluster: ClusterView;
  readonly #pickSetOptions: PickSetOptions;
  readonly #onBreakerChange: DestinationStateOptions['onBreakerChange'];
  readonly #retries = new WeakMap<Partial<RetryPolicy>, RetryPolicy>();
  #set: PickSet | undefined;
  #clusterVersion = -1;
  #outlierVersion = -1;
  #mayRebuildAt = 0;

  constructor(options: DestinationStateOptions) {
    const { policy } = options;
    this.destination = options.destination;
    this.policy = policy;
    this.#onBreakerChange = options.onBreakerChange;
    this.breaker =
      policy.breaker === null ? undefined : createBreaker(policy.breaker, options.onBreakerChange);
    this.budget = createRetryBudget(policy.retryBudget);
    this.hedging = policy.hedge === null ? undefined : new Hedging(policy.hedge);
    this.limiter = policy.limit === null ? undefined : createGradientLimit(policy.limit);
    this.throttle = policy.throttle === null ? undefined : new Throttle(policy.throttle);
    this.#cluster = options.cluster;
    this.#pickSetOptions = { ...options, port: options.destination.port };
  }

  get outliers(): OutlierEjection | undefined {
    return this.#pickSetOptions.outliers;
  }

  get maxInFlight(): number {
    const { maxRequests } = this.policy.pool;
    return this.limiter === undefined ? maxRequests : Math.min(maxRequests, this.limiter.limit);
  }

  get pool(): PoolPolicy {
    return this.policy.pool;
  }

  get retry(): RetryPolicy {
    return this.policy.retry;
  }

  forceBreaker(state: ForcedBreaker | undefined): void {
    const { breaker: policy } = this.policy;
    if (state !== undefined) {
      const anyPolicy = policy ?? (defaultPolicy.breaker as BreakerPolicy);
      this.breaker ??= createBreaker(anyPolicy, this.#onBreakerChange);
    }
    this.breaker?.force(state);
    if (state === undefined && policy === null) this.breaker = undefined;
  }

  retryFor(over: Partial<RetryPolicy> | undefined): RetryPolicy {
    if (over === undefined) return this.policy.retry;
    let merged = this.#retries.get(over);
    if (merged === undefined) {
      merged = overrideRetry(this.policy.retry, over);
      this.#retries.set(over, merged);
    }
    return merged;
  }

  pick(
    now: number,
    hash: number | undefined,
    tried: readonly EndpointState[] | undefined,
  ): EndpointState | undefined {
    return this.#current(now).pick(now, hash, tried);
  }

  pickElsewhere(now: number, first: EndpointState): EndpointState | undefined {
    const set = this.#current(now);
    const state = set.pickInOtherZone(now, first) ?? set.pick(now, undefined, [first]);
    return state === first ? undefined : state;
  }

  #current(now: number): PickSet {
    this.pickedAt = now;
    const set = this.#set;
    return set !== undefined && !this.#isOutdated(now) ? set : this.#rebuild(now);
  }

  #isOutdated(now: number): boolean {
    if (this.#clusterVersion !== this.#cluster.version) return true;
    const { outliers } = this;
    return (
      outliers !== undefined &&
      this.#outlierVersion !== outliers.version &&
      now >= this.#mayRebuildAt
    );
  }

  #rebuild(now: number): PickSet {
    const set = new PickSet(this.#pickSetOptions);
    this.#set = set;
    this.#clusterVersion = this.#cluster.version;
    this.#outlierVersion = this.outliers?.version ?? -1;
    this.#mayRebuildAt = now + set.size / endpointsPerMs;
    return set;
  }
}

// Over 250 lines: one service's endpoints, what is kept of each and the destinations over them, which change together.
import type {
  Clock,
  Destination,
  Endpoint,
  EndpointList,
  Locality,
  MeshEvent,
  OutlierPolicy,
  Random,
  ServiceName,
} from '@inmesh/core';
import type { ApertureSeat } from './aperture.ts';
import { type DestinationState, PickingDestination } from './destination-state.ts';
import type { EndpointProber } from './endpoint-prober.ts';
import { EndpointState, type EndpointWatcher } from './endpoint-state.ts';
import type { ForcedBreakers } from './forced-breakers.ts';
import { OutlierEjection } from './outlier-ejection.ts';
import { type ClientPolicy, overridePolicy } from './policy-defaults.ts';
import { Subset } from './subset.ts';

/** Finagle's: the time in which a latency fades to a third. */
const defaultDecayMs = 10_000;

/** A destination that nobody has called for so long is let go when the configuration brings new ones. */
const idleDestinationMs = 300_000;

export interface ClusterOptions {
  readonly policy: ClientPolicy;
  readonly clock: Clock;
  readonly random: Random;
  /** Where this process runs. */
  readonly locality: Locality;
  /** This process' own labels, for `failoverPriority`. @default {} */
  readonly labels?: Readonly<Record<string, string>>;
  /** @default a place drawn at the start */
  readonly seat?: ApertureSeat;
  /** Asks ejected endpoints whether they are well. @default nobody does */
  readonly prober?: Pick<EndpointProber, 'watch'>;
  /** Who holds breakers. @default nobody */
  readonly forced?: Pick<ForcedBreakers, 'of'>;
  /** Must not throw. */
  readonly onEvent: (event: MeshEvent) => void;
  /** The endpoint left: close its connections once its last attempt has ended. Must not throw. */
  readonly onRemoved: (state: EndpointState) => void;
}

/** One upstream service: its endpoints, and what is kept for each destination within it. */
export interface Cluster {
  readonly service: ServiceName;
  /** `undefined` before the first `update`. */
  readonly list: EndpointList | undefined;
  readonly endpoints: ReadonlyMap<string, EndpointState>;
  /** Takes over a new list; what is kept of endpoints that stay is kept. */
  update(list: EndpointList): void;
  /**
   * The state of a destination. One that says the same as another (after a reload of the
   * configuration) shares its state, so that a reload closes no breaker. Throws `invalid_argument`
   * when its policy is invalid.
   */
  destination(destination: Destination): DestinationState;
  /** The destinations called so far, for inspection. */
  destinations(): Iterable<DestinationState>;
  /** Asks who holds the breakers anew. */
  forceBreakers(): void;
  /** The endpoint said in an answer that it is draining: it gets nothing new while there is another. */
  drain(state: EndpointState): void;
  /** Ends its timers and forgets its endpoints, each of which goes to `onRemoved`. Idempotent. */
  close(): void;
}

export function createCluster(service: ServiceName, options: ClusterOptions): Cluster {
  return new WatchedCluster(service, options);
}

class WatchedCluster implements Cluster, EndpointWatcher {
  readonly service: ServiceName;
  readonly endpoints = new Map<string, EndpointState>();
  list: EndpointList | undefined;
  /** Changes with every change of the endpoints; pick sets go by it. */
  version = 0;
  readonly #options: ClusterOptions;
  /** By policy and labels, as in Envoy, where a subset is a cluster of its own. */
  readonly #outliers = new Map<string, OutlierEjection>();
  readonly #byDestination = new WeakMap<Destination, PickingDestination>();
  readonly #byContent = new Map<string, PickingDestination>();
  readonly #seat: ApertureSeat;
  #decayMs: number;
  #updates = 0;
  #closed = false;

  constructor(service: ServiceName, options: ClusterOptions) {
    this.service = service;
    this.#options = options;
    const place = options.random();
    this.#seat = options.seat ?? (() => place);
    this.#decayMs = decayOf(options.policy) ?? defaultDecayMs;
  }

  update(list: EndpointList): void {
    if (this.#closed) return;
    // Only who joins later starts slowly: when this process starts, all are new to it alike.
    const joinedAt = this.list === undefined ? -Infinity : this.#options.clock.now();
    this.list = list;
    this.#updates += 1;
    let listed = 0;
    for (const endpoint of list.endpoints) {
      const state = this.endpoints.get(endpoint.id) ?? this.#add(endpoint, joinedAt);
      if (state.endpoint !== endpoint) this.#replace(state, endpoint);
      if (state.listedIn !== this.#updates) listed += 1;
      state.listedIn = this.#updates;
    }
    if (listed === this.endpoints.size) return;
    for (const state of this.endpoints.values()) {
      if (state.listedIn !== this.#updates) this.#remove(state);
    }
  }

  destination(destination: Destination): DestinationState {
    const known = this.#byDestination.get(destination);
    if (known !== undefined && !known.retired) return known;
    const { subset, labels, port, policy } = destination;
    const content = JSON.stringify([subset, labels, port ?? 0, policy]);
    let state = this.#byContent.get(content);
    if (state === undefined) {
      this.#retireIdle();
      state = this.#create(destination);
      this.#byContent.set(content, state);
    }
    this.#byDestination.set(destination, state);
    return state;
  }

  destinations(): Iterable<DestinationState> {
    return this.#byContent.values();
  }

  forceBreakers(): void {
    for (const state of this.#byContent.values()) this.#force(state);
  }

  drain(state: EndpointState): void {
    if (state.draining || state.removed) return;
    state.draining = true;
    this.version += 1;
  }

  failed(state: EndpointState, now: number): void {
    for (const outliers of this.#outliers.values()) outliers.failed(state, now);
  }

  succeeded(state: EndpointState): void {
    for (const outliers of this.#outliers.values()) outliers.succeeded(state);
  }

  fellSilent(state: EndpointState, reason: string, now: number): void {
    for (const outliers of this.#outliers.values()) outliers.eject(state, reason, now);
  }

  heard(state: EndpointState): void {
    for (const outliers of this.#outliers.values()) outliers.restore(state);
  }

  usualMs(now: number): number {
    let most = 0;
    for (const { cost } of this.endpoints.values()) most = Math.max(most, cost.at(now));
    return most;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const state of this.endpoints.values()) state.removed = true;
    for (const outliers of this.#outliers.values()) outliers.close();
    for (const state of this.endpoints.values()) this.#options.onRemoved(state);
    this.endpoints.clear();
    this.version += 1;
  }

  #add(endpoint: Endpoint, joinedAt: number): EndpointState {
    const state = new EndpointState(endpoint, { watcher: this, decayMs: this.#decayMs, joinedAt });
    this.endpoints.set(endpoint.id, state);
    this.version += 1;
    this.#options.onEvent({ kind: 'endpoint-added', endpoint });
    return state;
  }

  #replace(state: EndpointState, endpoint: Endpoint): void {
    const isBack = state.endpoint.status !== 'up' && endpoint.status === 'up';
    state.replace(endpoint);
    this.version += 1;
    if (isBack) for (const outliers of this.#outliers.values()) outliers.restore(state);
  }

  #remove(state: EndpointState): void {
    this.endpoints.delete(state.endpoint.id);
    state.removed = true;
    this.version += 1;
    for (const outliers of this.#outliers.values()) outliers.forget(state);
    this.#options.onEvent({ kind: 'endpoint-removed', endpoint: state.endpoint });
    this.#options.onRemoved(state);
  }

  #create(destination: Destination): PickingDestination {
    const { clock, random, locality, labels, onEvent } = this.#options;
    const policy = overridePolicy(this.#options.policy, destination.policy);
    const decayMs = decayOf(policy);
    if (decayMs !== undefined && decayMs !== this.#decayMs) this.#setDecay(decayMs);
    const { service, subset: name, labels: subsetLabels } = destination;
    const subset = new Subset(subsetLabels, this);
    const state = new PickingDestination({
      destination,
      policy,
      subset,
      outliers: policy.outlier === null ? undefined : this.#outliersOf(policy.outlier, destination),
      vantage: { locality, labels: labels ?? {}, seat: this.#seat },
      random,
      cluster: this,
      onBreakerChange: (from, to) =>
        onEvent({ kind: 'breaker-changed', service, subset: name, from, to }),
    });
    state.pickedAt = clock.now();
    this.#force(state);
    return state;
  }

  #force(state: PickingDestination): void {
    state.forceBreaker(this.#options.forced?.of(state.destination));
  }

  /** An endpoint's latency is kept once, for all its destinations: the last one that says otherwise decides. */
  #setDecay(decayMs: number): void {
    this.#decayMs = decayMs;
    for (const { cost } of this.endpoints.values()) cost.decayMs = decayMs;
  }

  #outliersOf(policy: OutlierPolicy, { labels }: Destination): OutlierEjection {
    const key = JSON.stringify([policy, labels]);
    const watcher = this;
    let outliers = this.#outliers.get(key);
    if (outliers === undefined) {
      const { clock, onEvent, prober } = this.#options;
      outliers = new OutlierEjection({
        policy,
        subset: new Subset(labels, this),
        clock,
        // Told once, though a service and its subset may both eject it.
        onEjected(state, reason, forMs) {
          state.ejections += 1;
          const { endpoint } = state;
          if (state.ejections === 1) onEvent({ kind: 'endpoint-ejected', endpoint, reason, forMs });
          prober?.watch(state, policy, () => watcher.heard(state));
        },
        onRestored(state) {
          state.ejections -= 1;
          const { endpoint, removed } = state;
          if (state.ejections === 0 && !removed) onEvent({ kind: 'endpoint-restored', endpoint });
        },
      });
      this.#outliers.set(key, outliers);
    }
    return outliers;
  }

  /** Reloaded configurations leave destinations behind: they go when nobody has called them for a while. */
  #retireIdle(): void {
    const now = this.#options.clock.now();
    const used = new Set<OutlierEjection | undefined>();
    for (const [content, state] of this.#byContent) {
      if (now - state.pickedAt < idleDestinationMs || state.inFlight + state.pending > 0) {
        used.add(state.outliers);
      } else {
        state.retired = true;
        this.#byContent.delete(content);
      }
    }
    for (const [key, outliers] of this.#outliers) {
      if (used.has(outliers)) continue;
      outliers.close();
      this.#outliers.delete(key);
    }
  }
}

function decayOf({ balancer }: ClientPolicy): number | undefined {
  return balancer.kind === 'peak-ewma' ? balancer.decayMs : undefined;
}

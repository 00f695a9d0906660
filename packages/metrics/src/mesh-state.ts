import type { BreakerState, Clock, Endpoint, MeshEvent, ServiceName } from '@inmesh/core';
import { labelText } from './label-text.ts';

/** Entries of each kind at most; a process that knows more services or endpoints shows this many. */
const maxEntries = 20_000;

export interface BreakerStatus {
  readonly service: ServiceName;
  /** '' is the whole service. */
  readonly subset: string;
  readonly state: BreakerState;
  /** Monotonic milliseconds. */
  readonly since: number;
  /** How often it opened. */
  readonly opened: number;
}

export interface Ejection {
  readonly endpoint: Endpoint;
  readonly reason: string;
  /** Monotonic milliseconds at which it may come back. */
  readonly until: number;
}

export type RegistryStatus =
  /** There is no registry, or it has not answered yet. */
  | { readonly name: 'unknown' }
  | { readonly name: 'connected'; readonly server: string; readonly since: number }
  | { readonly name: 'lost'; readonly reason: string; readonly since: number };

/** What the mesh looks like from this process, as its events tell. */
export interface MeshState {
  readonly breakers: Iterable<BreakerStatus>;
  readonly ejections: Iterable<Ejection>;
  readonly endpoints: Iterable<Endpoint>;
  readonly registry: RegistryStatus;
  /** Ejections since the start, by service. */
  readonly ejectionCounts: Iterable<readonly [ServiceName, number]>;
  /** How often the registry was lost since the start. */
  readonly registryLosses: number;
}

/** Follows the events. What is removed is forgotten, so births and deaths of endpoints leave nothing. */
export class MeshStateTracker implements MeshState {
  readonly #clock: Clock;
  readonly #breakers = new Map<string, BreakerStatus>();
  readonly #ejections = new Map<string, Ejection>();
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #ejectionCounts = new Map<ServiceName, number>();
  #registry: RegistryStatus = { name: 'unknown' };
  #registryLosses = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  apply(event: MeshEvent): void {
    switch (event.kind) {
      case 'endpoint-added':
        putCapped(this.#endpoints, event.endpoint.id, event.endpoint);
        break;
      case 'endpoint-removed':
        this.#endpoints.delete(event.endpoint.id);
        this.#ejections.delete(event.endpoint.id);
        break;
      case 'endpoint-ejected':
        this.#eject(event.endpoint, event.reason, event.forMs);
        break;
      case 'endpoint-restored':
        this.#ejections.delete(event.endpoint.id);
        break;
      case 'breaker-changed':
        this.#changeBreaker(event.service, event.subset, event.to);
        break;
      case 'registry-lost':
        this.#registryLosses += 1;
        this.#registry = {
          name: 'lost',
          reason: labelText(event.error.message),
          since: this.#clock.now(),
        };
        break;
      case 'registry-found':
        this.#registry = {
          name: 'connected',
          server: labelText(event.server),
          since: this.#clock.now(),
        };
        break;
    }
  }

  get breakers(): Iterable<BreakerStatus> {
    return this.#breakers.values();
  }

  get ejections(): Iterable<Ejection> {
    return this.#ejections.values();
  }

  get endpoints(): Iterable<Endpoint> {
    return this.#endpoints.values();
  }

  get registry(): RegistryStatus {
    return this.#registry;
  }

  get ejectionCounts(): Iterable<readonly [ServiceName, number]> {
    return this.#ejectionCounts.entries();
  }

  get registryLosses(): number {
    return this.#registryLosses;
  }

  ejectionOf(endpointId: string): Ejection | undefined {
    return this.#ejections.get(endpointId);
  }

  #eject(endpoint: Endpoint, reason: string, forMs: number): void {
    putCapped(this.#ejections, endpoint.id, {
      endpoint,
      reason: labelText(reason),
      until: this.#clock.now() + forMs,
    });
    const { service } = endpoint;
    putCapped(this.#ejectionCounts, service, (this.#ejectionCounts.get(service) ?? 0) + 1);
  }

  #changeBreaker(service: ServiceName, subset: string, state: BreakerState): void {
    const key = `${service}\0${subset}`;
    const opened = (this.#breakers.get(key)?.opened ?? 0) + (state === 'open' ? 1 : 0);
    const since = this.#clock.now();
    putCapped(this.#breakers, key, { service, subset, state, since, opened });
  }
}

function putCapped<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size < maxEntries || map.has(key)) map.set(key, value);
}

import type {
  BreakerState,
  Clock,
  EndpointList,
  EndpointStatus,
  EndpointTls,
  ServiceName,
} from '@inmesh/core';
import type { DestinationState } from './destination-state.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { ForcedBreakerInspection } from './forced-breakers.ts';
import type { ServiceDirectory } from './service-directory.ts';
import type { Connections } from './transport/endpoint-connections.ts';

/** What a client knows and holds at one moment, for people and dashboards. Plain data, safe to keep. */
export interface ClientInspection {
  readonly callsInFlight: number;
  /** How often an observer threw. */
  readonly observerFailures: number;
  readonly services: readonly ServiceInspection[];
  /** Breakers that `forceBreaker` holds, called yet or not. */
  readonly forcedBreakers: readonly ForcedBreakerInspection[];
}

export interface ServiceInspection {
  readonly service: ServiceName;
  /** `waiting`: nothing was heard of it yet. */
  readonly state: EndpointList['state'] | 'waiting';
  readonly revision: string;
  /** Since the source last confirmed the list. */
  readonly ageMs: number;
  readonly endpoints: readonly EndpointInspection[];
  /** The service as a whole and its subsets, as far as they were called. */
  readonly destinations: readonly DestinationInspection[];
}

/**
 * A service or a subset of it under one policy. After a change of the configuration the one before
 * it stays for a few minutes: `idleMs` tells them apart.
 */
export interface DestinationInspection {
  /** '' is the whole service. */
  readonly subset: string;
  /** The port that its calls ask for; `undefined` where they name none. */
  readonly port: number | undefined;
  /** `off`: it has none. An open breaker turns half-open at the next call, not by the clock. */
  readonly breaker: BreakerState | 'off';
  /** Whether somebody holds the breaker open or closed. */
  readonly breakerForced: boolean;
  /** Retries that the budget would allow now. */
  readonly retriesLeft: number;
  /** Second attempts that race first ones; `undefined` when off. */
  readonly hedging:
    | {
        /** `undefined` while too little is known to say. */
        readonly delayMs: number | undefined;
        readonly hedgesLeft: number;
      }
    | undefined;
  /** The adaptive limit as it is now; `undefined` when off. */
  readonly adaptiveLimit: number | undefined;
  /** The chance with which a call is refused here; 0 when throttling is off. */
  readonly refusalRatio: number;
  readonly inFlight: number;
  /** Calls that wait because `maxRequests` are in flight. */
  readonly pending: number;
  readonly maxRequests: number;
  readonly maxPending: number;
  /** Of each endpoint. */
  readonly maxConnections: number;
  /** Since it was last asked for an endpoint. */
  readonly idleMs: number;
}

export interface EndpointInspection {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly status: EndpointStatus;
  readonly version: string;
  /** What its registration offers. */
  readonly tls: EndpointTls;
  readonly ejected: boolean;
  /** For how long it is left alone yet, because it had no capacity. */
  readonly restsMs: number;
  readonly draining: boolean;
  readonly inFlight: number;
  readonly connections: number;
}

/** Reads, and changes nothing: a dashboard must not close a breaker by looking at it. */
export function inspectServices(
  services: ServiceDirectory,
  connections: Connections,
  clock: Clock,
): ServiceInspection[] {
  const now = clock.now();
  return [...services.known()].map(({ cluster }) => ({
    service: cluster.service,
    state: cluster.list?.state ?? 'waiting',
    revision: cluster.list?.revision ?? '',
    ageMs: cluster.list === undefined ? 0 : now - cluster.list.asOf,
    endpoints: [...cluster.endpoints.values()].map((state) =>
      inspectEndpoint(state, connections.count(state), now),
    ),
    destinations: [...cluster.destinations()].map((state) => inspectDestination(state, now)),
  }));
}

function inspectEndpoint(
  state: EndpointState,
  connections: number,
  now: number,
): EndpointInspection {
  const { id, address, ports, status, labels, tls } = state.endpoint;
  return {
    id,
    address,
    port: ports[0]?.port ?? 0,
    status,
    version: labels.version ?? '',
    tls,
    ejected: state.ejections > 0,
    restsMs: Math.max(0, state.restUntil - now),
    draining: state.draining,
    inFlight: state.inFlight,
    connections,
  };
}

function inspectDestination(state: DestinationState, now: number): DestinationInspection {
  const { destination, breaker, budget, inFlight, pending, pool, pickedAt } = state;
  const { hedging, limiter, throttle } = state;
  const { maxRequests, maxPending, maxConnections } = pool;
  return {
    subset: destination.subset,
    port: destination.port,
    breaker: breaker?.state ?? 'off',
    breakerForced: breaker?.forced ?? false,
    retriesLeft: budget.remaining(now),
    hedging: hedging && {
      delayMs: hedging.delayMs(now),
      hedgesLeft: hedging.budget.remaining(now),
    },
    adaptiveLimit: limiter?.limit,
    refusalRatio: throttle?.refusalRatio(now) ?? 0,
    inFlight,
    pending,
    maxRequests,
    maxPending,
    maxConnections,
    idleMs: now - pickedAt,
  };
}

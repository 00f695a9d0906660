import type { BreakerState, Clock, EndpointList, EndpointStatus, ServiceName } from '@inmesh/core';
import type { ServiceDirectory } from './service-directory.ts';
import type { Connections } from './transport/endpoint-connections.ts';

/** What a client knows and holds at one moment, for people and dashboards. Plain data, safe to keep. */
export interface ClientInspection {
  readonly callsInFlight: number;
  /** How often an observer threw. */
  readonly observerFailures: number;
  readonly services: readonly ServiceInspection[];
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

export interface DestinationInspection {
  /** '' is the whole service. */
  readonly subset: string;
  /** `off`: it has none. */
  readonly breaker: BreakerState | 'off';
  readonly inFlight: number;
  /** Calls that wait for a place. */
  readonly pending: number;
}

export interface EndpointInspection {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly status: EndpointStatus;
  readonly version: string;
  readonly ejected: boolean;
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
    endpoints: [...cluster.endpoints.values()].map((state) => {
      const { id, address, ports, status, labels } = state.endpoint;
      return {
        id,
        address,
        port: ports[0]?.port ?? 0,
        status,
        version: labels.version ?? '',
        ejected: state.ejections > 0,
        draining: state.draining,
        inFlight: state.inFlight,
        connections: connections.count(state),
      };
    }),
    destinations: [...cluster.destinations()].map(
      ({ destination, breaker, inFlight, pending }) => ({
        subset: destination.subset,
        breaker: breaker?.state ?? 'off',
        inFlight,
        pending,
      }),
    ),
  }));
}

import type { Endpoint } from './endpoint.ts';
import type { ServiceName } from './service-name.ts';

/** What is known of one service at one moment. Immutable and replaced whole. */
export interface EndpointList {
  readonly service: ServiceName;
  /** Of every status, in a stable order. May be empty: the service exists and has nobody up. */
  readonly endpoints: readonly Endpoint[];
  /** Opaque; changes with every change. For showing and for tests of equality. */
  readonly revision: string;
  /**
   * `live`: told by the source now. `stale`: the last good list, kept while the source is away.
   * `unknown`: the source says that there is no such service.
   */
  readonly state: 'live' | 'stale' | 'unknown';
  /** Monotonic milliseconds at which the source last confirmed it: its age is `clock.now() - asOf`. */
  readonly asOf: number;
}

export type EndpointListener = (list: EndpointList) => void;

/** Ends a subscription. Idempotent. */
export type Unsubscribe = () => void;

/** Where endpoints come from: a registry, Eureka, Kubernetes, DNS, or a fixed list. */
export interface EndpointSource {
  /** The list, if it is known already. Synchronous: the call path asks it. */
  get(service: ServiceName): EndpointList | undefined;
  /**
   * Starts to keep `service` and tells every change, the first at once when it is known already.
   * Several followers of one service share one subscription. A listener must not throw; one that
   * does is logged and the others are still told.
   */
  follow(service: ServiceName, listener: EndpointListener): Unsubscribe;
  close(): Promise<void>;
}

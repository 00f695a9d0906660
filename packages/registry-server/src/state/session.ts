import type { Endpoint, HealthProbe, ServiceName, Subscriptions } from '@inmesh/core';
import type { Principal } from '../access/principal.ts';
import type { EndpointRecord } from './endpoint-record.ts';

/** What a session's stream carries of one service. */
interface Subscription {
  /**
   * The revision that proves that the client has this service's snapshot: it has when it resumes
   * from this number or a later one. `Infinity`: not sent yet.
   */
  provenBy: number;
  /** The session's owner may not know of the service: it is told that there is none. */
  hidden: boolean;
}

/** An endpoint as its process described it. */
interface Claim {
  readonly declared: Endpoint;
  readonly probe: HealthProbe | undefined;
}

type ConfigSubscription = NonNullable<Subscriptions['config']>;

/** One process' hold on the registry: a lease, with everything that goes when it ends. */
export interface Session {
  /** The secret in its URLs. Never logged, never listed. */
  readonly token: string;
  /** Counts up: the order of sessions, and the name of this one in logs and pages. */
  readonly number: number;
  readonly client: string;
  /** Nobody has its token: it stands for a session of a server that is gone, until its endpoints are taken over or its time is up. */
  readonly orphan: boolean;
  /** The service that its reports may be of; without one it brings none. */
  readonly service: ServiceName | undefined;
  /** Who opened it, and alone may use it. */
  readonly owner: Principal;
  readonly registrations: Map<string, EndpointRecord>;
  /**
   * What it registered and another server says it has by now, by id. Two servers that were told
   * while the store was away cannot know which was told last; the one that hears from the process
   * again was.
   */
  readonly disputed: Map<string, Claim>;
  readonly subscriptions: Map<ServiceName, Subscription>;
  /** The configuration, when it is followed: the revision that the client said it knows. */
  config: ConfigSubscription | undefined;
  /** Monotonic milliseconds. */
  renewedAt: number;
  /** It was sent to another server, or its endpoints are there: its silence says nothing of the network. Until it renews. */
  mayBeElsewhere: boolean;
  /** It is better off at another server, and has no stream on which it could be told: its next renewal is refused, once. */
  toMove: boolean;
  // Neighbours in the lease list.
  older: Session | undefined;
  newer: Session | undefined;
}

import type {
  Clock,
  Destination,
  EndpointList,
  Locality,
  MeshEvent,
  Random,
  ServiceName,
} from '@inmesh/core';
import type { DestinationState } from './destination-state.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { ClientPolicy } from './policy-defaults.ts';

export interface ClusterOptions {
  readonly policy: ClientPolicy;
  readonly clock: Clock;
  readonly random: Random;
  /** Where this process runs. */
  readonly locality: Locality;
  /** This process' own labels, for `failoverPriority`. @default {} */
  readonly labels?: Readonly<Record<string, string>>;
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
  /** Throws `invalid_argument` when the destination's policy is invalid. */
  destination(destination: Destination): DestinationState;
  /** Ends its timers and forgets its endpoints, each of which goes to `onRemoved`. Idempotent. */
  close(): void;
}

export function createCluster(_service: ServiceName, _options: ClusterOptions): Cluster {
  throw new Error('not yet');
}

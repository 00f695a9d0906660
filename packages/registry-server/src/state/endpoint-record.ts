import type { Endpoint, EndpointStatus, HealthProbe } from '@inmesh/core';
import type { ServiceRecord } from './service-record.ts';
import type { Session } from './session.ts';

/** Who answers for a registered endpoint: a session, another server, or nobody for the moment after it let go. */
export type Holder =
  | { readonly name: 'held'; readonly session: Session }
  /** A session of another server has it, as the store says. */
  | { readonly name: 'elsewhere' }
  /** Deregistered at `since`; shown as draining until it comes back or is removed. */
  | { readonly name: 'leaving'; readonly since: number };

/** One registered endpoint, with all that decides its status. */
export interface EndpointRecord {
  readonly id: string;
  readonly service: ServiceRecord;
  /** Monotonic milliseconds. */
  readonly registeredAt: number;
  holder: Holder;
  /** As its process described it. */
  declared: Endpoint;
  probe: HealthProbe | undefined;
  /** What the probes say; `true` until they say otherwise. */
  healthy: boolean;
  /** As everybody sees it: `declared` with the status that results. */
  endpoint: Endpoint;
}

/**
 * The status that results. An endpoint that asks for less traffic gets less whatever an operator
 * wants; an operator beats the probes.
 */
export function effectiveStatus(
  record: Pick<EndpointRecord, 'holder' | 'declared' | 'healthy'>,
  override: EndpointStatus | undefined,
): EndpointStatus {
  if (override === 'down') return 'down';
  if (record.holder.name === 'leaving') return 'draining';
  if (record.declared.status === 'draining' || override === 'draining') return 'draining';
  return override === 'up' || record.healthy ? 'up' : 'down';
}

/**
 * `GET /v1/services/:namespace/:name/endpoints`: ServiceEndpoints, what a person wants to know of
 * endpoints beyond what callers do.
 */
import type { EndpointStatus } from './endpoint.ts';
import type { ServiceName } from './service-name.ts';

export interface EndpointDetails {
  readonly id: string;
  /** Since this server first heard of it in this run. */
  readonly ageMs: number;
  /** The client whose session holds it; `null` for the moment after it let go. */
  readonly heldBy: string | null;
  /** Whether the server probes it, and what the probes say. */
  readonly probed: boolean;
  readonly healthy: boolean;
  /** What an operator set; `null` when nothing. */
  readonly override: EndpointStatus | null;
}

export interface ServiceEndpoints {
  readonly service: ServiceName;
  readonly endpoints: readonly EndpointDetails[];
}

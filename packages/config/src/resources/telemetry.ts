import type { Duration, WorkloadSelector } from './common.ts';
import type { ResourceOf } from './resource.ts';

/** What is traced, counted and logged: for the mesh (root namespace), a namespace or workloads. */
export type Telemetry = ResourceOf<'Telemetry', TelemetrySpec>;

export interface TelemetrySpec {
  readonly selector?: WorkloadSelector;
  readonly tracing?: readonly Tracing[];
  readonly metrics?: readonly Metrics[];
  readonly accessLogging?: readonly AccessLogging[];
}

/** Which side of a call reports. */
export type WorkloadMode = 'CLIENT_AND_SERVER' | 'CLIENT' | 'SERVER';

export interface ProviderRef {
  readonly name: string;
}

export interface Tracing {
  readonly match?: { readonly mode?: WorkloadMode };
  readonly providers?: readonly ProviderRef[];
  /** 0..100. */
  readonly randomSamplingPercentage?: number;
  readonly disableSpanReporting?: boolean;
  readonly customTags?: Readonly<Record<string, CustomTag>>;
  readonly enableIstioTags?: boolean;
  readonly useRequestIdForTraceSampling?: boolean;
  readonly disableContextPropagation?: boolean;
}

/** Exactly one of them. */
export interface CustomTag {
  readonly literal?: { readonly value: string };
  readonly environment?: { readonly name: string; readonly defaultValue?: string };
  readonly header?: { readonly name: string; readonly defaultValue?: string };
  /** Not honoured: Envoy's. */
  readonly formatter?: unknown;
}

export interface Metrics {
  readonly providers?: readonly ProviderRef[];
  readonly overrides?: readonly MetricsOverride[];
  readonly reportingInterval?: Duration;
}

export interface MetricsOverride {
  readonly match?: MetricSelector;
  readonly disabled?: boolean;
  readonly tagOverrides?: Readonly<Record<string, TagOverride>>;
}

/** At most one of `metric` and `customMetric`. */
export interface MetricSelector {
  readonly metric?: StandardMetric;
  readonly customMetric?: string;
  readonly mode?: WorkloadMode;
}

export type StandardMetric =
  | 'ALL_METRICS'
  | 'REQUEST_COUNT'
  | 'REQUEST_DURATION'
  | 'REQUEST_SIZE'
  | 'RESPONSE_SIZE'
  | 'TCP_OPENED_CONNECTIONS'
  | 'TCP_CLOSED_CONNECTIONS'
  | 'TCP_SENT_BYTES'
  | 'TCP_RECEIVED_BYTES'
  | 'GRPC_REQUEST_MESSAGES'
  | 'GRPC_RESPONSE_MESSAGES';

export interface TagOverride {
  /** @default 'UPSERT' */
  readonly operation?: 'UPSERT' | 'REMOVE';
  /** A CEL expression; with UPSERT only. */
  readonly value?: string;
}

export interface AccessLogging {
  readonly match?: { readonly mode?: WorkloadMode };
  readonly providers?: readonly ProviderRef[];
  readonly disabled?: boolean;
  /** A CEL expression. */
  readonly filter?: { readonly expression: string };
}

import type { EndedAttempt, EndedCall, EndedRequest } from '@inmesh/core';
import type { TrafficLabels } from '../series.ts';

/** What an adapter takes part in. */
export type Signal = 'metrics' | 'traces' | 'logs';

/** The standard metrics, in the words of Istio's `Telemetry`. */
export type StandardMetric =
  | 'REQUEST_COUNT'
  | 'REQUEST_DURATION'
  | 'REQUEST_SIZE'
  | 'RESPONSE_SIZE';

/** One change to the labels of a metric. */
export interface TagOverride {
  readonly name: string;
  /** What the label becomes, '' for what is not known; without it the label is taken out. */
  readonly value?: TagValue;
}

/** What a label becomes: of a series, or of a single one that ended, for adapters that count by themselves. */
export interface TagValue {
  ofSeries(labels: TrafficLabels): string;
  ofEnded(ended: EndedAttempt | EndedRequest): string;
}

/** A value of calls and requests that tells series apart besides what always does. */
export interface SeriesTag {
  /** Where it stands in the labels' `tags`. */
  readonly name: string;
  of(ended: EndedCall | EndedRequest): string;
}

/** A signal reaches the adapters of these names. */
interface Reach {
  reaches(adapter: string): boolean;
}

export interface MetricsTelemetry extends Reach {
  isDisabled(metric: StandardMetric): boolean;
  /** In order. The same array for metrics whose labels are the same, so that they may be rendered once. */
  tags(metric: StandardMetric): readonly TagOverride[];
  /** What the tags of all metrics need to know of each call or request. */
  readonly seriesTags: readonly SeriesTag[];
}

export interface TraceTelemetry extends Reach {
  /** Attributes that every span gets besides. */
  tags(of: Pick<EndedCall, 'header'>): Readonly<Record<string, string>>;
}

export interface LogTelemetry extends Reach {
  admits(ended: EndedCall | EndedRequest): boolean;
}

/** What one side of this process reports. */
export interface SideTelemetry {
  readonly metrics: MetricsTelemetry;
  readonly traces: TraceTelemetry;
  readonly logs: LogTelemetry;
}

/** What this process reports of the calls that it makes (`client`) and of the requests that it serves. */
export interface TelemetryPolicy {
  readonly client: SideTelemetry;
  readonly server: SideTelemetry;
}

/** Replaced whole when the configuration changes. */
export interface TelemetrySource {
  readonly current: TelemetryPolicy;
}

const noTags: readonly TagOverride[] = Object.freeze([]);
const noAttributes: Readonly<Record<string, string>> = Object.freeze({});

const wholeSide: SideTelemetry = Object.freeze({
  metrics: { reaches: () => true, isDisabled: () => false, tags: () => noTags, seriesTags: [] },
  traces: { reaches: () => true, tags: () => noAttributes },
  logs: { reaches: () => true, admits: () => true },
});

/** Everything, to every adapter: what holds where no resource says otherwise. */
export const wholeTelemetry: TelemetrySource = Object.freeze({
  current: Object.freeze({ client: wholeSide, server: wholeSide }),
});

/** The policy for the side that a series was seen from. */
export function sideOf(policy: TelemetryPolicy, labels: TrafficLabels): SideTelemetry {
  return labels.direction === 'outbound' ? policy.client : policy.server;
}

/** `pairs` with the changes made: a label that is there keeps its place. */
export function withTags(
  pairs: readonly (readonly [name: string, value: string | number])[],
  tags: readonly TagOverride[],
  read: (value: TagValue) => string,
): readonly (readonly [name: string, value: string | number])[] {
  if (tags.length === 0) return pairs;
  const changed = new Map(pairs);
  for (const { name, value } of tags) {
    if (value === undefined) changed.delete(name);
    else changed.set(name, read(value));
  }
  return [...changed];
}

import type { EndedAttempt, EndedRequest } from '@inmesh/core';
import { type Attributes, type Meter, ValueType } from '@opentelemetry/api';
import type { TelemetryAdapter } from '../adapter.ts';
import {
  type MetricsTelemetry,
  type TelemetrySource,
  wholeTelemetry,
  withTags,
} from '../telemetry/telemetry-policy.ts';
import { attemptAttributes, requestAttributes } from './attributes.ts';

/** Seconds, as the conventions advise. */
const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Durations of attempts and of requests served. */
export function openTelemetryMetrics(name: string, meter: Meter): TelemetryAdapter {
  const client = durationHistogram(meter, 'http.client.request.duration');
  const server = durationHistogram(meter, 'http.server.request.duration');
  let telemetry: TelemetrySource = wholeTelemetry;
  return {
    name,
    signal: 'metrics',
    start(source) {
      telemetry = source;
    },
    observer: {
      attemptEnded(attempt) {
        const { metrics } = telemetry.current.client;
        if (metrics.isDisabled('REQUEST_DURATION')) return;
        client.record(seconds(attempt), tagged(attemptAttributes(attempt), metrics, attempt));
      },
      requestEnded(request) {
        const { metrics } = telemetry.current.server;
        if (metrics.isDisabled('REQUEST_DURATION')) return;
        server.record(seconds(request), tagged(requestAttributes(request), metrics, request));
      },
    },
  };
}

/** With the changes that resources make to the tags of durations, under their own names. */
function tagged(
  attributes: Attributes,
  metrics: MetricsTelemetry,
  ended: EndedAttempt | EndedRequest,
): Attributes {
  const tags = metrics.tags('REQUEST_DURATION');
  if (tags.length === 0) return attributes;
  const pairs = Object.entries(attributes) as [string, string | number][];
  return Object.fromEntries(withTags(pairs, tags, (value) => value.ofEnded(ended)));
}

function durationHistogram(meter: Meter, name: string): ReturnType<Meter['createHistogram']> {
  return meter.createHistogram(name, {
    unit: 's',
    description: 'Duration of HTTP requests, to the end of the body.',
    valueType: ValueType.DOUBLE,
    advice: { explicitBucketBoundaries: durationBounds },
  });
}

function seconds(ended: { readonly startedAt: number; readonly endedAt: number }): number {
  return Math.max(0, ended.endedAt - ended.startedAt) / 1_000;
}

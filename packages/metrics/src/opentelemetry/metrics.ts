import { type Meter, ValueType } from '@opentelemetry/api';
import type { TelemetryAdapter } from '../adapter.ts';
import { type TelemetrySource, wholeTelemetry } from '../telemetry/telemetry-policy.ts';
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
        if (telemetry.current.client.metrics.isDisabled('REQUEST_DURATION')) return;
        client.record(seconds(attempt), attemptAttributes(attempt));
      },
      requestEnded(request) {
        if (telemetry.current.server.metrics.isDisabled('REQUEST_DURATION')) return;
        server.record(seconds(request), requestAttributes(request));
      },
    },
  };
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

import { type Clock, MeshError, systemClock } from '@inmesh/core';
import type { Meter, Tracer } from '@opentelemetry/api';
import type { TelemetryAdapter } from '../adapter.ts';
import { openTelemetryMetrics } from './metrics.ts';
import type { SpanIds } from './span-ids.ts';
import { openTelemetrySpans } from './spans.ts';

export interface OpenTelemetryOptions {
  /** `metrics.getMeter('inmesh')`. Without it there are no metrics. */
  readonly meter?: Meter;
  /** `trace.getTracer('inmesh')`. Without it there are no spans. */
  readonly tracer?: Tracer;
  /**
   * What the tracer's provider got as its `idGenerator`. With it, spans have the ids that went out
   * in `traceparent`, so that they nest across services; without it, the spans of a trace lie flat.
   */
  readonly ids?: SpanIds;
  /** As `Telemetry` resources name it. @default 'opentelemetry' */
  readonly name?: string;
  /** The recorder's. @default systemClock */
  readonly clock?: Clock;
}

/**
 * Adapters for what is given: `adapters: [...openTelemetry({ meter, tracer, ids })]`. Metrics are
 * `http.client.request.duration` of every attempt and `http.server.request.duration` of every request
 * served. Spans are one for each call, one for each of its attempts and one for each request served,
 * of traces that are sampled. Throws `invalid_argument` when neither meter nor tracer is given.
 */
export function openTelemetry(options: OpenTelemetryOptions): readonly TelemetryAdapter[] {
  const { meter, tracer, ids, name = 'opentelemetry', clock = systemClock } = options;
  const adapters: TelemetryAdapter[] = [];
  if (meter !== undefined) adapters.push(openTelemetryMetrics(name, meter));
  if (tracer !== undefined) adapters.push(openTelemetrySpans(name, tracer, ids, clock));
  if (adapters.length > 0) return adapters;
  throw new MeshError('invalid_argument', 'openTelemetry: pass a meter, a tracer, or both');
}

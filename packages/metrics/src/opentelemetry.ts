/**
 * `@inmesh/metrics/opentelemetry`: metrics and spans through the application's own OpenTelemetry
 * SDK, by the HTTP semantic conventions. Apart from the main entry because `@opentelemetry/api` is
 * an optional peer.
 */

import {
  type Clock,
  type EndedAttempt,
  type EndedCall,
  type EndedRequest,
  MeshError,
  systemClock,
} from '@inmesh/core';
import {
  type Attributes,
  type Context,
  type HrTime,
  type Meter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
  ValueType,
} from '@opentelemetry/api';
import type { MetricsAdapter } from './adapter.ts';
import { isFailure } from './edge.ts';
import { labelText } from './label-text.ts';
import { methodIndex, methodNames } from './method-label.ts';

export interface OpenTelemetryOptions {
  /** `metrics.getMeter('inmesh')`. Without it there are no metrics. */
  readonly meter?: Meter;
  /** `trace.getTracer('inmesh')`. Without it there are no spans. */
  readonly tracer?: Tracer;
  /** The recorder's. @default systemClock */
  readonly clock?: Clock;
}

/** Seconds, as the conventions advise. */
const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/**
 * `http.client.request.duration` for every attempt, `http.server.request.duration` for every
 * request served, and one client span for every logical call, in the call's trace.
 * Throws `invalid_argument` when neither meter nor tracer is given.
 */
export function openTelemetry(options: OpenTelemetryOptions): MetricsAdapter {
  const { meter, tracer, clock = systemClock } = options;
  if (meter === undefined && tracer === undefined) {
    throw new MeshError('invalid_argument', 'openTelemetry: pass a meter, a tracer, or both');
  }
  const client = durationHistogram(meter, 'http.client.request.duration');
  const server = durationHistogram(meter, 'http.server.request.duration');
  return {
    name: 'opentelemetry',
    observer: {
      attemptEnded(attempt) {
        client?.record(seconds(attempt), attemptAttributes(attempt));
      },
      requestEnded(request) {
        server?.record(seconds(request), requestAttributes(request));
      },
      callEnded(call) {
        if (tracer !== undefined) recordSpan(tracer, call, clock);
      },
    },
  };
}

function durationHistogram(
  meter: Meter | undefined,
  name: string,
): ReturnType<Meter['createHistogram']> | undefined {
  return meter?.createHistogram(name, {
    unit: 's',
    description: 'Duration of HTTP requests, to the end of the body.',
    valueType: ValueType.DOUBLE,
    advice: { explicitBucketBoundaries: durationBounds },
  });
}

function attemptAttributes(attempt: EndedAttempt): Attributes {
  return {
    ...commonAttributes(attempt.method, attempt.status),
    'server.address': labelText(attempt.service),
    'server.port': attempt.endpoint.ports[0]?.port ?? 0,
    ...errorType(attempt.status, 400, attempt.error),
  };
}

function requestAttributes(request: EndedRequest): Attributes {
  const route = labelText(request.route);
  return {
    ...commonAttributes(request.method, request.status),
    'url.scheme': request.mutualTls ? 'https' : 'http',
    ...(route === 'unknown' ? {} : { 'http.route': route }),
    ...errorType(request.status, 500, undefined),
  };
}

function commonAttributes(method: string, status: number): Attributes {
  return {
    'http.request.method': methodNames[methodIndex(method)] as string,
    'network.protocol.version': '1.1',
    ...(status === 0 ? {} : { 'http.response.status_code': status }),
  };
}

/** A status counts as an error from 400 for who asked, from 500 for who answered. */
function errorType(status: number, from: number, error: MeshError | undefined): Attributes {
  if (status >= from) return { 'error.type': String(status) };
  if (status === 0) return { 'error.type': error?.code ?? '_OTHER' };
  return {};
}

/** Made when the call has ended, with the times that it had: an open span would cost every call a closure. */
function recordSpan(tracer: Tracer, call: EndedCall, clock: Clock): void {
  const wallOffset = clock.wallNow() - clock.now();
  const method = methodNames[methodIndex(call.method)] as string;
  const span = tracer.startSpan(
    method === '_OTHER' ? 'HTTP' : method,
    {
      kind: SpanKind.CLIENT,
      startTime: hrTime(call.startedAt + wallOffset),
      attributes: {
        ...commonAttributes(call.method, call.status),
        'server.address': labelText(call.service),
        'server.port': call.endpoint?.ports[0]?.port ?? (call.scheme === 'https' ? 443 : 80),
        'inmesh.route': labelText(call.route),
        'inmesh.attempts': call.attempts,
        'inmesh.flag': call.flag,
        ...errorType(call.status, 400, call.error),
      },
    },
    parentContext(call),
  );
  if (isFailure(call.status, call.flag) || call.status >= 400) {
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(hrTime(call.endedAt + wallOffset));
}

/** The span that went out in `traceparent`, as parent; a call without a trace begins one. */
function parentContext({ traceId, spanId }: EndedCall): Context {
  if (traceId === '' || spanId === '') return ROOT_CONTEXT;
  const parent = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}

function seconds(ended: { readonly startedAt: number; readonly endedAt: number }): number {
  return Math.max(0, ended.endedAt - ended.startedAt) / 1_000;
}

/** Epoch milliseconds as the pair that SDKs take without guessing what a number means. */
function hrTime(epochMs: number): HrTime {
  const whole = Math.floor(epochMs / 1_000);
  return [whole, Math.round((epochMs - whole * 1_000) * 1e6)];
}

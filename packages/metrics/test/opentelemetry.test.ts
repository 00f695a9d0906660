import { MeshError } from '@inmesh/core';
import { type TelemetryAdapter, wholeTelemetry } from '@inmesh/metrics';
import { openTelemetry, spanIds } from '@inmesh/metrics/opentelemetry';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { endedAttempt, endedCall, endedRequest } from './ended.ts';

test('attempts and requests are the durations of the HTTP conventions, in seconds', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const [adapter] = openTelemetry({ meter: provider.getMeter('inmesh') });
  const { observer } = adapter as TelemetryAdapter;
  observer?.attemptEnded?.(endedAttempt());
  observer?.attemptEnded?.(endedAttempt({ method: 'EVIL', status: 503 }));
  const error = new MeshError('connect_failed', 'refused');
  observer?.attemptEnded?.(endedAttempt({ status: 0, flag: 'UF', error }));
  observer?.requestEnded?.(endedRequest({ status: 404 }));
  await provider.forceFlush();
  const metrics = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  const client = metrics.find(
    ({ descriptor }) => descriptor.name === 'http.client.request.duration',
  );
  expect(client?.descriptor.unit).toBe('s');
  expect(client?.dataPoints.map(({ attributes }) => attributes)).toEqual([
    {
      'http.request.method': 'GET',
      'network.protocol.version': '1.1',
      'http.response.status_code': 200,
      'server.address': 'reviews.default',
      'server.port': 80,
    },
    expect.objectContaining({ 'http.request.method': '_OTHER', 'error.type': '503' }),
    expect.objectContaining({ 'error.type': 'connect_failed' }),
  ]);
  expect(client?.dataPoints[0]?.value).toMatchObject({
    sum: 0.003,
    buckets: {
      boundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    },
  });
  const server = metrics.find(
    ({ descriptor }) => descriptor.name === 'http.server.request.duration',
  );
  expect(server?.dataPoints.map(({ attributes }) => attributes)).toEqual([
    {
      'http.request.method': 'GET',
      'network.protocol.version': '1.1',
      'http.response.status_code': 404,
      'http.route': '/orders/:id',
      'url.scheme': 'http',
    },
  ]);
  await provider.shutdown();
});

function spansUnder(options: { withIds: boolean }): {
  adapter: TelemetryAdapter;
  finished: () => ReadableSpan[];
} {
  const exporter = new InMemorySpanExporter();
  const ids = spanIds();
  const provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    ...(options.withIds ? { idGenerator: ids } : {}),
  });
  const [adapter] = openTelemetry({
    tracer: provider.getTracer('inmesh'),
    clock: createFakeClock(),
    ...(options.withIds ? { ids } : {}),
  });
  return { adapter: adapter as TelemetryAdapter, finished: () => exporter.getFinishedSpans() };
}

test('a call, its attempts and the request served are spans that nest by the ids that were sent', () => {
  const { adapter, finished } = spansUnder({ withIds: true });
  const call = endedCall({
    status: 503,
    attempts: 2,
    parentSpanId: 'aaaaaaaaaaaaaaaa',
    path: '/a?token=1',
  });
  adapter.observer?.attemptEnded?.(endedAttempt({ call, status: 503 }));
  adapter.observer?.attemptEnded?.(endedAttempt({ call, number: 2, spanId: '3333333333333333' }));
  adapter.observer?.callEnded?.(call);
  adapter.observer?.requestEnded?.(endedRequest({ parentSpanId: '3333333333333333' }));
  const rows = finished().map((span) => [
    span.name,
    span.kind,
    span.spanContext().spanId,
    span.parentSpanContext?.spanId,
  ]);
  expect(rows).toEqual([
    ['GET', SpanKind.CLIENT, '1111111111111111', call.spanId],
    ['GET', SpanKind.CLIENT, '3333333333333333', call.spanId],
    ['GET reviews.default', SpanKind.INTERNAL, call.spanId, 'aaaaaaaaaaaaaaaa'],
    ['GET /orders/:id', SpanKind.SERVER, '2222222222222222', '3333333333333333'],
  ]);
  expect(new Set(finished().map((span) => span.spanContext().traceId))).toEqual(
    new Set([call.traceId]),
  );
  const [failed, resent, whole] = finished();
  expect(failed?.status.code).toBe(SpanStatusCode.ERROR);
  expect(failed?.attributes).toMatchObject({ 'error.type': '503', 'url.full': 'http://reviews/a' });
  expect(resent?.attributes).toMatchObject({ 'http.request.resend_count': 1 });
  expect(resent?.status.code).toBe(SpanStatusCode.UNSET);
  expect(whole?.attributes).toMatchObject({ 'inmesh.attempts': 2, 'error.type': '503' });
  expect(whole?.startTime).toEqual([Date.UTC(2026, 0, 1) / 1_000 + 1, 0]);
  expect(whole?.duration).toEqual([0, 3_000_000]);
});

test('the first span of a trace has its id and no parent; what is not sampled is no span', () => {
  const { adapter, finished } = spansUnder({ withIds: true });
  adapter.observer?.callEnded?.(endedCall());
  adapter.observer?.callEnded?.(endedCall({ sampled: false }));
  const unsampled = endedCall({ sampled: false });
  adapter.observer?.attemptEnded?.(endedAttempt({ call: unsampled }));
  adapter.observer?.requestEnded?.(endedRequest({ sampled: false }));
  const [first, ...rest] = finished();
  expect(rest).toEqual([]);
  expect(first?.spanContext()).toMatchObject({
    traceId: endedCall().traceId,
    spanId: endedCall().spanId,
  });
  expect(first?.parentSpanContext).toBeUndefined();
});

test('an SDK that makes ids of its own gets the spans into the right trace all the same', () => {
  const { adapter, finished } = spansUnder({ withIds: false });
  adapter.observer?.callEnded?.(endedCall());
  expect(finished()[0]?.spanContext().traceId).toBe(endedCall().traceId);
});

test('attempts without a span of their own are left to the call’s', () => {
  const { adapter, finished } = spansUnder({ withIds: true });
  const call = endedCall();
  adapter.observer?.attemptEnded?.(endedAttempt({ call, spanId: call.spanId }));
  expect(finished()).toEqual([]);
});

test('resources add tags to spans', () => {
  const { adapter, finished } = spansUnder({ withIds: true });
  const { current } = wholeTelemetry;
  const tags = ({
    header,
  }: {
    header(name: string): string | undefined;
  }): Record<string, string> => ({
    tenant: header('x-tenant') ?? 'none',
  });
  const client = { ...current.client, traces: { ...current.client.traces, tags } };
  adapter.start?.({ current: { ...current, client } });
  adapter.observer?.callEnded?.(
    endedCall({ header: (name) => (name === 'x-tenant' ? 'a' : undefined) }),
  );
  expect(finished()[0]?.attributes).toMatchObject({ tenant: 'a' });
});

test('without meter and tracer it is refused', () => {
  expect(() => openTelemetry({})).toThrow('pass a meter, a tracer, or both');
});

import { MeshError } from '@inmesh/core';
import { openTelemetry } from '@inmesh/metrics/opentelemetry';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { endedAttempt, endedCall, endedRequest } from './ended.ts';

test('attempts and requests are the durations of the HTTP conventions, in seconds', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const { observer } = openTelemetry({ meter: provider.getMeter('inmesh') });
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
      'server.port': 9080,
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

test('a call is one client span in its own trace, with the times that it had', async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const clock = createFakeClock();
  const { observer } = openTelemetry({ tracer: provider.getTracer('inmesh'), clock });
  observer?.callEnded?.(endedCall({ status: 503, attempts: 3 }));
  observer?.callEnded?.(endedCall({ traceId: '', spanId: '' }));
  const [failed, good] = exporter.getFinishedSpans();
  expect(failed?.name).toBe('GET');
  expect(failed?.spanContext().traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  expect(failed?.attributes).toMatchObject({ 'inmesh.attempts': 3, 'error.type': '503' });
  expect(failed?.status.code).toBe(2);
  expect(failed?.startTime).toEqual([Date.UTC(2026, 0, 1) / 1_000 + 1, 0]);
  expect(failed?.duration).toEqual([0, 3_000_000]);
  expect(good?.status.code).toBe(0);
  expect(good?.spanContext().traceId).toMatch(/^[0-9a-f]{32}$/);
  await provider.shutdown();
});

test('without meter and tracer it is refused', () => {
  expect(() => openTelemetry({})).toThrow('pass a meter, a tracer, or both');
});

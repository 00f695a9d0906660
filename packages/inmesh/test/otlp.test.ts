import { accessLog } from '@inmesh/metrics';
import { openTelemetry, openTelemetryLogger, spanIds } from '@inmesh/metrics/opentelemetry';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Mesh, MeshOptions } from 'inmesh';
import { configured, join, onEnd, post, quick, startRegistry } from './support/in-mesh.ts';
import {
  type CollectedSpan,
  type OtlpCollector,
  startOtlpCollector,
} from './support/otlp-collector.ts';

const kinds = ['', 'internal', 'server', 'client'];

/** As `NodeSDK` and `provider.register` do it. */
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

/** A service with an OpenTelemetry SDK of its own, as an application sets it up. */
async function observed(
  collector: OtlpCollector,
  options: MeshOptions,
): Promise<{ mesh: Mesh; tracers: BasicTracerProvider; flush: () => Promise<void> }> {
  const ids = spanIds();
  const tracers = new BasicTracerProvider({
    idGenerator: ids,
    spanProcessors: [
      new BatchSpanProcessor(new OTLPTraceExporter({ url: `${collector.url}/v1/traces` })),
    ],
  });
  const meters = new MeterProvider({
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `${collector.url}/v1/metrics` }),
        exportIntervalMillis: 3_600_000,
      }),
    ],
  });
  const loggers = new LoggerProvider({
    processors: [
      new BatchLogRecordProcessor({
        exporter: new OTLPLogExporter({ url: `${collector.url}/v1/logs` }),
      }),
    ],
  });
  const mesh = await join({
    ...options,
    adapters: [
      ...openTelemetry({
        tracer: tracers.getTracer('inmesh'),
        meter: meters.getMeter('inmesh'),
        ids,
      }),
      accessLog({ name: 'otel', logger: openTelemetryLogger(loggers.getLogger('inmesh')) }),
    ],
  });
  const flush = async (): Promise<void> => {
    await mesh.close();
    await Promise.all([tracers.shutdown(), meters.shutdown(), loggers.shutdown()]);
  };
  onEnd(flush);
  return { mesh, tracers, flush };
}

test('spans, metrics and logs arrive at a collector as OTLP, and spans nest across services', async () => {
  const collector = await startOtlpCollector();
  const { url } = await startRegistry();
  let tries = 0;
  const { mesh: reviews, flush: flushReviews } = await observed(collector, {
    service: 'reviews',
    version: 'v1',
    registry: url,
  });
  await reviews.listen((_request, response) => {
    tries += 1;
    response.writeHead(tries === 1 ? 503 : 200).end();
  }, quick);
  const { mesh: page, flush: flushPage } = await observed(collector, {
    service: 'page',
    registry: url,
  });
  await page.listen(async (_request, response) => {
    await page.request('http://reviews/reviews/7?token=secret');
    response.end();
  }, quick);
  const { mesh: visitor, flush: flushVisitor } = await observed(collector, {
    service: 'visitor',
    registry: url,
    samplingRatio: 1,
  });
  await visitor.request('http://page/');
  // What serves hears of a request's end a moment after its caller, and before its mesh has closed.
  for (const flush of [flushVisitor, flushPage, flushReviews]) await flush();

  const tree = drawTree(collector.spans);
  expect(tree).toEqual([
    'internal GET page.default 200',
    '  client GET 200',
    '    server GET 200',
    '      internal GET reviews.default 200',
    '        client GET 503 error',
    '          server GET 503 error',
    '        client GET 200',
    '          server GET 200',
  ]);
  const resent = collector.spans.find(
    ({ attributes }) => 'http.request.resend_count' in attributes,
  );
  expect(resent?.attributes).toMatchObject({
    'http.request.resend_count': 1,
    'server.address': 'reviews.default',
    'server.port': 80,
    'url.full': 'http://reviews/reviews/7',
    'network.peer.address': '127.0.0.1',
    'inmesh.version': 'v1',
  });
  expect(JSON.stringify(collector.spans)).not.toContain('secret');

  const calls = collector.metrics.filter(({ name }) => name === 'http.client.request.duration');
  expect(calls.map(({ unit }) => unit)).toContain('s');
  expect(calls.flatMap(({ points }) => points).reduce((sum, { count }) => sum + count, 0)).toBe(3);
  const log = collector.logs.find(({ attributes }) => attributes.service === 'reviews.default');
  expect(log).toMatchObject({
    body: 'call',
    severityNumber: 9,
    traceId: collector.spans[0]?.traceId,
    attributes: { attempts: 2, path: '/reviews/7', status: 200 },
  });
});

test("the application's own spans hang in the tree: below the request that they serve, above the calls made in them", async () => {
  const collector = await startOtlpCollector();
  const { url } = await startRegistry();
  const reviews = await observed(collector, { service: 'reviews', registry: url });
  await reviews.mesh.listen((_request, response) => response.end(), quick);
  const page = await observed(collector, { service: 'page', registry: url });
  const tracer = page.tracers.getTracer('app');
  await page.mesh.listen((request, response) => {
    request.resume();
    // As a body parser: what goes on here was started by an event of the socket's.
    request.on('end', () => {
      void tracer.startActiveSpan('render', async (span) => {
        await page.mesh.request('http://reviews/');
        span.end();
        response.end();
      });
    });
  }, quick);
  const visitor = await observed(collector, {
    service: 'visitor',
    registry: url,
    samplingRatio: 1,
  });
  await visitor.tracers.getTracer('app').startActiveSpan('visit', async (span) => {
    await visitor.mesh.request('http://page/', { method: 'POST', body: '{}' });
    span.end();
  });
  for (const { flush } of [visitor, page, reviews]) await flush();
  expect(drawTree(collector.spans)).toEqual([
    'internal visit undefined',
    '  internal POST page.default 200',
    '    client POST 200',
    '      server POST 200',
    '        internal render undefined',
    '          internal GET reviews.default 200',
    '            client GET 200',
    '              server GET 200',
  ]);
});

test('what a handler starts for a request that is not sampled is not sampled either', async () => {
  const collector = await startOtlpCollector();
  const { url } = await startRegistry();
  const page = await observed(collector, { service: 'page', registry: url });
  const tracer = page.tracers.getTracer('app');
  let sampled: boolean | undefined;
  await page.mesh.listen((_request, response) => {
    tracer.startActiveSpan('render', (span) => {
      sampled = span.isRecording();
      span.end();
      response.end();
    });
  }, quick);
  const visitor = await observed(collector, { service: 'visitor', registry: url });
  await visitor.mesh.request('http://page/');
  for (const { flush } of [visitor, page]) await flush();
  expect([sampled, collector.spans]).toEqual([false, []]);
});

test("a Telemetry resource changes the attributes of OpenTelemetry's metrics", async () => {
  const collector = await startOtlpCollector();
  const { url } = await startRegistry();
  const reviews = await observed(collector, { service: 'reviews', version: 'v1', registry: url });
  await reviews.mesh.listen((_request, response) => response.end(), quick);
  const shop = await observed(collector, { service: 'shop', registry: url });
  const tagOverrides = {
    tenant: {
      value: "request.headers['x-tenant'] in ['a'] ? request.headers['x-tenant'] : 'other'",
    },
    callee: { value: 'upstream_peer.version' },
    'network.protocol.version': { operation: 'REMOVE' as const },
  };
  const { revision } = await post(url, {
    kind: 'Telemetry',
    metadata: { name: 'tags' },
    spec: { metrics: [{ overrides: [{ tagOverrides }] }] },
  });
  for (const { mesh } of [reviews, shop]) await configured(mesh, revision);
  for (const tenant of ['a', 'b', 'c']) {
    await shop.mesh.request('http://reviews/', { headers: { 'x-tenant': tenant } });
  }
  for (const { flush } of [shop, reviews]) await flush();
  const points = (name: string): readonly (readonly unknown[])[] =>
    collector.metrics
      .filter((metric) => metric.name === name)
      .flatMap((metric) => metric.points)
      .map(({ attributes, count }) => [
        attributes.tenant,
        attributes.callee,
        'network.protocol.version' in attributes,
        count,
      ]);
  const expected = [
    ['a', 'v1', false, 1],
    ['other', 'v1', false, 2],
  ];
  expect(points('http.client.request.duration')).toEqual(expected);
  expect(points('http.server.request.duration')).toEqual(expected);
});

/** Below each span its children, in the order of their ends. */
function drawTree(spans: readonly CollectedSpan[], parent = '', indent = ''): string[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  return spans
    .filter(({ parentSpanId }) =>
      parent === '' ? !known.has(parentSpanId) : parentSpanId === parent,
    )
    .flatMap(({ spanId, kind, name, attributes, isError }) => [
      `${indent}${kinds[kind]} ${name} ${attributes['http.response.status_code']}${isError ? ' error' : ''}`,
      ...drawTree(spans, spanId, `${indent}  `),
    ]);
}

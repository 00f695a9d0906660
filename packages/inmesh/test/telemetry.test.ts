import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import type { ResourceInput } from '@inmesh/config';
import { accessLog, type TelemetryAdapter } from '@inmesh/metrics';
import { eventually, recordingObserver } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import type { Mesh, MeshOptions } from 'inmesh';
import { configured, join, onEnd, post, quick, serve, startRegistry } from './support/in-mesh.ts';

type TelemetryInput = Extract<ResourceInput, { kind: 'Telemetry' }>;

function telemetry(
  name: string,
  spec: TelemetryInput['spec'],
  namespace = 'default',
): TelemetryInput {
  return { kind: 'Telemetry', metadata: { name, namespace }, spec };
}

/** A mesh with one service to call. */
async function shopWith(options: Partial<MeshOptions> = {}): Promise<{ shop: Mesh; url: string }> {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  return { url, shop: await join({ service: 'shop', version: 'v3', registry: url, ...options }) };
}

async function scrape(mesh: Mesh): Promise<string> {
  const server = createServer(mesh.metricsHandler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const samples = (text: string, name: string): string[] =>
  text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));

test('labels follow the resources of mesh, namespace and workload, live', async () => {
  const { shop, url } = await shopWith();
  await shop.request('http://reviews/ratings/7');
  const [plain] = samples(await scrape(shop), 'istio_requests_total');
  expect(plain).toContain('source_principal="unknown"');
  expect(plain).not.toContain('request_method');

  const { revision } = await post(
    url,
    telemetry(
      'mesh',
      {
        metrics: [
          {
            overrides: [
              {
                tagOverrides: {
                  request_method: { value: 'request.method' },
                  team: { value: '"all"' },
                },
              },
              { match: { metric: 'REQUEST_SIZE' }, disabled: true },
            ],
          },
        ],
      },
      'istio-system',
    ),
    telemetry('namespace', {
      metrics: [{ overrides: [{ tagOverrides: { source_principal: { operation: 'REMOVE' } } }] }],
    }),
    telemetry('shop', {
      selector: { matchLabels: { version: 'v3' } },
      metrics: [
        { overrides: [{ match: { mode: 'CLIENT' }, tagOverrides: { team: { value: '"shop"' } } }] },
      ],
    }),
  );
  await configured(shop, revision);
  const changed = await scrape(shop);
  const [overridden] = samples(changed, 'istio_requests_total');
  expect(overridden).toContain('request_method="GET"');
  expect(overridden).toContain('team="shop"');
  expect(overridden).not.toContain('source_principal');
  expect(samples(changed, 'istio_request_bytes_count')).toEqual([]);
  expect(samples(changed, 'istio_response_bytes_count')).toHaveLength(1);
});

test('labels may be made of headers, and of the hosts that a service is known by', async () => {
  const { url } = await startRegistry();
  const reviews = await join({ service: 'reviews', version: 'v1', registry: url });
  const server = await reviews.listen((_request, response) => response.end(), quick);
  const { revision } = await post(
    url,
    telemetry('all', {
      metrics: [
        {
          overrides: [
            {
              match: { metric: 'REQUEST_COUNT', mode: 'SERVER' },
              tagOverrides: {
                tenant: { value: "request.headers['x-tenant']" },
                host: { value: 'request.host' },
              },
            },
          ],
        },
      ],
    }),
  );
  await configured(reviews, revision);
  const shop = await join({ service: 'shop', registry: url });
  await shop.request('http://reviews.default/', { headers: { 'x-tenant': 'a' } });
  await shop.request('http://reviews.default/', { headers: { 'x-tenant': 'a' } });
  await fetch(server.url, { headers: { 'x-tenant': 'b' } });
  await eventually(async () => samples(await scrape(reviews), 'istio_requests_total').length === 2);
  const counted = samples(await scrape(reviews), 'istio_requests_total').map((line) =>
    ['tenant', 'host'].map((name) => new RegExp(`${name}="([^"]*)"`).exec(line)?.[1]),
  );
  expect(counted).toEqual([
    ['a', 'reviews.default'],
    ['b', 'unknown'],
  ]);
  const sizes = samples(await scrape(reviews), 'istio_request_bytes_count');
  expect(sizes.join()).not.toContain('tenant');
});

test('providers say which adapters get the metrics, and Prometheus is one of them', async () => {
  const { shop, url } = await shopWith();
  await shop.request('http://reviews/');
  const { revision } = await post(
    url,
    telemetry('all', { metrics: [{ providers: [{ name: 'statsd' }] }] }),
  );
  await configured(shop, revision);
  const text = await scrape(shop);
  expect(samples(text, 'istio_requests_total')).toEqual([]);
  expect(samples(text, 'inmesh_attempts_total')).toHaveLength(1);
});

test('access logs go by filter, side and provider', async () => {
  const lines: Record<string, unknown>[] = [];
  const write = (fields: Readonly<Record<string, unknown>>): void => void lines.push(fields);
  const logger = { debug: write, info: write, warn: write, error: write };
  const { shop, url } = await shopWith({ adapters: [accessLog({ logger })] });
  const call = (path: string, headers: Record<string, string> = {}): Promise<unknown> =>
    shop.request(`http://reviews${path}`, { headers });
  const apply = async (accessLogging: TelemetryInput['spec']['accessLogging']): Promise<void> => {
    await configured(
      shop,
      (await post(url, telemetry('all', { accessLogging: accessLogging ?? [] }))).revision,
    );
    lines.length = 0;
  };
  await call('/first');
  expect(lines.map(({ path }) => path)).toEqual(['/first']);

  const expression =
    "request.url_path.startsWith('/a') && !('x-probe' in request.headers) && downstream_peer.app == 'shop'";
  await apply([{ providers: [{ name: 'envoy' }], filter: { expression } }]);
  await call('/a?token=1');
  await call('/a', { 'X-Probe': '1' });
  await call('/b');
  expect(lines.map(({ path }) => path)).toEqual(['/a']);

  await apply([
    { match: { mode: 'SERVER' }, disabled: false },
    { match: { mode: 'CLIENT' }, disabled: true },
  ]);
  await call('/a');
  expect(lines).toEqual([]);
  await apply([{ providers: [{ name: 'another' }] }]);
  await call('/a');
  expect(lines).toEqual([]);
});

test('tracing resources say how much is sampled, whether it is passed on and whether spans are made', async () => {
  const { url } = await startRegistry();
  const seen: Record<string, unknown>[] = [];
  await serve(url, 'reviews', 'v1', (request, response) => {
    seen.push(request.headers);
    response.end();
  });
  const observer = recordingObserver();
  const spans: TelemetryAdapter = { name: 'spans', signal: 'traces', observer: {} };
  const shop = await join({
    service: 'shop',
    registry: url,
    observers: [observer],
    adapters: [spans],
    propagation: ['w3c', 'b3'],
  });
  const apply = async (tracing: TelemetryInput['spec']['tracing']): Promise<void> => {
    await configured(
      shop,
      (await post(url, telemetry('all', { tracing: tracing ?? [] }))).revision,
    );
    seen.length = 0;
    observer.clear();
    await shop.request('http://reviews/');
  };
  await apply([]);
  expect(seen[0]?.traceparent).toMatch(/-00$/);
  expect(seen[0]?.b3).toMatch(/-0$/);
  expect(observer.calls[0]).toMatchObject({ sampled: false });
  await apply([{ randomSamplingPercentage: 100 }]);
  expect(seen[0]?.traceparent).toMatch(/-01$/);
  expect(seen[0]?.b3).toMatch(/-1-[0-9a-f]{16}$/);
  expect(observer.attempts[0]?.spanId).not.toBe(observer.calls[0]?.spanId);
  await apply([{ randomSamplingPercentage: 100, disableSpanReporting: true }]);
  expect(observer.attempts[0]?.spanId).toBe(observer.calls[0]?.spanId);
  await apply([{ disableContextPropagation: true }]);
  expect(seen[0]).not.toHaveProperty('traceparent');
  expect(seen[0]).not.toHaveProperty('b3');
});

test('the environment alone switches on a log file and a port for Prometheus and Hystrix', async () => {
  const folder = mkdtempSync(joinPath(tmpdir(), 'inmesh-telemetry-'));
  onEnd(async () => rmSync(folder, { recursive: true }));
  const file = joinPath(folder, 'access.jsonl');
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  Object.assign(process.env, { INMESH_ACCESS_LOG_FILE: file, INMESH_METRICS_PORT: '0' });
  try {
    const shop = await join({ service: 'shop', registry: url });
    await shop.request('http://reviews/ratings/7');
    await shop.command('stock', async (book: string) => book).execute('7');
    const { adapters, metricsUrl } = shop.inspect().telemetry;
    expect(adapters).toContainEqual({ name: 'access-log', signal: 'logs' });
    const text = await (await fetch(`${metricsUrl}/metrics`)).text();
    expect(samples(text, 'inmesh_pool_connections')).toEqual([
      'inmesh_pool_connections{destination_service="reviews.default.svc.cluster.local"} 1',
    ]);
    expect((await fetch(`${metricsUrl}/secrets`)).status).toBe(404);
    expect((await fetch(`${metricsUrl}/metrics`, { method: 'POST' })).status).toBe(405);
    const stream = await fetch(`${metricsUrl}/hystrix.stream`);
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    const commands = Buffer.from(value as Uint8Array).toString();
    expect(commands).toContain('"name":"reviews.default:v1"');
    expect(commands).toContain('"name":"stock","group":"commands"');
    await shop.close();
    await reader.cancel().catch(() => {});
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      msg: 'call',
      path: '/ratings/7',
    });
  } finally {
    delete process.env.INMESH_ACCESS_LOG_FILE;
    delete process.env.INMESH_METRICS_PORT;
  }
});

test('a metrics port that is taken stops the start, and leaves nothing open', async () => {
  const { shop, url } = await shopWith({ metrics: { port: 0 } });
  const taken = Number(new URL(shop.inspect().telemetry.metricsUrl as string).port);
  const second = join({ service: 'shop', registry: url, metrics: { port: taken } });
  await expect(second).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('metrics.port'),
  });
});

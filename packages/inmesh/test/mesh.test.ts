import { createServer, type IncomingMessage } from 'node:http';
import { createRegistryServer, type RegistryServer } from '@inmesh/registry-server';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import express from 'express';
import Fastify from 'fastify';
import { createMesh, type Mesh, type MeshOptions } from 'inmesh';
import { meshAxios } from 'inmesh/axios';
import { meshExpress } from 'inmesh/express';
import { meshFastify } from 'inmesh/fastify';
import { fetch as undiciFetch } from 'undici';

let registry: RegistryServer;
let url: string;
const meshes: Mesh[] = [];

beforeEach(async () => {
  registry = createRegistryServer({ port: 0, settleMs: 0 });
  ({ url } = await registry.listen());
});

afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.close()));
  await registry.close();
});

async function join(options: MeshOptions): Promise<Mesh> {
  const mesh = await createMesh({ registry: url, snapshotFile: false, ...options });
  meshes.push(mesh);
  return mesh;
}

/** No signal handlers and no waiting in tests. */
const quick = { drainOn: [], propagationMs: 0 } as const;

const text = async (request: IncomingMessage): Promise<string> => {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
};

test('every face finds a service by its name, and the Host header is that name', async () => {
  const reviews = await join({ service: 'reviews', version: 'v1' });
  await reviews.listen(
    createServer(async (request, response) => {
      response.end(
        `${request.method} ${request.url} ${request.headers.host} ${await text(request)}`,
      );
    }),
    quick,
  );
  const shop = await join({ service: 'shop' });
  const wrapped = shop.wrapFetch(globalThis.fetch);

  expect(await (await shop.fetch('http://reviews/a?b=1')).text()).toBe('GET /a?b=1 reviews ');
  expect(await (await wrapped('http://reviews.default/a')).text()).toBe('GET /a reviews.default ');
  expect(
    (await shop.request('http://reviews/x', { method: 'POST', body: 'hello' })).body.toString(),
  ).toBe('POST /x reviews hello');
  expect((await meshAxios(shop).post('http://reviews/y', { one: 1 })).data).toBe(
    'POST /y reviews {"one":1}',
  );
  const byDispatcher = await undiciFetch('http://reviews/z', { dispatcher: shop.dispatcher });
  expect(await byDispatcher.text()).toBe('GET /z reviews ');
});

test('trace, deadline and identity slots pass through an Express and a Fastify service', async () => {
  const ratings = await join({ service: 'ratings' });
  await ratings.listen(
    createServer((request, response) => {
      response.end(JSON.stringify(request.headers));
    }),
    quick,
  );
  const reviews = await join({ service: 'reviews' });
  const fastify = Fastify();
  await fastify.register(meshFastify(reviews));
  fastify.get('/reviews/:id', async () => (await reviews.fetch('http://ratings/')).json());
  await reviews.listen(fastify, quick);
  const page = await join({ service: 'page' });
  const app = express();
  app.use(meshExpress(page));
  app.get('/page/:id', async (request, response) => {
    const answer = await page.fetch(`http://reviews/reviews/${request.params.id}`);
    response.json(await answer.json());
  });
  const { url: address } = await page.listen(app, quick);

  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const response = await fetch(`${address}/page/7`, {
    headers: {
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      'inmesh-timeout-ms': '3000',
      baggage: 'user=7',
    },
  });
  const seen = (await response.json()) as Record<string, string>;
  expect(seen.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  expect(seen.baggage).toBe('user=7');
  expect(Number(seen['inmesh-timeout-ms'])).toBeGreaterThan(0);
  expect(Number(seen['inmesh-timeout-ms'])).toBeLessThanOrEqual(3000);
  expect(seen['inmesh-peer']).toMatch(/^reviews\.default/);
  const routes = [...page.metrics.series()].map(({ labels }) => labels.route);
  expect(routes).toContain('/page/:id');
});

test('a name that only the mesh can have fails closed when nobody registered it', async () => {
  const shop = await join({ service: 'shop' });
  await expect(shop.fetch('http://nobody/')).rejects.toMatchObject({
    code: 'unknown_service',
    service: 'nobody.default',
  });
  await expect(shop.fetch('http://nobody.default.svc.cluster.local/')).rejects.toMatchObject({
    code: 'unknown_service',
  });
  const wrapped = shop.wrapFetch(() => Promise.reject(new Error('reached the outside')));
  await expect(wrapped('http://nobody/')).rejects.toMatchObject({ code: 'unknown_service' });
});

test('endpoints that come and go are told as events and in inspect()', async () => {
  const reviews = await join({ service: 'reviews', version: 'v2' });
  const shop = await join({ service: 'shop' });
  const told: string[] = [];
  shop.events.on('endpoint-added', ({ endpoint }) => {
    told.push(`added ${endpoint.service}`);
    throw new Error('a listener that throws disturbs nobody');
  });
  shop.events.on('endpoint-added', () => told.push('the second listener hears it too'));
  const removed = new Promise<void>((resolve) => {
    shop.events.on('endpoint-removed', ({ endpoint }) => {
      told.push(`removed ${endpoint.service}`);
      resolve();
    });
  });
  const server = await reviews.listen((_request, response) => response.end('ok'), quick);
  await shop.ready('reviews');
  expect((await shop.request('http://reviews/')).status).toBe(200);
  expect(shop.inspect()).toMatchObject({
    registry: { kind: 'connected' },
    services: [
      {
        service: 'reviews.default',
        endpoints: [{ id: server.endpointId, status: 'up', ejected: false }],
      },
    ],
  });
  await server.close();
  await removed;
  expect(told).toEqual([
    'added reviews.default',
    'the second listener hears it too',
    'removed reviews.default',
  ]);
});

test('a mesh without a registry works on a fixed list, and listens without registering', async () => {
  const reviews = await createMesh({ service: 'reviews', endpoints: {} });
  meshes.push(reviews);
  const { port, endpointId } = await reviews.listen(
    (_request, response) => response.end('fixed'),
    quick,
  );
  expect(endpointId).toBe('');
  const shop = await createMesh({ service: 'shop', endpoints: { reviews: [{ port }] } });
  meshes.push(shop);
  expect((await shop.request('http://reviews/')).body.toString()).toBe('fixed');
});

test('fixed endpoints win over the registry, which still serves the others', async () => {
  const fixed = createServer((_request, response) => response.end('fixed'));
  await new Promise<void>((resolve) => fixed.listen(0, '127.0.0.1', resolve));
  const { port } = fixed.address() as { port: number };
  const reviews = await join({ service: 'reviews' });
  await reviews.listen((_request, response) => response.end('registered'), quick);
  const ratings = await join({ service: 'ratings' });
  await ratings.listen((_request, response) => response.end('stars'), quick);
  const shop = await join({ service: 'shop', endpoints: { reviews: [{ port }] } });
  expect((await shop.request('http://reviews/')).body.toString()).toBe('fixed');
  expect((await shop.request('http://ratings/')).body.toString()).toBe('stars');
  await new Promise((resolve) => {
    fixed.close(resolve);
    fixed.closeAllConnections();
  });
});

test('metrics of both sides are served to Prometheus', async () => {
  const reviews = await join({ service: 'reviews', version: 'v1' });
  await reviews.listen((_request, response) => response.end('ok'), quick);
  const shop = await join({ service: 'shop' });
  const { url: address } = await shop.listen(shop.metricsHandler, quick);
  await shop.request('http://reviews/');
  const scrape = await fetch(`${address}/metrics`);
  expect(scrape.headers.get('content-type')).toContain('text/plain');
  const body = await scrape.text();
  expect(body).toContain('istio_requests_total{reporter="source"');
  expect(body).toContain('destination_service="reviews.default.svc.cluster.local"');
});

test('the registry probes /healthz when asked, and the mesh answers it', async () => {
  const reviews = await join({ service: 'reviews' });
  const { url: address } = await reviews.listen(
    (_request, response) => response.writeHead(404).end(),
    { ...quick, probe: '/healthz' },
  );
  const health = await fetch(`${address}/healthz`);
  expect([health.status, await health.json()]).toEqual([200, { status: 'serving' }]);
  expect((await fetch(`${address}/other`)).status).toBe(404);
});

test.each<[string, Parameters<Mesh['listen']>]>([
  ['something that cannot serve', [{} as never]],
  ['a port that is none', [() => {}, { port: 65_536 }]],
  ['a name instead of an address', [() => {}, { advertise: 'reviews.internal' }]],
  ['a misspelt option', [() => {}, { prot: 1 } as never]],
])('listen refuses %s', async (_what, parameters) => {
  const mesh = await join({ service: 'reviews' });
  await expect(mesh.listen(...parameters)).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('what cannot be served is refused, and nothing is registered or left listening', async () => {
  const mesh = await join({ service: 'orders' });
  for (const app of [null, {}, 'app']) {
    await expect(mesh.listen(app as never, quick)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  }
  for (const advertise of ['0.0.0.0', '::', '169.254.169.254', 'fe80::1', 'example.com']) {
    const server = createServer();
    await expect(mesh.listen(server, { ...quick, advertise })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    expect(server.listening).toBe(false);
  }
  expect(registry.status()).toMatchObject({ registrations: 0, services: 0 });
  expect(mesh.inspect().servers).toEqual([]);
});

test('what begins to listen while the mesh closes is closed too', async () => {
  const mesh = await createMesh({ service: 'orders', endpoints: {} });
  const server = createServer();
  const listening = mesh.listen(server, quick);
  await Promise.all([mesh.close(), expect(listening).rejects.toMatchObject({ code: 'closed' })]);
  expect(server.listening).toBe(false);
});

test('nothing is started after close', async () => {
  const mesh = await join({ service: 'reviews' });
  await mesh.close();
  await mesh.close();
  await expect(mesh.listen(() => {})).rejects.toMatchObject({ code: 'closed' });
  await expect(mesh.request('http://reviews/')).rejects.toMatchObject({ code: 'closed' });
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import {
  batch,
  callService,
  createMesh,
  critical,
  fallbackValue,
  interactive,
  type Mesh,
  respondWith,
} from 'inmesh';
import { configured, join, post, quick, serve, startRegistry } from './support/in-mesh.ts';

/** What Prometheus would read. */
async function metricsOf(mesh: Mesh): Promise<string> {
  const server = createServer(mesh.metricsHandler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    return await (await fetch(`http://127.0.0.1:${port}`)).text();
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

test('a call that fails for good gets the fallback of its service, by its short name', async () => {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1', (_request, response) => response.writeHead(500).end());
  await serve(url, 'archive', 'v1');
  const shop = await join({
    service: 'shop',
    registry: url,
    fallbacks: {
      reviews: [callService('archive')],
      ratings: respondWith({ body: '[]' }),
    },
  });
  await shop.ready('reviews', 'archive');
  const answer = await shop.fetch('http://reviews/');
  expect([await answer.text(), answer.headers.get('inmesh-fallback')]).toEqual(['v1', 'service']);
  expect(await (await shop.fetch('http://ratings/')).text()).toBe('[]');
});

test('a fallback for what is no service is refused at the start', async () => {
  await expect(
    createMesh({ service: 'shop', fallbacks: { 'not a name': respondWith({ body: '' }) } }),
  ).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('a command is run, shown, and closed with the mesh', async () => {
  const { url } = await startRegistry();
  const shop = await join({ service: 'shop', registry: url });
  const stock = shop.command(
    'stock',
    async (id: string) => {
      if (id === '0') throw new Error('no such book');
      return 7;
    },
    { fallback: fallbackValue(0) },
  );
  expect([await stock.execute('1'), await stock.execute('0')]).toEqual([7, 0]);
  expect(shop.inspect().commands).toMatchObject([
    { name: 'stock', breaker: 'closed', window: { runs: 2, failures: 1, fallbacks: 1 } },
  ]);
  await shop.close();
  await expect(stock.execute('1')).rejects.toMatchObject({ code: 'closed' });
});

test('a service sheds beyond its limit, batch work first, and says when to come back', async () => {
  const { url } = await startRegistry();
  const waiting: (() => void)[] = [];
  const reviews = await join({ service: 'reviews', registry: url, shed: { maxInFlight: 2 } });
  await reviews.listen((_request, response) => void waiting.push(() => response.end()), quick);
  const shop = await join({ service: 'shop', registry: url, retry: { maxRetries: 0 } });
  await shop.ready('reviews');
  const first = shop.request('http://reviews/');
  await eventually(() => waiting.length === 1);
  const shed = await shop.fetch('http://reviews/', { mesh: { priority: 'batch' } });
  expect([shed.status, shed.headers.get('retry-after')]).toEqual([503, '1']);
  expect(reviews.inspect().inbound).toMatchObject({
    requestsInFlight: 1,
    shed: { limit: 2, inFlight: 1, shed: { inFlight: 1, eventLoopDelay: 0 } },
    rateLimit: undefined,
  });
  expect(await metricsOf(reviews)).toContain('inmesh_shed_requests_total{reason="in_flight"} 1');
  const second = shop.request('http://reviews/', { priority: 'critical' });
  await eventually(() => waiting.length === 2);
  for (const answer of waiting) answer();
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
});

test('a caller above its rate gets 429, each for itself', async () => {
  const { url } = await startRegistry();
  const reviews = await join({
    service: 'reviews',
    registry: url,
    rateLimit: { perSecond: 0.001, burst: 2, key: ({ request }) => request.url },
  });
  await reviews.listen((_request, response) => response.end(), quick);
  const shop = await join({ service: 'shop', registry: url });
  await shop.ready('reviews');
  const status = async (path: string) => (await shop.request(`http://reviews${path}`)).status;
  expect([await status('/a'), await status('/a'), await status('/a')]).toEqual([200, 200, 429]);
  expect(await status('/b')).toBe(200);
  expect(reviews.inspect().inbound.rateLimit).toMatchObject({ keys: 2, refused: 1 });
  const shown = await metricsOf(reviews);
  expect(shown).toContain('inmesh_rate_limit_keys 2');
  expect(shown).toContain('inmesh_rate_limited_requests_total 1');
});

test('calls of one inbound request share an answer where they are told to, and those of two never', async () => {
  const { url } = await startRegistry();
  let asked = 0;
  await serve(url, 'reviews', 'v1', (_request, response) => {
    asked += 1;
    response.end(`answer ${asked}`);
  });
  const shop = await join({ service: 'shop', registry: url, requestCache: { reviews: {} } });
  const { url: shopUrl } = await shop.listen(async (_request, response) => {
    const ask = async () => (await shop.request('http://reviews/7')).text();
    response.end([...(await Promise.all([ask(), ask()])), await ask()].join(', '));
  }, quick);
  await shop.ready('reviews');
  const page = async () => (await fetch(shopUrl)).text();
  expect(await page()).toBe('answer 1, answer 1, answer 1');
  expect(await page()).toBe('answer 2, answer 2, answer 2');
  const answered =
    'inmesh_shared_answers_total{destination_service="reviews.default.svc.cluster.local"} 4';
  expect(await metricsOf(shop)).toContain(answered);
});

test('keys that one inbound request asks for are asked for together', async () => {
  const { url } = await startRegistry();
  const shop = await join({ service: 'shop', registry: url });
  const prices = shop.collapser<string, number>('prices', (ids) => ids.map((id) => id.length));
  const { url: shopUrl } = await shop.listen(async (_request, response) => {
    const answers = await Promise.all(['a', 'bc'].map((id) => prices.execute(id)));
    response.end(answers.join(' '));
  }, quick);
  expect(await (await fetch(shopUrl)).text()).toBe('1 2');
  expect(shop.inspect().commands).toMatchObject([{ name: 'prices', window: { runs: 1 } }]);
  expect(await metricsOf(shop)).toContain('inmesh_shared_answers_total{command="prices"} 1');
});

test('a breaker can be held by hand, and metrics and inspect show who holds it', async () => {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  const shop = await join({
    service: 'shop',
    registry: url,
    fallbacks: { reviews: respondWith({ body: 'instead' }) },
  });
  shop.forceBreaker('reviews', 'open');
  expect((await shop.request('http://reviews/')).text()).toBe('instead');
  expect(shop.inspect().forcedBreakers).toHaveLength(1);
  const held =
    'inmesh_breaker_forced{destination_service="reviews.default.svc.cluster.local",subset="all",state="open"} 1';
  expect(await metricsOf(shop)).toContain(held);
  shop.forceBreaker('reviews', undefined);
  expect((await shop.request('http://reviews/')).text()).toBe('v1');
  expect(shop.inspect().forcedBreakers).toEqual([]);
});

test.each([
  ['interactive', interactive],
  ['batch', batch],
  ['critical', critical],
])('the preset %s is options of createMesh too', async (name, preset) => {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  const shop = await join({ service: 'shop', registry: url, ...preset });
  await shop.request('http://reviews/');
  const [destination] = shop.inspect().services[0]?.destinations ?? [];
  expect(destination?.hedging !== undefined).toBe(name !== 'batch');
  expect(destination?.adaptiveLimit !== undefined).toBe(name === 'batch');
  const shown = await metricsOf(shop);
  expect(shown.includes('inmesh_hedge_budget_remaining')).toBe(name !== 'batch');
  expect(shown.includes('inmesh_adaptive_limit')).toBe(name === 'batch');
});

test('contradictory options are refused with both values, whatever part they are for', async () => {
  const refused = (options: object) =>
    createMesh({ service: 'shop', registry: 'http://127.0.0.1:1', ...options }).then(
      () => 'taken',
      ({ message }: Error) => message,
    );
  expect(await refused({ timeoutMs: 100, retry: { perTryTimeoutMs: 500 } })).toBe(
    'retry.perTryTimeoutMs must be at most timeoutMs (100), got 500',
  );
  expect(await refused({ shed: { maxInFlight: 0 } })).toMatch(/shed.maxInFlight .* got 0/);
  expect(await refused({ hedge: { maxRatio: 1.5 } })).toMatch(/hedge.maxRatio .* got 1.5/);
  expect(await refused({ rateLimit: { perSecond: -1 } })).toMatch(/perSecond .* got -1/);
  expect(await refused({ silence: { latencyFactor: 0.5 } })).toMatch(/latencyFactor .* got 0.5/);
});

test('with an aperture each process uses its own part of a large service, by its place among its peers', async () => {
  const { url } = await startRegistry();
  const ports = Array.from({ length: 12 }, (_, i) => ({ port: 1 + i }));
  const callers = await Promise.all(
    [1, 2, 3].map(async () => {
      const shop = await join({
        service: 'shop',
        registry: url,
        endpoints: { reviews: ports },
        aperture: { endpoints: 4 },
        retry: { maxRetries: 0 },
        breaker: null,
        outlier: null,
      });
      await shop.listen((_request, response) => response.end(), quick);
      return shop;
    }),
  );
  // Its own service is followed for the seat; asked for, it shows when all three are known.
  await Promise.all(callers.map((shop) => shop.ready('shop')));
  await eventually(() =>
    callers.every((shop) => shop.inspect().services[0]?.endpoints.length === 3),
  );
  const parts = await Promise.all(
    callers.map(async (shop) => {
      const tried = new Set<string>();
      for (let i = 0; i < 60; i += 1) {
        await shop.request('http://reviews/').catch(({ endpoint }) => tried.add(endpoint));
      }
      return [...tried];
    }),
  );
  expect(parts.map(({ length }) => length)).toEqual([4, 4, 4]);
  expect(new Set(parts.flat()).size).toBe(12);
});

test('a rate limit is shared by all processes of a service, counted at the registry', async () => {
  const { url } = await startRegistry();
  for (const version of ['v1', 'v2']) {
    const reviews = await join({
      service: 'reviews',
      version,
      registry: url,
      rateLimit: { perSecond: 0.001, burst: 3, shared: true, key: () => 'jason' },
    });
    await reviews.listen((_request, response) => response.end(), quick);
  }
  const shop = await join({ service: 'shop', registry: url, balancer: { kind: 'round-robin' } });
  await shop.ready('reviews');
  await eventually(() => shop.inspect().services[0]?.endpoints.length === 2);
  const statuses: number[] = [];
  for (let i = 0; i < 6; i += 1) {
    statuses.push((await shop.request('http://reviews/', { maxRetries: 0 })).status);
  }
  expect(statuses).toEqual([200, 200, 200, 429, 429, 429]);
});

test('a shared rate limit without a registry to count at is refused', async () => {
  const options = { service: 'shop', endpoints: {}, rateLimit: { perSecond: 1, shared: true } };
  await expect(createMesh(options)).rejects.toThrow('rateLimit.shared needs a registry');
});

test('a ResiliencePolicy that is applied changes what running processes do, over their own options', async () => {
  const { url } = await startRegistry();
  let asked = 0;
  await serve(url, 'reviews', 'v1', (_request, response) => {
    asked += 1;
    response.writeHead(500).end();
  });
  await serve(url, 'archive', 'v1');
  const shop = await join({
    service: 'shop',
    registry: url,
    fallbacks: { reviews: respondWith({ body: 'of the code' }) },
    outlier: null,
  });
  await shop.ready('reviews', 'archive');
  const { url: shopUrl } = await shop.listen(async (_request, response) => {
    const ask = async () => (await shop.request('http://reviews/')).text();
    response.end((await Promise.all([ask(), ask()])).join(', '));
  }, quick);
  const page = async () => (await fetch(shopUrl)).text();
  const apply = async (spec: object) => {
    const metadata = { name: 'reviews' };
    const resource = { apiVersion: 'inmesh.dev/v1', kind: 'ResiliencePolicy', metadata, spec };
    const { revision } = await post(url, resource as never);
    await configured(shop, revision);
  };
  expect([await page(), asked]).toEqual(['of the code, of the code', 2]);
  await apply({
    host: 'reviews',
    fallbacks: [{ service: { host: 'archive' } }],
    requestCache: {},
    hedge: { delay: '1s' },
    limit: {},
    throttle: {},
    off: ['breaker'],
  });
  expect([await page(), asked]).toEqual(['v1, v1', 3]);
  expect(
    shop.inspect().services.find(({ service }) => service === 'reviews.default'),
  ).toMatchObject({
    destinations: [
      { breaker: 'closed', hedging: undefined, adaptiveLimit: undefined },
      { breaker: 'off', hedging: { delayMs: 1_000 }, adaptiveLimit: 20 },
    ],
  });
  await apply({ host: 'reviews', off: ['fallbacks'] });
  expect(await page()).toBe(', ');
  expect((await shop.explain({ url: 'http://reviews/' })).text).toContain(
    'ResiliencePolicy/default/reviews',
  );
});

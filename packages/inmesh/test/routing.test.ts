import type { RequestListener } from 'node:http';
import { expect, test } from '@jest/globals';
import express from 'express';
import { meshAxios } from 'inmesh/axios';
import { meshExpress } from 'inmesh/express';
import { allTo, configured, join, post, quick, serve, startRegistry } from './support/in-mesh.ts';

/** Sends half to each version, by the header. */
function split(service: string): Parameters<typeof post>[1][] {
  return [
    {
      kind: 'VirtualService',
      metadata: { name: service, annotations: { 'inmesh.dev/sticky': 'header:user-id' } },
      spec: {
        hosts: [service],
        http: [
          {
            name: 'split',
            timeout: '2s',
            retries: { attempts: 1, retryOn: '5xx' },
            route: ['v1', 'v2'].map((subset) => ({
              destination: { host: service, subset },
              weight: 50,
            })),
          },
        ],
      },
    },
    {
      kind: 'DestinationRule',
      metadata: { name: service },
      spec: {
        host: service,
        subsets: ['v1', 'v2'].map((name) => ({ name, labels: { version: name } })),
      },
    },
  ];
}

test('a sticky key travels on, so that every hop behind an inbound request agrees', async () => {
  const { url } = await startRegistry();
  await serve(url, 'ratings', 'v1');
  await serve(url, 'ratings', 'v2');
  const { revision } = await post(url, ...split('ratings'));
  const page = await join({ service: 'page', registry: url });
  const app = express();
  app.use(meshExpress(page));
  app.get('/', async (_request, response) => {
    response.end(await (await page.fetch('http://ratings/')).text());
  });
  const { url: address } = await page.listen(app, quick);
  await configured(page, revision);
  const shop = await join({ service: 'shop', registry: url });
  const versions = new Set<string>();
  for (let user = 0; user < 20; user += 1) {
    const headers = { 'User-Id': `user-${user}` };
    const own = (await shop.request('http://ratings/', { headers })).text();
    const behind = await Promise.all(
      [0, 1, 2].map(async () => (await fetch(address, { headers })).text()),
    );
    expect(behind).toEqual([own, own, own]);
    versions.add(own);
  }
  expect([...versions].sort()).toEqual(['v1', 'v2']);
});

test('explain says the route, the endpoints that the subset leaves, the time-out and the retries', async () => {
  const { url } = await startRegistry();
  const v1 = await serve(url, 'reviews', 'v1');
  const v2 = await serve(url, 'reviews', 'v2');
  await post(url, ...split('reviews'));
  const shop = await join({ service: 'shop', registry: url });
  const explained = await shop.explain({
    url: 'http://reviews/x?y=1',
    headers: { 'user-id': 'a' },
  });
  const [server] = [v1, v2].map((mesh) => mesh.inspect().servers[0]);
  expect(explained).toMatchObject({
    resource: 'VirtualService/default/reviews',
    routes: [{ route: 'split', verdict: 'matched' }],
    endpoints: [
      { subset: 'v1', endpoints: [{ id: server?.endpointId, status: 'up' }] },
      { subset: 'v2', endpoints: [{ status: 'up' }] },
    ],
    limits: { timeoutMs: 2_000, retry: { maxRetries: 1 } },
  });
  expect(explained.text).toContain('GET /x?y=1 to reviews (service reviews.default)');
  expect(explained.text).toMatch(/endpoints of reviews.default subset v1: 127.0.0.1:\d+ \(up\)/);
  expect(explained.text).toContain('in effect: time-out 2000 ms, 1 retries on 5xx');
});

test('explain of what has no resources shows the defaults, and sends nothing', async () => {
  const { url } = await startRegistry();
  let requests = 0;
  const reviews = await join({ service: 'reviews', registry: url });
  const count: RequestListener = (_request, response) => {
    requests += 1;
    response.end();
  };
  await reviews.listen(count, quick);
  const shop = await join({
    service: 'shop',
    registry: url,
    timeoutMs: 700,
    retry: { maxRetries: 0 },
  });
  const { text, limits } = await shop.explain({ url: 'http://reviews:80/', method: 'post' });
  expect(limits).toMatchObject({ timeoutMs: 700, retry: { maxRetries: 0 } });
  expect(text).toContain('POST / to reviews');
  expect(text).toContain('no VirtualService for this host');
  expect(text).toContain('in effect: time-out 700 ms, no retries');
  expect((await shop.explain({ url: 'http://nobody/' })).text).toContain(
    'endpoints of nobody.default: none',
  );
  expect((await shop.explain({ url: 'http://example.com/' })).text).toContain('passed through');
  expect(requests).toBe(0);
});

test.each(['reviews', 'ftp://reviews/', 'http://', 'http://a.b.c.svc.cluster.local/'])(
  'explain refuses %s',
  async (url) => {
    const shop = await join({ service: 'shop', endpoints: {} });
    await expect(shop.explain({ url })).rejects.toMatchObject({ code: 'invalid_argument' });
  },
);

test('a call that asks for it gets the reason of its route in a header, where that is switched on', async () => {
  const { url } = await startRegistry();
  const seen: (string | undefined)[] = [];
  const reviews = await join({ service: 'reviews', version: 'v1', registry: url });
  await reviews.listen((request, response) => {
    seen.push(request.headers['inmesh-explain'] as string | undefined);
    response.end('ok');
  }, quick);
  await post(url, ...allTo('reviews', 'v1'));
  const on = await join({ service: 'shop', registry: url, explainHeader: true });
  const off = await join({ service: 'shop', registry: url });
  const path = 'http://reviews/';
  const asked = await on.fetch(path, { headers: { 'inmesh-explain': '1' } });
  expect(asked.headers.get('inmesh-explain')).toMatch(
    /^GET \/ to reviews .* \| resource: VirtualService\/default\/reviews, .* \| route all: matched/,
  );
  expect(await asked.text()).toBe('ok');
  expect((await on.request(path, { headers: { 'inmesh-explain': '' } })).headers).toHaveProperty(
    'inmesh-explain',
  );
  const { headers: byAxios } = await meshAxios(on).get(path, {
    headers: { 'inmesh-explain': '1' },
  });
  expect(byAxios['inmesh-explain']).toContain('subset v1');
  expect((await on.request(path)).headers).not.toHaveProperty('inmesh-explain');
  expect(
    (await off.request(path, { headers: { 'inmesh-explain': '1' } })).headers,
  ).not.toHaveProperty('inmesh-explain');
  expect(seen).toEqual([undefined, undefined, undefined, undefined, '1']);
});

test('CORS policies are enforced where the service is: preflights are answered, answers are marked', async () => {
  const { url } = await startRegistry();
  const reviews = await join({ service: 'reviews', registry: url });
  let handled = 0;
  const { url: address } = await reviews.listen((_request, response) => {
    handled += 1;
    response.end('ok');
  }, quick);
  const { revision } = await post(url, {
    kind: 'VirtualService',
    metadata: { name: 'reviews' },
    spec: {
      hosts: ['reviews'],
      http: [
        {
          corsPolicy: {
            allowOrigins: [{ exact: 'http://shop.test' }],
            allowMethods: ['GET', 'PUT'],
            maxAge: '60s',
          },
          route: [{ destination: { host: 'reviews' } }],
        },
      ],
    },
  });
  await configured(reviews, revision);
  const preflight = await fetch(address, {
    method: 'OPTIONS',
    headers: { origin: 'http://shop.test', 'access-control-request-method': 'PUT' },
  });
  expect(preflight.status).toBe(200);
  expect(Object.fromEntries(preflight.headers)).toMatchObject({
    'access-control-allow-origin': 'http://shop.test',
    'access-control-allow-methods': 'GET,PUT',
    'access-control-max-age': '60',
    vary: 'origin',
  });
  expect(handled).toBe(0);
  const answer = await fetch(address, { headers: { origin: 'http://shop.test' } });
  expect(answer.headers.get('access-control-allow-origin')).toBe('http://shop.test');
  expect(await answer.text()).toBe('ok');
  const foreign = await fetch(address, { headers: { origin: 'http://evil.test' } });
  expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  const same = await fetch(address);
  expect(same.headers.get('vary')).toBeNull();
});

test('names of the mesh are understood by its own scope through axios too', async () => {
  const { url } = await startRegistry();
  const reviews = await join({ service: 'reviews', namespace: 'prod', registry: url });
  await reviews.listen((_request, response) => response.end('prod'), quick);
  const shop = await join({ service: 'shop', namespace: 'prod', registry: url });
  expect((await meshAxios(shop).get('http://reviews/')).data).toBe('prod');
});

test('a hundred meshes see two resources change together', async () => {
  const { url } = await startRegistry();
  await post(url, ...allTo('reviews', 'v0'));
  const meshes = await Promise.all(
    Array.from({ length: 100 }, (_, i) => join({ service: `s${i}`, registry: url })),
  );
  const torn: string[] = [];
  const ask = async (mesh: (typeof meshes)[number]): Promise<void> => {
    const { text, destinations } = await mesh.explain({ url: 'http://reviews/' });
    // A route to a subset that its rule does not have yet, or has no more, is half of a change.
    if (destinations.some(({ defined }) => !defined)) torn.push(text);
  };
  for (const mesh of meshes) mesh.events.on('config-changed', () => void ask(mesh));
  let last = '';
  for (let i = 1; i <= 10; i += 1)
    ({ revision: last } = await post(url, ...allTo('reviews', `v${i}`)));
  await Promise.all(meshes.map((mesh) => configured(mesh, last)));
  const [first] = meshes;
  await Promise.all(meshes.map(ask));
  expect((await first?.explain({ url: 'http://reviews/' }))?.destinations).toMatchObject([
    { subset: 'v10', defined: true },
  ]);
  expect(torn).toEqual([]);
}, 60_000);

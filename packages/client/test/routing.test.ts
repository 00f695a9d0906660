import {
  type Destination,
  type ForwardDecision,
  fixedRouter,
  forwardTo,
  type RouteDecision,
  type Router,
} from '@inmesh/core';
import { eventually, recordingObserver } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import type { Client, ClientOptions } from '../src/index.ts';
import { client, clientOf, type Echoed, echo, upstream } from './client-fixture.ts';

const reviews: Destination = {
  service: 'reviews.default',
  subset: '',
  labels: {},
  port: undefined,
  policy: {},
};

function deciding(decision: RouteDecision): Router {
  return { revision: '1', route: () => decision };
}

async function routed(
  change: Partial<ForwardDecision>,
  options: Partial<ClientOptions> = {},
): Promise<{ mesh: Client; server: Awaited<ReturnType<typeof upstream>> }> {
  const server = await upstream(echo);
  const router = fixedRouter(deciding({ ...forwardTo(reviews), ...change }));
  return { mesh: clientOf([server], { router, ...options }), server };
}

test('a route rewrites path, authority and headers, both ways', async () => {
  const { mesh } = await routed({
    rewritePath: (path) => path.replace('/old', '/new'),
    rewriteAuthority: 'reviews.internal',
    requestHeaders: { remove: ['x-gone'], set: ['x-set', 'new'], add: ['x-add', '2'] },
    responseHeaders: { remove: ['content-type'], set: [], add: ['x-by', 'route'] },
  });
  const response = await mesh.request('http://reviews/old/1', {
    headers: { 'x-gone': '1', 'x-set': 'old', 'x-add': '1' },
  });
  const { url, headers } = response.json() as Echoed;
  expect(url).toBe('/new/1');
  expect(headers).toMatchObject({ host: 'reviews.internal', 'x-set': 'new', 'x-add': '1, 2' });
  expect(headers['x-gone']).toBeUndefined();
  expect(response.headers['content-type']).toBeUndefined();
  expect(response.headers['x-by']).toBe('route');
});

test('a route’s time-out stands over the client’s and under the caller’s; 0 is none', async () => {
  const remaining = async (mesh: Client, timeoutMs?: number): Promise<number> => {
    const options = timeoutMs === undefined ? {} : { timeoutMs };
    const { headers } = (await mesh.request('http://reviews/', options)).json() as Echoed;
    return Number(headers['inmesh-timeout-ms']);
  };
  const { mesh } = await routed({ timeoutMs: 3_000 });
  expect(await remaining(mesh)).toBeLessThanOrEqual(3_000);
  expect(await remaining(mesh, 60_000)).toBeGreaterThan(3_000);
  expect(await remaining((await routed({ timeoutMs: 0 })).mesh)).toBeNaN();
});

test('a route’s retries stand over the client’s', async () => {
  const { mesh, server } = await routed({ retries: { maxRetries: 4, backoffBaseMs: 0 } });
  server.fault = { kind: 'status', status: 503 };
  await mesh.request('http://reviews/');
  expect(server.requests).toBe(5);
});

test('a direct response and a missing route answer without an upstream', async () => {
  const observer = recordingObserver();
  const answering = (decision: RouteDecision): Client =>
    clientOf([], { router: fixedRouter(deciding(decision)), observers: [observer] });
  const direct = await answering({
    kind: 'respond',
    route: 'r',
    status: 418,
    headers: ['x-a', '1', 'x-a', '2'],
    body: Buffer.from('tea'),
    fault: undefined,
  }).request('http://reviews/');
  expect([direct.status, direct.text(), direct.headers['x-a']]).toEqual([418, 'tea', ['1', '2']]);
  const missing = await answering({ kind: 'no-route', route: 'n' }).fetch('http://reviews/');
  expect([missing.status, await missing.text()]).toEqual([404, '']);
  expect(observer.calls).toMatchObject([
    { route: 'r', status: 418, flag: '-', attempts: 0 },
    { route: 'n', status: 404, flag: 'NR', attempts: 0 },
  ]);
});

test('a fault of the call acts by chance before anything is sent, with retries off', async () => {
  const observer = recordingObserver();
  let chance = 0.4;
  const { mesh, server } = await routed(
    { fault: { scope: 'call', abort: { ratio: 0.5, status: 503 } } },
    { observers: [observer], random: () => chance },
  );
  expect((await mesh.request('http://reviews/')).status).toBe(503);
  expect(server.requests).toBe(0);
  chance = 0.6;
  expect((await mesh.request('http://reviews/')).status).toBe(200);
  server.fault = { kind: 'status', status: 503 };
  await mesh.request('http://reviews/');
  expect(server.requests).toBe(2);
  expect(observer.calls.map(({ flag }) => flag)).toEqual(['FI', '-', '-']);
});

test('a fault’s delay counts against the deadline', async () => {
  const observer = recordingObserver();
  const { mesh, server } = await routed(
    { fault: { scope: 'call', delay: { ratio: 1, delayMs: 30 } } },
    { observers: [observer] },
  );
  const before = performance.now();
  expect((await mesh.request('http://reviews/')).status).toBe(200);
  expect(performance.now() - before).toBeGreaterThanOrEqual(29);
  await expect(mesh.request('http://reviews/', { timeoutMs: 10 })).rejects.toMatchObject({
    code: 'deadline_exceeded',
  });
  expect(server.requests).toBe(1);
  expect(observer.calls.map(({ flag }) => flag)).toEqual(['DI', 'UT']);
});

test('a fault of the attempt is tried again like any failure', async () => {
  let chance = 0;
  const attemptEnded = (): void => {
    chance = 0.9;
  };
  const { mesh, server } = await routed(
    { fault: { scope: 'attempt', abort: { ratio: 0.5, status: 503 } } },
    { random: () => chance, retry: { backoffBaseMs: 0 }, observers: [{ attemptEnded }] },
  );
  const response = await mesh.request('http://reviews/', { method: 'POST', body: 'x' });
  expect(response.status).toBe(200);
  expect((response.json() as Echoed).headers['inmesh-attempt']).toBe('2');
  expect(server.requests).toBe(1);
});

test('mirrors get a copy that nobody waits for, of safe methods only', async () => {
  const main = await upstream(echo);
  const shadow = await upstream(echo);
  const destination = { ...reviews, service: 'shadow.default' };
  const decision = { ...forwardTo(reviews), mirrors: [{ destination, ratio: 1 }] };
  const mesh = client({
    endpoints: { reviews: [{ port: main.port }], shadow: [{ port: shadow.port }] },
    router: fixedRouter(deciding(decision)),
  });
  shadow.fault = { kind: 'slow', delayMs: 50 };
  expect((await mesh.request('http://reviews/a')).status).toBe(200);
  await eventually(() => shadow.requests === 1);
  expect(shadow.lastRequest).toMatchObject({ url: '/a', headers: { host: 'reviews-shadow' } });
  await mesh.request('http://reviews/', { method: 'POST', body: 'x' });
  await eventually(() => mesh.inspect().callsInFlight === 0);
  expect([main.requests, shadow.requests]).toEqual([2, 1]);
});

test('a router or a hook that throws fails its call and nothing else', async () => {
  const server = await upstream();
  let broken = true;
  const route = () => {
    if (broken) throw new Error('router');
    return forwardTo(reviews);
  };
  const mesh = clientOf([server], {
    router: fixedRouter({ revision: '1', route }),
    attemptHooks: [
      ({ call }, headers) => {
        if (call.path === '/hook') throw new Error('hook');
        headers.push('x-signed', call.method);
      },
    ],
  });
  await expect(mesh.request('http://reviews/')).rejects.toMatchObject({ code: 'internal' });
  broken = false;
  await expect(mesh.request('http://reviews/hook')).rejects.toMatchObject({ code: 'internal' });
  expect((await mesh.request('http://reviews/')).status).toBe(200);
  expect(server.lastRequest?.headers['x-signed']).toBe('GET');
});

test('interceptors stand around the whole call, the first outermost', async () => {
  const server = await upstream(echo);
  const order: string[] = [];
  const named = (name: string): NonNullable<ClientOptions['interceptors']>[number] => {
    return (next) => (call, sink) => {
      order.push(name);
      call.headers.push(`x-${name}`, '1');
      next(call, sink);
    };
  };
  const mesh = clientOf([server], { interceptors: [named('outer'), named('inner')] });
  const { headers } = (await mesh.request('http://reviews/')).json() as Echoed;
  expect(order).toEqual(['outer', 'inner']);
  expect(headers).toMatchObject({ 'x-outer': '1', 'x-inner': '1' });
});

test('the workload is told to the callee, where there is no mutual TLS', async () => {
  const { createWorkload } = await import('@inmesh/core');
  const server = await upstream(echo);
  const workload = createWorkload({ service: 'orders', namespace: 'shop', version: 'v2' });
  const mesh = client({
    endpoints: { 'reviews.shop': [{ port: server.port }] },
    workload,
  });
  const { headers } = (await mesh.request('http://reviews/')).json() as Echoed;
  expect(headers['inmesh-peer']).toBe('orders.shop;v2;default');
});

import { type Destination, fixedRouter, forwardTo, type Router } from '@inmesh/core';
import { recordingObserver } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import type { Client, ClientOptions, ForcedBreaker } from '../src/index.ts';
import { client, clientOf, upstream } from './client-fixture.ts';

const destination = (over: Partial<Destination>): Destination => ({
  service: 'reviews.default',
  subset: '',
  labels: {},
  port: undefined,
  policy: {},
  ...over,
});

async function reviews(options: Partial<ClientOptions> = {}) {
  const server = await upstream();
  const observer = recordingObserver();
  const mesh = clientOf([server], { observers: [observer], outlier: null, ...options });
  return { server, observer, mesh };
}

/** What becomes of a call: its status, or its error's code. */
const outcome = (mesh: Client, path = '/'): Promise<number | string> =>
  mesh.request(`http://reviews${path}`).then(
    ({ status }) => status,
    ({ code }) => code,
  );

test('a breaker that is forced open refuses every call, until it is let go', async () => {
  const { mesh, server, observer } = await reviews();
  expect(await outcome(mesh)).toBe(200);
  mesh.forceBreaker('reviews', 'open');
  expect([await outcome(mesh), await outcome(mesh)]).toEqual(['circuit_open', 'circuit_open']);
  expect(server.requests).toBe(1);
  expect(mesh.inspect()).toMatchObject({
    forcedBreakers: [{ service: 'reviews.default', version: undefined, state: 'open' }],
    services: [{ destinations: [{ breaker: 'open', breakerForced: true }] }],
  });
  mesh.forceBreaker('reviews', undefined);
  expect(await outcome(mesh)).toBe(200);
  expect(mesh.inspect()).toMatchObject({
    forcedBreakers: [],
    services: [{ destinations: [{ breaker: 'closed', breakerForced: false }] }],
  });
  const changes = observer.events.filter(({ kind }) => kind === 'breaker-changed');
  expect(changes).toMatchObject([
    { from: 'closed', to: 'open' },
    { from: 'open', to: 'closed' },
  ]);
});

test('one that is forced closed lets everything pass, and knows nothing of it afterwards', async () => {
  const { mesh, server } = await reviews({
    breaker: { minCalls: 2 },
    retry: { maxRetries: 0 },
  });
  server.fault = { kind: 'status', status: 500 };
  mesh.forceBreaker('reviews', 'closed');
  for (let i = 0; i < 5; i += 1) expect(await outcome(mesh)).toBe(500);
  mesh.forceBreaker('reviews', undefined);
  expect([await outcome(mesh), await outcome(mesh), await outcome(mesh)]).toEqual([
    500,
    500,
    'circuit_open',
  ]);
});

test('it holds before the first call, and for a breaker that is switched off', async () => {
  const { mesh, server } = await reviews({ breaker: null });
  mesh.forceBreaker('reviews.default', 'open');
  expect(await outcome(mesh)).toBe('circuit_open');
  expect(server.requests).toBe(0);
  mesh.forceBreaker('reviews', undefined);
  expect(await outcome(mesh)).toBe(200);
  expect(mesh.inspect().services[0]?.destinations[0]?.breaker).toBe('off');
});

test('one version can be held apart, by its subset or its label, and stands over what holds for all', async () => {
  const byPath: Readonly<Record<string, Destination>> = {
    '/': destination({}),
    '/v1': destination({ subset: 'stable', labels: {} }),
    '/v2': destination({ subset: 'canary', labels: { version: 'v2' } }),
  };
  const router: Router = {
    revision: '1',
    route: ({ path }) => forwardTo(byPath[path] as Destination),
  };
  const server = await upstream();
  const made = client({
    endpoints: { reviews: [{ port: server.port, labels: { version: 'v2' } }] },
    router: fixedRouter(router),
  });
  const all = async () => [
    await outcome(made, '/'),
    await outcome(made, '/v1'),
    await outcome(made, '/v2'),
  ];
  expect(await all()).toEqual([200, 200, 200]);
  made.forceBreaker('reviews', 'open', { version: 'v2' });
  expect(await all()).toEqual([200, 200, 'circuit_open']);
  made.forceBreaker('reviews', 'open');
  made.forceBreaker('reviews', 'closed', { version: 'canary' });
  expect(await all()).toEqual(['circuit_open', 'circuit_open', 200]);
  made.forceBreaker('reviews', undefined);
  made.forceBreaker('reviews', undefined, { version: 'canary' });
  expect(await all()).toEqual([200, 200, 'circuit_open']);
});

test('what can be held is said with the name', async () => {
  const { mesh } = await reviews();
  const wrong = 'ajar' as unknown as ForcedBreaker;
  expect(() => mesh.forceBreaker('reviews', wrong)).toThrow(
    "forceBreaker(reviews.default) takes 'open', 'closed' or undefined, got ajar",
  );
  expect(() => mesh.forceBreaker('no name', 'open')).toThrow('no name');
});

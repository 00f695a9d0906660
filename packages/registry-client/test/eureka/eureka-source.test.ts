import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import type { EndpointList } from '@inmesh/core';
import { createEurekaSource, type EurekaSourceOptions } from '@inmesh/registry-client/eureka';
import { createRegistryServer } from '@inmesh/registry-server';
import { createFakeClock, eventually } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { KnownInstances } from '../../src/eureka/known-instances.ts';
import { applications, instance, startFakeEureka } from './fake-eureka.ts';
import { onEnd } from './on-end.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

function join(options: EurekaSourceOptions): ReturnType<typeof createEurekaSource> {
  const source = createEurekaSource({ fetchIntervalMs: 30, renewIntervalMs: 30, ...options });
  onEnd(() => source.close());
  return source;
}

async function startRealEureka(): Promise<string> {
  const server = createRegistryServer({
    port: 0,
    settleMs: 0,
    removalHoldMs: 0,
    eureka: true,
  });
  onEnd(() => server.close());
  return `${(await server.listen()).url}/eureka`;
}

const ids = (list: EndpointList | undefined): string[] =>
  (list?.endpoints ?? []).map(({ id }) => id);

test('two processes that join the same Eureka find each other, and lose each other', async () => {
  const servers = await startRealEureka();
  const orders = join({ servers });
  const reviews = join({ servers });
  await Promise.all([orders.start(), reviews.start()]);
  const registration = await reviews.register({
    id: 'reviews-1',
    service: 'reviews',
    address: '127.0.0.1',
    ports: [{ name: 'http', port: 9080 }],
    labels: { version: 'v2' },
    locality: { zone: 'z1' },
  });
  expect(registration.state.kind).toBe('registered');
  orders.follow('reviews.default', () => {});
  await eventually(() => orders.get('reviews.default')?.endpoints.length === 1);
  expect(orders.get('reviews.default')).toMatchObject({
    state: 'live',
    endpoints: [
      {
        id: 'reviews-1',
        service: 'reviews.default',
        address: '127.0.0.1',
        ports: [{ name: 'http', port: 9080 }],
        status: 'up',
        labels: { version: 'v2' },
        locality: { zone: 'z1' },
      },
    ],
  });
  await registration.drain();
  await eventually(() => orders.get('reviews.default')?.endpoints[0]?.status === 'draining');
  await reviews.close();
  await eventually(() => orders.get('reviews.default')?.endpoints.length === 0);
});

test('changes come by delta, and all is fetched again when the hash says that something was missed', async () => {
  const first = instance('REVIEWS', 'r1');
  const second = instance('REVIEWS', 'r2');
  const eureka = await startFakeEureka({
    'GET /apps/': { json: applications([first]) },
    'GET /apps/delta': { json: applications([], 'UP_1_') },
  });
  const source = join({ servers: eureka.url });
  await source.start();
  expect(ids(source.get('reviews.default'))).toEqual(['REVIEWS/r1']);
  const kept = source.get('reviews.default')?.endpoints[0];
  await eventually(() => eureka.requests.filter((line) => line.endsWith('delta')).length > 2);
  expect(eureka.requests.filter((line) => line === 'GET /apps/')).toHaveLength(1);

  eureka.answers['GET /apps/delta'] = {
    json: applications([{ ...second, actionType: 'ADDED' }], 'UP_2_'),
  };
  await eventually(() => ids(source.get('reviews.default')).length === 2);
  expect(source.get('reviews.default')?.endpoints[0]).toBe(kept);
  expect(eureka.requests.filter((line) => line === 'GET /apps/')).toHaveLength(1);

  const third = instance('ORDERS', 'o1');
  eureka.answers['GET /apps/'] = { json: applications([first, second, third]) };
  eureka.answers['GET /apps/delta'] = { json: applications([], 'UP_3_') };
  await eventually(() => ids(source.get('orders.default')).length === 1);
  expect(eureka.requests.filter((line) => line === 'GET /apps/').length).toBeGreaterThan(1);
});

test('a server without deltas, or that writes a bare object where there is one, is understood', async () => {
  const bare = {
    applications: {
      apps__hashcode: 'UP_1_',
      application: { name: 'REVIEWS', instance: instance('reviews', 'r1') },
    },
  };
  const eureka = await startFakeEureka({
    'GET /apps/': { json: bare },
    'GET /apps/delta': { status: 403 },
  });
  const source = join({ servers: eureka.url });
  await source.start();
  await eventually(() => eureka.requests.filter((line) => line === 'GET /apps/').length > 2);
  expect(ids(source.get('reviews.default'))).toEqual(['REVIEWS/r1']);
});

test('a server that fails is left for the next, own zone first, and lists are stale while none answers', async () => {
  const near = await startFakeEureka({
    'GET /apps/': { json: applications([instance('REVIEWS', 'r1')]) },
    'GET /apps/delta': { status: 404 },
  });
  const far = await startFakeEureka({
    'GET /apps/': { json: applications([instance('REVIEWS', 'r1')]) },
    'GET /apps/delta': { status: 404 },
  });
  const events: string[] = [];
  const source = join({
    servers: { far: [far.url], near: [near.url] },
    zone: 'near',
    observer: { event: ({ kind }) => void events.push(kind) },
  });
  const states: string[] = [];
  source.follow('reviews.default', ({ state }) => void states.push(state));
  await source.start();
  expect([near.requests.length > 0, far.requests.length]).toEqual([true, 0]);
  await near.stop();
  await eventually(() => far.requests.length > 0);
  await eventually(() => source.state.kind === 'connected' && source.state.server === far.url);
  expect(events).toEqual([]);
  await far.stop();
  await eventually(() => source.state.kind === 'lost');
  expect(source.get('reviews.default')).toMatchObject({ state: 'stale' });
  expect(ids(source.get('reviews.default'))).toEqual(['REVIEWS/r1']);
  expect(events).toEqual(['registry-lost']);
  expect(states).toEqual(['live', 'stale']);
});

test('once a server of the own zone is back and knows who is there, it is asked again, and registered at', async () => {
  const list = { json: applications([instance('REVIEWS', 'r1'), instance('REVIEWS', 'r2')]) };
  const answers = { 'GET /apps/': list, 'GET /apps/delta': list };
  const near = await startFakeEureka({ ...answers, 'GET /apps/': { status: 500 } });
  const far = await startFakeEureka(answers);
  const source = join({ servers: { far: [far.url], near: [near.url] }, zone: 'near' });
  near.answers['GET /apps/delta'] = { status: 500 };
  await source.start();
  expect(source.state).toMatchObject({ kind: 'connected', server: far.url });
  const registration = await source.register({
    service: 'orders',
    address: '10.0.0.7',
    ports: [{ name: 'http', port: 8080 }],
  });
  const asked = far.requests.length;
  // It came up empty: everybody would be gone.
  near.answers['GET /apps/delta'] = { json: applications([]) };
  await eventually(() => far.requests.length > asked + 6);
  expect(source.state).toMatchObject({ server: far.url });
  near.answers['GET /apps/delta'] = list;
  near.answers['GET /apps/'] = list;
  near.answers[`PUT /apps/ORDERS/${registration.id}`] = { status: 404 };
  await eventually(() => source.state.kind === 'connected' && source.state.server === near.url);
  await eventually(() => near.requests.includes('POST /apps/ORDERS'));
  expect(ids(source.get('reviews.default'))).toEqual(['REVIEWS/r1', 'REVIEWS/r2']);
});

test('servers without zones are as good as each other: who answers stays', async () => {
  const list = { json: applications([instance('REVIEWS', 'r1')]) };
  const first = await startFakeEureka({ 'GET /apps/': { status: 500 } });
  const second = await startFakeEureka({ 'GET /apps/': list, 'GET /apps/delta': list });
  const source = join({ servers: [first.url, second.url] });
  await source.start();
  first.answers['GET /apps/'] = list;
  await eventually(() => second.requests.length > 5);
  expect(first.requests).toEqual(['GET /apps/']);
});

async function snapshotPath(): Promise<string> {
  const folder = await mkdtemp(joinPath(tmpdir(), 'inmesh-'));
  onEnd(() => rm(folder, { recursive: true }));
  return joinPath(folder, 'snapshot.json');
}

describe('with a snapshot file', () => {
  const list = { json: applications([instance('REVIEWS', 'r1'), instance('BILLING', 'b1')]) };

  async function knownBefore(): Promise<string> {
    const snapshotFile = await snapshotPath();
    const eureka = await startFakeEureka({ 'GET /apps/': list, 'GET /apps/delta': list });
    const before = createEurekaSource({ servers: eureka.url, snapshotFile });
    await before.start();
    await before.close();
    await eureka.stop();
    return snapshotFile;
  }

  test('a process starts on what the one before it knew while no server answers, and says that it is old', async () => {
    const snapshotFile = await knownBefore();
    const eureka = await startFakeEureka({ 'GET /apps/': { status: 503 } });
    const source = join({ servers: eureka.url, snapshotFile });
    await source.start();
    expect(source.state.kind).toBe('lost');
    expect(source.get('reviews.default')).toMatchObject({ state: 'stale' });
    expect(ids(source.get('billing.default'))).toEqual(['BILLING/b1']);
    eureka.answers['GET /apps/'] = list;
    await eventually(() => source.get('reviews.default')?.state === 'live');
  });

  test('a server that came up empty does not empty what the one before knew for a lease', async () => {
    const snapshotFile = await knownBefore();
    const eureka = await startFakeEureka({ 'GET /apps/': { json: applications([]) } });
    const source = join({ servers: eureka.url, snapshotFile });
    await source.start();
    expect(source.state.kind).toBe('connected');
    expect(ids(source.get('reviews.default'))).toEqual(['REVIEWS/r1']);
    eureka.answers['GET /apps/'] = list;
    await eventually(() => eureka.requests.length > 4);
    // Known again by the server, and once.
    expect(ids(source.get('reviews.default'))).toEqual(['REVIEWS/r1']);
  });

  test('an instance that has gone since is not brought back', async () => {
    const snapshotFile = await knownBefore();
    const less = { json: applications([instance('REVIEWS', 'r1')]) };
    const eureka = await startFakeEureka({ 'GET /apps/': less, 'GET /apps/delta': less });
    const source = join({ servers: eureka.url, snapshotFile });
    await source.start();
    await eventually(() => ids(source.get('billing.default')).length === 0);
    expect(ids(source.get('reviews.default'))).toEqual(['REVIEWS/r1']);
  });

  test('a file that others may write is not used', async () => {
    const snapshotFile = await knownBefore();
    await chmod(snapshotFile, 0o666);
    const eureka = await startFakeEureka({ 'GET /apps/': { status: 503 } });
    const source = join({ servers: eureka.url, snapshotFile, startTimeoutMs: 50 });
    await expect(source.start()).rejects.toMatchObject({ code: 'start_timeout' });
    expect(source.get('reviews.default')).toBeUndefined();
  });
});

test('a registration that Eureka forgot is made again', async () => {
  const eureka = await startFakeEureka({
    'GET /apps/': { json: applications([]) },
    'GET /apps/delta': { status: 404 },
    'PUT /apps/REVIEWS/r1': { status: 404 },
  });
  const source = join({ servers: eureka.url.replace('//', '//user:p%40ss@') });
  await source.start();
  await source.register({
    id: 'r1',
    service: 'reviews',
    address: '127.0.0.1',
    ports: [{ name: 'http', port: 9080 }],
  });
  await eventually(() => eureka.bodies.length > 2);
  expect(eureka.bodies[0]).toMatchObject({
    instance: {
      instanceId: 'r1',
      app: 'REVIEWS',
      status: 'UP',
      overriddenstatus: 'UNKNOWN',
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo' },
      lastDirtyTimestamp: expect.any(String),
    },
  });
  expect(eureka.authorizations[0]).toBe(`Basic ${Buffer.from('user:p@ss').toString('base64')}`);
  await source.close();
  expect(eureka.requests).toContain('DELETE /apps/REVIEWS/r1');
});

test('what Eureka refuses is refused; what it cannot hear is told later', async () => {
  const registration = {
    id: 'r1',
    service: 'reviews',
    address: '127.0.0.1',
    ports: [{ name: 'http', port: 9080 }],
  } as const;
  const eureka = await startFakeEureka({
    'GET /apps/': { json: applications([]) },
    'POST /apps/REVIEWS': { status: 400 },
  });
  const source = join({ servers: eureka.url });
  await source.start();
  await expect(source.register(registration)).rejects.toMatchObject({ code: 'invalid_argument' });
  eureka.answers['POST /apps/REVIEWS'] = { status: 503 };
  const handle = await source.register(registration);
  expect(handle.state.kind).toBe('pending');
  await expect(source.register(registration)).rejects.toMatchObject({ code: 'conflict' });
  eureka.answers['POST /apps/REVIEWS'] = { status: 204 };
  eureka.answers['PUT /apps/REVIEWS/r1'] = { status: 404 };
  await eventually(() => handle.state.kind === 'registered');
});

test('without any answer it says so at the start, and goes on trying', async () => {
  const eureka = await startFakeEureka({ 'GET /apps/': { status: 500 } });
  const source = join({ servers: eureka.url, startTimeoutMs: 50 });
  await expect(source.start()).rejects.toMatchObject({ code: 'start_timeout' });
  eureka.answers['GET /apps/'] = { json: applications([instance('REVIEWS', 'r1')]) };
  await eventually(() => source.state.kind === 'connected');
});

test('a service that Eureka does not know is unknown, and known once it is', async () => {
  const eureka = await startFakeEureka({
    'GET /apps/': { json: applications([]) },
    'GET /apps/delta': { status: 404 },
  });
  const source = join({ servers: eureka.url });
  await source.start();
  const states: string[] = [];
  source.follow('reviews.default', ({ state }) => void states.push(state));
  eureka.answers['GET /apps/'] = { json: applications([instance('REVIEWS', 'r1')]) };
  await eventually(() => states.length > 1);
  expect(states).toEqual(['unknown', 'live']);
});

test('a list that lost over half of everybody does not empty ours for a lease', () => {
  const clock = createFakeClock();
  const known = new KnownInstances({ namespace: 'default', clock, logger: silent });
  const list = (...all: string[]): unknown =>
    (applications(all.map((id) => instance('REVIEWS', id))) as { applications: unknown })
      .applications;
  known.replace(list('a', 'b', 'c'));
  expect(known.takeChanges().get('reviews.default')).toHaveLength(3);
  known.replace(list());
  known.replace(list('a'));
  clock.advance(89_000);
  known.releaseMissing();
  expect(known.takeChanges().size).toBe(0);
  clock.advance(1_000);
  known.releaseMissing();
  expect(
    known
      .takeChanges()
      .get('reviews.default')
      ?.map(({ id }) => id),
  ).toEqual(['REVIEWS/a']);
  // A third is gone: that is believed.
  known.replace(list('a', 'b', 'c'));
  known.replace(list('a', 'b'));
  expect(known.takeChanges().get('reviews.default')).toHaveLength(2);
});

test.each([
  ['a metadata address', { ipAddr: '169.254.169.254' }],
  ['a name for an address', { ipAddr: 'localhost' }],
  ['no port', { port: { $: 0, '@enabled': 'true' } }],
  ['a dangerous key', { metadata: JSON.parse('{"__proto__":"x"}') }],
])('an instance with %s is left out and counted, so that the hash still fits', (_what, fault) => {
  const clock = createFakeClock();
  const known = new KnownInstances({ namespace: 'default', clock, logger: silent });
  const { applications: told } = applications([
    instance('REVIEWS', 'good'),
    instance('REVIEWS', 'bad', fault),
  ]) as { applications: { apps__hashcode: string } };
  known.replace(told);
  expect(
    known
      .takeChanges()
      .get('reviews.default')
      ?.map(({ id }) => id),
  ).toEqual(['REVIEWS/good']);
  expect(known.hash).toBe(told.apps__hashcode);
});

test.each([
  [{ servers: [] }, 'servers'],
  [{ servers: 'localhost:8761' }, 'servers'],
  [{ servers: 'http://a/eureka', namespace: 'No Label' }, 'namespace'],
  [{ servers: 'http://a/eureka', fetchIntervalMs: 0 }, 'fetchIntervalMs'],
])('options %j make no sense', (options, message) => {
  expect(() => createEurekaSource(options)).toThrow(message);
});

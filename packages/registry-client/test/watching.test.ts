import { staticEndpoint } from '@inmesh/core';
import { seededRandom } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import type { Scripted } from './fake/fake-registry.ts';
import { fakeRegistry, follow, ids, io, moveUntil, moving, setUp, until } from './fake/setting.ts';

const service = 'reviews.default';
const a = staticEndpoint(service, { id: 'a', port: 1001 });
const b = staticEndpoint(service, { id: 'b', port: 1002 });

test('a followed service is told at once and with every change', async () => {
  const registry = await fakeRegistry();
  registry.put(service, [a]);
  const { client } = setUp({ servers: registry.url });
  const lists = follow(client, service);
  await client.start();
  await until(() => lists.length === 1);
  expect(lists[0]).toMatchObject({ service, state: 'live', endpoints: [a] });
  registry.change(service, [b]);
  await until(() => lists.length === 2);
  expect(ids(client.get(service))).toEqual(['a', 'b']);
});

test('a stream that is cut goes on by Last-Event-ID and nobody is told that anything happened', async () => {
  const registry = await fakeRegistry();
  registry.put(service, [a]);
  const { client, clock, events } = setUp({ servers: registry.url });
  const lists = follow(client, service);
  await client.start();
  await until(() => lists.length === 1);
  registry.streams[0]?.destroy();
  await until(() => client.state.kind === 'connecting');
  await moveUntil(clock, () => client.state.kind === 'connected');
  const [, again] = registry.seen('GET', /watch$/);
  expect(again?.headers['last-event-id']).toBe('e1:1');
  expect(registry.seen('POST', /sessions$/)).toHaveLength(1);
  expect(lists).toHaveLength(1);
  expect(events).toEqual([]);
});

test('several followers share one subscription, and the last to leave ends it', async () => {
  const registry = await fakeRegistry();
  registry.put(service, [a]);
  const { client, clock } = setUp({ servers: registry.url });
  await client.start();
  const lists = follow(client, service);
  const leave = client.follow(service, () => {});
  const subscribed = () => [...registry.sessions.values()].map((each) => [...each.subscriptions]);
  await moveUntil(clock, () => lists.length === 1, 1);
  leave();
  leave();
  const leaveAll = client.follow('ratings.default', () => {});
  await moveUntil(clock, () => subscribed()[0]?.length === 2, 1);
  leaveAll();
  await moveUntil(clock, () => subscribed()[0]?.length === 1, 1);
  expect(subscribed()).toEqual([[service]]);
  expect(client.get('ratings.default')).toBeUndefined();
});

test('services that are followed together are subscribed in one request', async () => {
  const registry = await fakeRegistry();
  const { client, clock } = setUp({ servers: registry.url });
  await client.start();
  await moveUntil(clock, () => clock.pendingTimers > 0, 10);
  for (let each = 0; each < 1_000; each += 1) follow(client, `s${each}.default`);
  await moveUntil(clock, () => registry.seen('PUT', /subscriptions$/).length === 2, 1);
  await moveUntil(clock, () => client.get('s999.default')?.state === 'unknown', 1);
  expect(registry.seen('PUT', /subscriptions$/)).toHaveLength(2);
  expect(() => client.follow('one-more.default', () => {})).toThrow(
    expect.objectContaining({ code: 'overloaded' }),
  );
});

test('following one service after the other does not put the first off', async () => {
  const registry = await fakeRegistry();
  const { client, clock } = setUp({ servers: registry.url });
  await client.start();
  for (let each = 0; each < 12; each += 1) {
    follow(client, `s${each}.default`);
    clock.advance(1);
    await io();
  }
  expect(registry.seen('PUT', /subscriptions$/).length).toBeGreaterThan(2);
});

test.each(['', 'Reviews.default', 'a.b.c', '../x', '__proto__'])(
  'following %j is refused',
  (name) => {
    const { client } = setUp({ servers: 'http://127.0.0.1:1' });
    expect(() => client.follow(name, () => {})).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  },
);

test('names that were followed while there is no registry leave nothing behind', () => {
  const { client } = setUp({ servers: 'http://127.0.0.1:1' });
  for (let each = 0; each < 100_000; each += 1) client.follow(`s${each}.default`, () => {})();
  expect(() => client.follow('x.default', () => {})).not.toThrow();
});

test('frames of a kind that this version does not know are passed over', async () => {
  const registry = await fakeRegistry();
  registry.put(service, [a]);
  const { client } = setUp({ servers: registry.url });
  const lists = follow(client, service);
  await client.start();
  await until(() => lists.length === 1);
  registry.send('config', 'not even JSON', 'e1:99');
  registry.change(service, [b]);
  await until(() => lists.length === 2);
  expect(client.state.kind).toBe('connected');
});

test('a delta copies the list of its own service alone, and keeps the objects that did not change', async () => {
  const registry = await fakeRegistry();
  registry.put(service, [a]);
  registry.put('ratings.default', [staticEndpoint('ratings.default', { id: 'r', port: 1 })]);
  const { client } = setUp({ servers: registry.url });
  const lists = follow(client, service);
  const ratings = follow(client, 'ratings.default');
  await client.start();
  await until(() => lists.length === 1 && ratings.length === 1);
  registry.change(service, [b]);
  await until(() => lists.length === 2);
  expect(lists[1]?.endpoints[0]).toBe(lists[0]?.endpoints[0]);
  expect(lists[0]?.endpoints).toHaveLength(1);
  expect(ratings).toHaveLength(1);
});

describe('several servers', () => {
  test('the next one takes over when one is killed, and nobody is told that the registry is lost', async () => {
    const servers = [await fakeRegistry(), await fakeRegistry()];
    for (const server of servers) server.put(service, [a]);
    const { client, clock, events } = setUp({ servers: servers.map(({ url }) => url) });
    const lists = follow(client, service);
    await client.start();
    await until(() => lists.length === 1);
    const first = servers.find(({ streams }) => streams.length === 1);
    const second = servers.find((server) => server !== first);
    await first?.stop();
    await moveUntil(clock, () => second?.streams.length === 1);
    await until(() => client.state.kind === 'connected');
    expect(client.state).toMatchObject({ server: second?.url });
    expect(events).toEqual([]);
    expect(ids(client.get(service))).toEqual(['a']);
  });

  test('a goodbye sends everybody to another server', async () => {
    const servers = [await fakeRegistry(), await fakeRegistry()];
    const { client, clock } = setUp({ servers: servers.map(({ url }) => url) });
    await client.start();
    const first = servers.find(({ streams }) => streams.length === 1);
    const second = servers.find((server) => server !== first);
    first?.send('goodbye', {});
    await moveUntil(clock, () => second?.streams.length === 1);
  });

  test('clients begin at servers of their own', async () => {
    const servers = [await fakeRegistry(), await fakeRegistry(), await fakeRegistry()];
    const random = seededRandom(3);
    for (let each = 0; each < 30; each += 1) {
      await setUp({ servers: servers.map(({ url }) => url), random }).client.start();
    }
    for (const { streams } of servers) expect(streams.length).toBeGreaterThan(4);
  });

  test('lost is told once, when no server answered, and found once, when one does again', async () => {
    const servers = [await fakeRegistry(), await fakeRegistry()];
    const { client, clock, events } = setUp({ servers: servers.map(({ url }) => url) });
    await client.start();
    for (const server of servers) await server.stop();
    await moveUntil(clock, () => client.state.kind === 'lost');
    for (let round = 0; round < 20; round += 1) {
      clock.advance(1_000);
      await io();
    }
    await servers[1]?.start();
    await moveUntil(clock, () => client.state.kind === 'connected');
    expect(events).toEqual([
      { kind: 'registry-lost', error: expect.objectContaining({ code: 'registry_unavailable' }) },
      { kind: 'registry-found', server: servers[1]?.url },
    ]);
  });
});

describe('start', () => {
  test('fails after startTimeoutMs where there is neither registry nor snapshot, and goes on trying', async () => {
    const registry = await fakeRegistry();
    await registry.stop();
    const { client, clock } = setUp({ servers: registry.url, startTimeoutMs: 3_000 });
    await expect(moving(clock, client.start())).rejects.toMatchObject({
      code: 'start_timeout',
      message: expect.stringContaining(registry.url),
      cause: expect.objectContaining({ code: 'registry_unavailable' }),
    });
    await registry.start();
    await moveUntil(clock, () => client.state.kind === 'connected');
  });

  test.each<[string, Scripted]>([
    ['an answer without a session', { status: 201, body: { ttlMs: 1 } }],
    [
      'a session that is a path',
      { status: 201, body: { session: '../x', ttlMs: 900, renewEveryMs: 300 } },
    ],
    ['a TTL of nothing', { status: 201, body: { session: 'x', ttlMs: 0, renewEveryMs: 0 } }],
    ['a page of HTML', { status: 200, body: '<html>' }],
    ['a redirect', { status: 302 }],
    ['a cut', 'cut'],
  ])('%s is no registry', async (_, scripted) => {
    const registry = await fakeRegistry();
    registry.script = () => scripted;
    const { client, clock } = setUp({ servers: registry.url, startTimeoutMs: 2_000 });
    await expect(moving(clock, client.start())).rejects.toMatchObject({ code: 'start_timeout' });
    expect(client.state.kind).toBe('lost');
  });

  test('what refuses the credentials says so', async () => {
    const registry = await fakeRegistry();
    registry.script = () => ({ status: 401, body: { detail: 'no token' } });
    const { client, clock } = setUp({ servers: registry.url, startTimeoutMs: 2_000 });
    await expect(moving(clock, client.start())).rejects.toMatchObject({
      cause: expect.objectContaining({
        code: 'unauthenticated',
        message: expect.stringContaining('no token'),
      }),
    });
  });
});

describe('ready', () => {
  test('waits for the list', async () => {
    const registry = await fakeRegistry();
    registry.put(service, [a]);
    const { client, clock } = setUp({ servers: registry.url });
    await client.start();
    const list = await moving(clock, client.ready(service, 1_000), 1);
    expect(list).toMatchObject({ state: 'live', endpoints: [a] });
  });

  test('takes unknown for an answer only from a settled registry', async () => {
    const registry = await fakeRegistry();
    registry.settling = true;
    const { client, clock } = setUp({ servers: registry.url });
    await client.start();
    await expect(moving(clock, client.ready(service, 1_000))).rejects.toMatchObject({
      code: 'deadline_exceeded',
      service,
    });
    const ready = moving(clock, client.ready(service, 10_000));
    await moveUntil(clock, () => registry.seen('PUT', /subscriptions$/).length >= 3);
    registry.settle();
    expect(await ready).toMatchObject({ state: 'unknown', endpoints: [] });
  });

  test('says that the registry is away', async () => {
    const registry = await fakeRegistry();
    await registry.stop();
    const { client, clock } = setUp({ servers: registry.url, startTimeoutMs: 1_000 });
    await expect(moving(clock, client.start())).rejects.toThrow();
    await expect(moving(clock, client.ready(service, 500))).rejects.toMatchObject({
      code: 'registry_unavailable',
    });
  });
});

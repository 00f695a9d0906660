import type { WatchEvent } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import { startRegistry } from './registry-fixture.ts';

const settledAtOnce = { settleMs: 0, removalHoldMs: 0 };

test('a stream begins with hello and a snapshot of each service followed, then tells each change', async () => {
  const registry = await startRegistry(settledAtOnce);
  const provider = await registry.openSession();
  await registry.register(provider, 'r1');
  const watcher = await registry.openSession();
  await registry.subscribe(watcher, 'reviews.default', 'ratings.default');
  const stream = await registry.watch(watcher);
  const { epoch } = registry.server.status();
  expect(await stream.next()).toEqual({
    kind: 'hello',
    epoch,
    settling: false,
    resumed: false,
    keepAliveMs: 5_000,
  });
  const snapshot = await stream.nextOf('snapshot');
  expect(snapshot).toMatchObject({
    service: 'reviews.default',
    known: true,
    endpoints: [{ id: 'r1' }],
  });
  const unknown = await stream.nextOf('snapshot');
  expect(unknown).toMatchObject({ service: 'ratings.default', known: false, endpoints: [] });

  await registry.register(provider, 'r2');
  const added = await stream.nextOf('delta');
  expect(added).toMatchObject({
    service: 'reviews.default',
    from: snapshot.revision,
    upserts: [{ id: 'r2' }],
    removes: [],
  });
  await registry.send(`/v1/sessions/${provider}/registrations/r1`, { method: 'DELETE' });
  const removed = await stream.nextOf('delta');
  expect(removed).toMatchObject({ from: added.revision, upserts: [], removes: ['r1'] });
  await registry.register(provider, 'x1', { service: 'ratings' });
  const first = await stream.nextOf('delta');
  expect(first).toMatchObject({ from: unknown.revision, upserts: [{ id: 'x1' }] });
});

test('subscriptions change without reopening the stream', async () => {
  const registry = await startRegistry(settledAtOnce);
  const provider = await registry.openSession();
  const watcher = await registry.openSession();
  const stream = await registry.watch(watcher);
  await registry.subscribe(watcher, 'a.default');
  expect(await stream.nextOf('snapshot')).toMatchObject({ service: 'a.default' });
  await registry.subscribe(watcher, 'b.default');
  expect(await stream.nextOf('snapshot')).toMatchObject({ service: 'b.default' });
  await registry.register(provider, 'a1', { service: 'a' });
  await registry.register(provider, 'b1', { service: 'b' });
  expect(await stream.nextOf('delta')).toMatchObject({ service: 'b.default' });
});

test('a stream resumes after Last-Event-ID with what it missed, tombstones included', async () => {
  const registry = await startRegistry(settledAtOnce);
  const provider = await registry.openSession();
  await registry.register(provider, 'r1');
  await registry.register(provider, 'x1', { service: 'ratings' });
  const watcher = await registry.openSession();
  await registry.subscribe(watcher, 'reviews.default', 'ratings.default');
  const before = await registry.watch(watcher);
  const snapshot = await before.nextOf('snapshot');
  await before.nextOf('snapshot');
  before.close();
  await registry.register(provider, 'r2');
  await registry.send(`/v1/sessions/${provider}/registrations/r1`, { method: 'DELETE' });
  const after = await registry.watch(watcher, before.lastId);
  expect(await after.next()).toMatchObject({ kind: 'hello', resumed: true });
  expect(await after.next()).toMatchObject({
    kind: 'delta',
    service: 'reviews.default',
    from: snapshot.revision,
    upserts: [{ id: 'r2' }],
    removes: ['r1'],
  });
  // Nothing of ratings: it did not change.
  await registry.register(provider, 'x2', { service: 'ratings' });
  expect(await after.next()).toMatchObject({ kind: 'delta', service: 'ratings.default' });
});

test('a service subscribed while the stream was away comes whole, the others resume', async () => {
  const registry = await startRegistry(settledAtOnce);
  const watcher = await registry.openSession();
  await registry.subscribe(watcher, 'a.default');
  const before = await registry.watch(watcher);
  await before.nextOf('snapshot');
  before.close();
  await registry.subscribe(watcher, 'a.default', 'b.default');
  const after = await registry.watch(watcher, before.lastId);
  expect(await after.next()).toMatchObject({ kind: 'hello', resumed: true });
  expect(await after.next()).toMatchObject({ kind: 'snapshot', service: 'b.default' });
  expect(after.queued).toEqual([]);
});

test('a snapshot that the client cannot prove to have is sent again', async () => {
  const registry = await startRegistry(settledAtOnce);
  const watcher = await registry.openSession();
  await registry.subscribe(watcher, 'a.default');
  const before = await registry.watch(watcher);
  await before.nextOf('snapshot');
  const heardUntil = before.lastId;
  await registry.subscribe(watcher, 'a.default', 'b.default');
  await before.nextOf('snapshot');
  const after = await registry.watch(watcher, heardUntil);
  expect(await after.next()).toMatchObject({ kind: 'hello', resumed: true });
  expect(await after.next()).toMatchObject({ kind: 'snapshot', service: 'b.default' });
});

test.each([
  ['of another run', () => 'ffffffffffff:1'],
  ['of the future', (epoch: string) => `${epoch}:999999`],
  ['that is nonsense', () => '%%%'],
  ['that is not a number', (epoch: string) => `${epoch}:1e3`],
])('a Last-Event-ID %s is answered with everything (hostile case 57)', async (_what, idOf) => {
  const registry = await startRegistry(settledAtOnce);
  const watcher = await registry.openSession();
  await registry.subscribe(watcher, 'a.default');
  const first = await registry.watch(watcher);
  await first.nextOf('snapshot');
  const stream = await registry.watch(watcher, idOf(registry.server.status().epoch));
  expect(await stream.next()).toMatchObject({ kind: 'hello', resumed: false });
  expect(await stream.next()).toMatchObject({ kind: 'snapshot', service: 'a.default' });
});

test('a newer stream of the same session ends the older one', async () => {
  const registry = await startRegistry(settledAtOnce);
  const watcher = await registry.openSession();
  const older = await registry.watch(watcher);
  await older.nextOf('hello');
  const newer = await registry.watch(watcher);
  await expect(older.next()).rejects.toThrow('the stream ended');
  expect(await newer.next()).toMatchObject({ kind: 'hello' });
  expect(registry.server.status().watchers).toBe(1);
});

test('a stream ends with its session', async () => {
  const registry = await startRegistry(settledAtOnce);
  const watcher = await registry.openSession();
  await registry.subscribe(watcher, 'a.default');
  const stream = await registry.watch(watcher);
  await stream.nextOf('snapshot');
  await registry.send(`/v1/sessions/${watcher}`, { method: 'DELETE' });
  await expect(stream.next()).rejects.toThrow('the stream ended');
  expect(registry.server.status().watchers).toBe(0);
});

test('a server that came up empty says so, and tells everything again once it has settled', async () => {
  const registry = await startRegistry({ settleMs: 300, removalHoldMs: 0 });
  const provider = await registry.openSession();
  const watcher = await registry.openSession();
  await registry.subscribe(watcher, 'reviews.default');
  const stream = await registry.watch(watcher);
  expect(await stream.next()).toMatchObject({ kind: 'hello', settling: true });
  expect(registry.server.status().settlingForMs).toBeGreaterThan(0);
  await registry.register(provider, 'r1');
  const events: WatchEvent[] = [];
  do events.push(await stream.next());
  while (events.at(-1)?.kind !== 'settled');
  expect(events.at(-2)).toMatchObject({ kind: 'snapshot', endpoints: [{ id: 'r1' }] });
  expect(registry.server.status().settlingForMs).toBe(0);
});

test('an endpoint that deregisters drains at once and is removed a moment later', async () => {
  const registry = await startRegistry({ settleMs: 0, removalHoldMs: 200 });
  const provider = await registry.openSession();
  await registry.register(provider, 'r1');
  const watcher = await registry.openSession();
  await registry.subscribe(watcher, 'reviews.default');
  const stream = await registry.watch(watcher);
  await stream.nextOf('snapshot');
  await registry.send(`/v1/sessions/${provider}/registrations/r1`, { method: 'DELETE' });
  expect(await stream.next()).toMatchObject({ upserts: [{ id: 'r1', status: 'draining' }] });
  expect(registry.server.status().registrations).toBe(0);
  expect(await stream.next()).toMatchObject({ upserts: [], removes: ['r1'] });
});

test('a deregistration that is taken back at once is no removal to anybody (hostile case 60)', async () => {
  const registry = await startRegistry({ settleMs: 0, removalHoldMs: 100 });
  const provider = await registry.openSession();
  await registry.register(provider, 'r1');
  const watcher = await registry.openSession();
  await registry.subscribe(watcher, 'reviews.default');
  const stream = await registry.watch(watcher);
  await stream.nextOf('snapshot');
  const path = `/v1/sessions/${provider}/registrations`;
  for (let i = 0; i < 5; i += 1) {
    await registry.send(`${path}/r1`, { method: 'DELETE' });
    await registry.register(provider, 'r1');
  }
  // Its own removal comes after any that the flapping could have caused.
  await registry.register(provider, 'marker');
  await registry.send(`${path}/marker`, { method: 'DELETE' });
  const removed: string[] = [];
  let status: string | undefined;
  while (removed.length === 0) {
    const delta = await stream.nextOf('delta');
    removed.push(...delta.removes);
    status = delta.upserts.find(({ id }) => id === 'r1')?.status ?? status;
  }
  expect(removed).toEqual(['marker']);
  expect(status).toBe('up');
});

test('silence on a stream is broken by comments', async () => {
  const registry = await startRegistry({ ...settledAtOnce, keepAliveMs: 20 });
  const stream = await registry.watch(await registry.openSession());
  const chunks: string[] = [];
  await new Promise<void>((resolve) => {
    stream.response.on('data', (chunk: string) => {
      chunks.push(chunk);
      if (chunks.includes(':\n\n')) resolve();
    });
  });
});

test('a session may follow 1,000 services and not one more', async () => {
  const registry = await startRegistry(settledAtOnce);
  const session = await registry.openSession();
  const names = Array.from({ length: 1_001 }, (_, i) => `s${i}.default`);
  const refused = await registry.subscribe(session, ...names);
  expect([refused.status, refused.json.errors[0].path]).toEqual([400, '/services']);
  const stream = await registry.watch(session);
  expect((await registry.subscribe(session, ...names.slice(1))).status).toBe(204);
  const told = new Set<string>();
  while (told.size < 1_000) told.add((await stream.nextOf('snapshot')).service);
});

import type { ConfigResource, WatchEvent } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import type { Session } from '../src/state/session.ts';
import { createHubFixture, HeldStream, type HubFixture } from './hub-fixture.ts';
import { onEnd, startRegistry } from './registry-fixture.ts';
import { apply, route } from './resource-fixture.ts';

type Told = Extract<WatchEvent, { kind: 'config-snapshot' | 'config-delta' }>;

function told(stream: HeldStream): Told[] {
  return stream
    .events()
    .map(({ event }) => event)
    .filter((event): event is Told => event.kind.startsWith('config-'));
}

/** What a client holds that reads its stream to the end. */
function held(stream: HeldStream): Map<string, ConfigResource> {
  const resources = new Map<string, ConfigResource>();
  for (const event of told(stream)) {
    if (event.kind === 'config-snapshot') resources.clear();
    else for (const key of event.removes) resources.delete(key);
    const changed = event.kind === 'config-snapshot' ? event.resources : event.upserts;
    for (const resource of changed) resources.set(resource.metadata.name, resource);
  }
  return resources;
}

function commit(hub: HubFixture, revision: string, ...resources: ConfigResource[]): void {
  const upserts = resources.map((each) => [each.metadata.name, each] as const);
  hub.config.commit(revision, new Map(upserts), new Set());
}

function follow(
  { state, hub }: HubFixture,
  revision: string | null,
): { session: Session; stream: HeldStream } {
  const session = state.openSession('test');
  hub.subscribe(session, { services: [], config: { revision } });
  const stream = new HeldStream();
  hub.open(session, stream, undefined);
  return { session, stream };
}

test('a client that knows nothing gets the whole, then each commit as a delta', () => {
  const hub = createHubFixture();
  commit(hub, 'x:1', route('a'));
  const { stream } = follow(hub, null);
  hub.clock.advance(5);
  commit(hub, 'x:2', route('b'));
  expect(told(stream)).toEqual([
    { kind: 'config-snapshot', revision: 'x:1', resources: [route('a')] },
    { kind: 'config-delta', from: 'x:1', revision: 'x:2', upserts: [route('b')], removes: [] },
  ]);
});

test('a client that knows the revision is told nothing, and one that missed the last commit only that', () => {
  const hub = createHubFixture();
  commit(hub, 'x:1', route('a'));
  hub.clock.advance(5);
  commit(hub, 'x:2', route('b'));
  expect(told(follow(hub, 'x:2').stream)).toEqual([]);
  expect(told(follow(hub, 'x:1').stream)).toMatchObject([{ kind: 'config-delta', from: 'x:1' }]);
  expect(told(follow(hub, 'x:0').stream)).toMatchObject([{ kind: 'config-snapshot' }]);
  expect(told(follow(hub, 'of another store:7').stream)).toMatchObject([
    { kind: 'config-snapshot' },
  ]);
});

test('who does not follow the configuration is not told of it', () => {
  const hub = createHubFixture();
  const session = hub.state.openSession('test');
  hub.hub.subscribe(session, { services: [] });
  const stream = new HeldStream();
  hub.hub.open(session, stream, undefined);
  commit(hub, 'x:1', route('a'));
  expect(told(stream)).toEqual([]);
  hub.hub.subscribe(session, { services: [], config: { revision: null } });
  hub.hub.subscribe(session, { services: [] });
  hub.clock.advance(5);
  commit(hub, 'x:2', route('b'));
  expect(told(stream)).toMatchObject([{ kind: 'config-snapshot', revision: 'x:1' }]);
});

test('commits that follow within a few milliseconds are told as one, and none is split', () => {
  const hub = createHubFixture({ mergeMs: 5 });
  const { stream } = follow(hub, '0');
  commit(hub, 'x:1', route('a'), route('b'));
  commit(hub, 'x:2', route('a', 'v2'), route('b', 'v2'));
  hub.config.commit('x:3', new Map([['c', route('c')]]), new Set(['a']));
  expect(told(stream)).toHaveLength(1);
  hub.clock.advance(5);
  expect(told(stream)[1]).toEqual({
    kind: 'config-delta',
    from: 'x:1',
    revision: 'x:3',
    upserts: [route('b', 'v2'), route('c')],
    removes: ['a'],
  });
});

test('a stream that opens while commits wait to be told gets them once', () => {
  const hub = createHubFixture({ mergeMs: 5 });
  commit(hub, 'x:1', route('a'));
  commit(hub, 'x:2', route('b'));
  const known = follow(hub, 'x:2').stream;
  const behind = follow(hub, 'x:1').stream;
  const anew = follow(hub, null).stream;
  hub.clock.advance(5);
  expect(told(known)).toEqual([]);
  expect([...held(behind).keys()].sort()).toEqual(['a', 'b']);
  expect(told(anew)).toMatchObject([{ kind: 'config-snapshot', revision: 'x:2' }]);
});

test('a subscription on an open stream asks for the whole only by null', () => {
  const hub = createHubFixture();
  commit(hub, 'x:1', route('a'));
  const { session, stream } = follow(hub, 'x:1');
  hub.hub.subscribe(session, { services: ['reviews.default'], config: { revision: 'x:0' } });
  expect(told(stream)).toEqual([]);
  hub.hub.subscribe(session, { services: [], config: { revision: null } });
  expect(told(stream)).toMatchObject([{ kind: 'config-snapshot', revision: 'x:1' }]);
});

test('a stream that is opened anew goes by what its client said last, not by what was written to the old one', () => {
  const hub = createHubFixture();
  commit(hub, 'x:1', route('a'));
  const { session } = follow(hub, 'x:1');
  hub.clock.advance(5);
  commit(hub, 'x:2', route('b'));
  hub.hub.subscribe(session, { services: [], config: { revision: 'x:1' } });
  const stream = new HeldStream();
  hub.hub.open(session, stream, undefined);
  expect(told(stream)).toMatchObject([{ kind: 'config-delta', revision: 'x:2' }]);
});

test('a reader that is too slow gets the whole once it has caught up', () => {
  const hub = createHubFixture({ mergeMs: 0, maxQueueBytes: 500 });
  const { stream } = follow(hub, '0');
  stream.held = true;
  for (let i = 1; i <= 20; i += 1) commit(hub, `x:${i}`, route('a', `v${i}`), route('b', `v${i}`));
  expect(hub.drops()).toBe(1);
  expect(told(stream).length).toBeLessThan(5);
  stream.release();
  expect(told(stream).at(-1)).toMatchObject({ kind: 'config-snapshot', revision: 'x:20' });
  hub.clock.advance(1);
  commit(hub, 'x:21', route('a', 'v21'), route('b', 'v21'));
  expect(told(stream).at(-1)).toMatchObject({ kind: 'config-delta', from: 'x:20' });
});

test('closing tells what still waits', () => {
  const hub = createHubFixture({ mergeMs: 60_000 });
  const { stream } = follow(hub, '0');
  commit(hub, 'x:1', route('a'));
  commit(hub, 'x:2', route('b'));
  hub.hub.close();
  expect([...held(stream).keys()]).toEqual(['a', 'b']);
  expect(stream.ended).toBe(true);
});

test('the same bytes go to all followers of a commit', () => {
  const hub = createHubFixture();
  const streams = Array.from({ length: 3 }, () => follow(hub, '0').stream);
  commit(hub, 'x:1', route('a'));
  const [first, ...others] = streams.map(({ chunks }) => chunks.at(-1));
  for (const chunk of others) expect(chunk).toBe(first);
});

test('a hundred streams see every pair of resources change together', async () => {
  const registry = await startRegistry({ settleMs: 0 });
  const pair = (version: string) => [route('a', version), route('b', version)];
  await apply(registry, ...pair('v0'));
  const streams = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const session = await registry.openSession();
      const body = { services: [], config: { revision: null } };
      await registry.send(`/v1/sessions/${session}/subscriptions`, { method: 'PUT', body });
      return registry.watch(session);
    }),
  );
  onEnd(() => streams.forEach((stream) => void stream.close()));
  let last = '';
  for (let i = 1; i <= 20; i += 1) ({ revision: last } = await apply(registry, ...pair(`v${i}`)));
  const versions = await Promise.all(
    streams.map(async (stream) => {
      for (;;) {
        const event = await stream.next();
        if (event.kind !== 'config-snapshot' && event.kind !== 'config-delta') continue;
        const changed = event.kind === 'config-snapshot' ? event.resources : event.upserts;
        const [a, b] = changed.map(({ spec }) => JSON.stringify(spec).match(/"v\d+"/)?.[0]);
        expect([changed.length, a]).toEqual([2, b]);
        if (event.revision === last) return a;
      }
    }),
  );
  expect(new Set(versions)).toEqual(new Set(['"v20"']));
});

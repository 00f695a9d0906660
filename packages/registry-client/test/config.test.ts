import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigResource, ConfigSnapshot } from '@inmesh/core';
import { staticEndpoint } from '@inmesh/core';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RegistryClientOptions } from '../src/index.ts';
import type { FakeRegistry } from './fake/fake-registry.ts';
import {
  fakeRegistry,
  follow,
  io,
  moveUntil,
  moving,
  type Setting,
  setUp,
  until,
} from './fake/setting.ts';

const a = route('a', 'v1');
const b = route('b', 'v1');

function route(name: string, version: string): ConfigResource {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'default' },
    spec: { version },
  };
}

interface Following extends Setting {
  readonly told: ConfigSnapshot[];
}

function setUpFollowing(
  servers: string | string[],
  options: Omit<Partial<RegistryClientOptions>, 'servers'> = {},
): Following {
  const setting = setUp({ servers, followConfig: true, ...options });
  const told: ConfigSnapshot[] = [];
  setting.client.config.onChange((snapshot) => void told.push(snapshot));
  return { ...setting, told };
}

/** What the client said that it knows, one for each time it subscribed. */
function subscribed(registry: FakeRegistry): unknown[] {
  return registry
    .seen('PUT', /subscriptions$/)
    .map(({ body }) => (body as { config?: { revision: unknown } }).config?.revision);
}

test('start waits for the configuration, and each change is told whole', async () => {
  const registry = await fakeRegistry();
  registry.config = { revision: 'x:1', resources: [a, b] };
  const { client, told } = setUpFollowing(registry.url);
  expect(client.config.current).toBeUndefined();
  await client.start();
  expect(client.config.current).toEqual({ revision: 'x:1', resources: [a, b] });
  registry.changeConfig('x:2', [route('a', 'v2')], ['VirtualService/default/b']);
  await until(() => told.length === 2);
  expect(told).toEqual([
    { revision: 'x:1', resources: [a, b] },
    { revision: 'x:2', resources: [route('a', 'v2')] },
  ]);
});

test('who did not ask for the configuration does not follow it', async () => {
  const registry = await fakeRegistry();
  registry.config = { revision: 'x:1', resources: [a] };
  const { client } = setUp({ servers: registry.url });
  await client.start();
  registry.changeConfig('x:2', [b]);
  await io();
  expect(subscribed(registry)).toEqual([undefined]);
  expect(client.config.current).toBeUndefined();
});

test('resources that did not change stay the same objects, over deltas and whole tellings', async () => {
  const registry = await fakeRegistry();
  registry.config = { revision: 'x:1', resources: [a, b] };
  const { client, told } = setUpFollowing(registry.url);
  await client.start();
  registry.changeConfig('x:2', [route('a', 'v2')]);
  await until(() => told.length === 2);
  registry.send('config-snapshot', { revision: 'x:3', resources: [route('a', 'v3'), b] });
  await until(() => told.length === 3);
  const ofB = told.map(({ resources }) => resources.find(({ metadata }) => metadata.name === 'b'));
  expect(ofB[1]).toBe(ofB[0]);
  expect(ofB[2]).toBe(ofB[0]);
});

test('a cut stream goes on from the revision that is known, and nothing is told twice', async () => {
  const registry = await fakeRegistry();
  registry.config = { revision: 'x:1', resources: [a] };
  const { client, clock, told } = setUpFollowing(registry.url);
  await client.start();
  registry.streams[0]?.destroy();
  await moveUntil(clock, () => subscribed(registry).length === 2);
  await moveUntil(clock, () => client.state.kind === 'connected');
  expect(subscribed(registry)).toEqual([null, 'x:1']);
  expect(told).toHaveLength(1);
});

test('what changed while the stream was cut is told after it', async () => {
  const registry = await fakeRegistry();
  registry.config = { revision: 'x:1', resources: [a] };
  const { client, clock, told } = setUpFollowing(registry.url);
  await client.start();
  await registry.stop();
  await moveUntil(clock, () => client.state.kind === 'lost');
  expect(client.config.current?.revision).toBe('x:1');
  registry.config = { revision: 'x:5', resources: [b] };
  await registry.start();
  await moveUntil(clock, () => told.length === 2);
  expect(told[1]).toEqual({ revision: 'x:5', resources: [b] });
});

test('a delta that does not build on what is known asks for the whole, on the same stream', async () => {
  const registry = await fakeRegistry();
  registry.config = { revision: 'x:1', resources: [a] };
  const { client, clock, told } = setUpFollowing(registry.url);
  await client.start();
  registry.config = { revision: 'x:7', resources: [a, b] };
  registry.changeConfig('x:8', [route('a', 'v8')]);
  await moveUntil(clock, () => told.length === 2, 1);
  expect(subscribed(registry)).toEqual([null, null]);
  expect(told[1]).toEqual({ revision: 'x:8', resources: [route('a', 'v8'), b] });
  expect(registry.seen('GET', /watch$/)).toHaveLength(1);
});

test('a delta that comes again changes nothing', async () => {
  const registry = await fakeRegistry();
  registry.config = { revision: 'x:1', resources: [a] };
  const { client, told } = setUpFollowing(registry.url);
  await client.start();
  registry.changeConfig('x:2', [b]);
  registry.send('config-delta', { from: 'x:1', revision: 'x:2', upserts: [b], removes: [] });
  registry.changeConfig('x:3', [], ['VirtualService/default/a']);
  await until(() => told.length === 3);
  expect(told.at(-1)).toEqual({ revision: 'x:3', resources: [b] });
  expect(subscribed(registry)).toEqual([null]);
});

test.each<[string, string, unknown]>([
  ['no JSON', 'config-snapshot', '{"revision":'],
  ['no revision', 'config-snapshot', { resources: [] }],
  ['no list', 'config-snapshot', { revision: 'x:2', resources: {} }],
  ['a resource of null', 'config-snapshot', { revision: 'x:2', resources: [b, null] }],
  [
    'a resource without a namespace',
    'config-snapshot',
    { revision: 'x:2', resources: [{ ...b, metadata: { name: 'b' } }] },
  ],
  ['a resource twice', 'config-snapshot', { revision: 'x:2', resources: [b, b] }],
  [
    'a broken resource',
    'config-delta',
    { from: 'x:1', revision: 'x:2', upserts: [b, {}], removes: [] },
  ],
  [
    'a broken removal',
    'config-delta',
    { from: 'x:1', revision: 'x:2', upserts: [b], removes: [7] },
  ],
])('a frame with %s changes nothing, and the whole is asked for', async (_what, kind, data) => {
  const registry = await fakeRegistry();
  registry.config = { revision: 'x:1', resources: [a] };
  registry.put('reviews.default', [staticEndpoint('reviews.default', { id: 'r', port: 1 })]);
  const { client, clock, told, log } = setUpFollowing(registry.url);
  const lists = follow(client, 'reviews.default');
  await client.start();
  registry.config = { revision: 'x:3', resources: [b] };
  registry.send(kind, data);
  await moveUntil(clock, () => told.length === 2, 1);
  expect(told).toEqual([
    { revision: 'x:1', resources: [a] },
    { revision: 'x:3', resources: [b] },
  ]);
  expect(log.some(({ level, fields }) => level === 'error' && fields.kept === 'x:1')).toBe(true);
  expect(client.state.kind).toBe('connected');
  expect(lists).toHaveLength(1);
});

test('a registry that sends nonsense for ever is asked now and then, not in a loop', async () => {
  const registry = await fakeRegistry();
  registry.config = { revision: 'x:1', resources: [a] };
  const { client, clock } = setUpFollowing(registry.url);
  await client.start();
  registry.config = { revision: 'x:2', resources: [null as never] };
  registry.send('config-snapshot', registry.config);
  for (let second = 0; second < 30; second += 1) {
    clock.advance(1_000);
    await io();
  }
  expect(subscribed(registry).length).toBeGreaterThan(3);
  expect(subscribed(registry).length).toBeLessThan(10);
  expect(client.config.current?.revision).toBe('x:1');
  expect(registry.seen('GET', /watch$/)).toHaveLength(1);
});

test('a configuration that does not come is asked for again', async () => {
  const registry = await fakeRegistry();
  registry.snapshots = false;
  const { client, clock } = setUpFollowing(registry.url);
  const starting = moving(clock, client.start());
  await moveUntil(clock, () => client.state.kind === 'connected');
  registry.snapshots = true;
  await starting;
  expect(client.config.current).toEqual({ revision: '0', resources: [] });
});

describe('a registry to which nothing was ever applied', () => {
  test('is the word for a client that knows nothing', async () => {
    const { client } = setUpFollowing((await fakeRegistry()).url);
    await client.start();
    expect(client.config.current).toEqual({ revision: '0', resources: [] });
  });

  test('takes no configuration away when it came back without its memory, settled or not', async () => {
    const registry = await fakeRegistry();
    registry.config = { revision: 'x:4', resources: [a, b] };
    const { client, clock, told, log } = setUpFollowing(registry.url);
    await client.start();
    registry.config = { revision: '0', resources: [] };
    await registry.restart('e2', true);
    await moveUntil(clock, () => registry.streams.length === 1);
    registry.settle();
    await io();
    expect(told).toHaveLength(1);
    expect(client.config.current).toEqual({ revision: 'x:4', resources: [a, b] });
    expect(log.filter(({ fields }) => fields.kept === 'x:4')).toHaveLength(1);
    registry.changeConfig('y:1', [route('a', 'v9')]);
    await until(() => told.length === 2);
    expect(told[1]).toEqual({ revision: 'y:1', resources: [route('a', 'v9')] });
  });

  test('is something else than one from which everything was deleted', async () => {
    const registry = await fakeRegistry();
    registry.config = { revision: 'x:4', resources: [a] };
    const { client, told } = setUpFollowing(registry.url);
    await client.start();
    registry.changeConfig('x:5', [], ['VirtualService/default/a']);
    await until(() => told.length === 2);
    expect(client.config.current).toEqual({ revision: 'x:5', resources: [] });
  });
});

test('another server that knows the same revision is believed at once, one that knows another is followed', async () => {
  const servers = [await fakeRegistry(), await fakeRegistry()];
  for (const server of servers) server.config = { revision: 'x:1', resources: [a] };
  const { client, clock, told } = setUpFollowing(servers.map(({ url }) => url));
  await client.start();
  const first = servers.find(({ streams }) => streams.length === 1) as FakeRegistry;
  const second = servers.find((server) => server !== first) as FakeRegistry;
  await first.stop();
  await moveUntil(clock, () => second.streams.length === 1);
  expect(subscribed(second)).toEqual(['x:1']);
  expect(told).toHaveLength(1);
  first.config = { revision: 'x:2', resources: [b] };
  await first.start();
  await second.stop();
  await moveUntil(clock, () => told.length === 2);
  expect(told[1]?.revision).toBe('x:2');
});

test('a listener that throws is logged, and the others are told', async () => {
  const registry = await fakeRegistry();
  const { client, log } = setUp({ servers: registry.url, followConfig: true });
  const heard: string[] = [];
  client.config.onChange(() => {
    throw new Error('not today');
  });
  const stop = client.config.onChange(({ revision }) => void heard.push(revision));
  await client.start();
  stop();
  stop();
  registry.changeConfig('x:1', [a]);
  await until(() => client.config.current?.revision === 'x:1');
  expect(heard).toEqual(['0']);
  expect(log.some(({ message }) => message === 'a listener for configuration threw')).toBe(true);
});

describe('the snapshot file', () => {
  let directory: string;
  let snapshotFile: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'inmesh-config-'));
    snapshotFile = join(directory, 'snapshot.json');
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('gives the last configuration to a process that starts while the registry is away', async () => {
    const registry = await fakeRegistry();
    registry.config = { revision: 'x:1', resources: [a] };
    registry.put('reviews.default', [staticEndpoint('reviews.default', { id: 'r', port: 1 })]);
    const before = setUpFollowing(registry.url, { snapshotFile });
    const lists = follow(before.client, 'reviews.default');
    await before.client.start();
    await until(() => lists.length === 1);
    await moving(before.clock, before.client.close());
    await registry.stop();

    const { client, clock, told } = setUpFollowing(registry.url, { snapshotFile });
    await moving(clock, client.start());
    expect(client.state.kind).toBe('lost');
    expect(told).toEqual([{ revision: 'x:1', resources: [a] }]);

    registry.config = { revision: 'x:2', resources: [b] };
    await registry.start();
    await moveUntil(clock, () => told.length === 2);
    expect(subscribed(registry).at(-1)).toBe('x:1');
    expect(told[1]).toEqual({ revision: 'x:2', resources: [b] });
  });
});

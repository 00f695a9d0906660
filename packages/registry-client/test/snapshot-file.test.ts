import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigSnapshot, type EndpointList, silentLogger, staticEndpoint } from '@inmesh/core';
import { createFakeClock } from '@inmesh/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  readSnapshotFile,
  type SnapshotContents,
  writeSnapshotFile,
} from '../src/snapshot-file.ts';
import { SnapshotWriter } from '../src/snapshot-writer.ts';
import { fakeRegistry, follow, ids, moveUntil, moving, setUp, until } from './fake/setting.ts';

const service = 'reviews.default';
const a = staticEndpoint(service, { id: 'a', port: 1001 });
const list: EndpointList = {
  service,
  endpoints: [a],
  revision: 'e1:1/1',
  state: 'live',
  asOf: 900,
};
const config: ConfigSnapshot = {
  revision: 'x:1',
  resources: [
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'reviews', namespace: 'default' },
      spec: {},
    },
  ],
};
const contents: SnapshotContents = { lists: [list], config };
const dayMs = 86_400_000;

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'inmesh-snapshot-'));
  path = join(directory, 'endpoints.json');
});
afterEach(() => rm(directory, { recursive: true }));

describe('the file', () => {
  test('gives back what was written, stale, and as old as it has become', async () => {
    await writeSnapshotFile(path, contents, { now: 1_000, wallNow: 50_000 });
    expect(await readSnapshotFile(path, dayMs, { now: 7, wallNow: 53_000 })).toEqual({
      lists: [{ ...list, state: 'stale', asOf: 7 - 100 - 3_000 }],
      config,
    });
  });

  test('is its owner’s alone, and nothing else is left in the directory', async () => {
    await writeSnapshotFile(path, contents, { now: 0, wallNow: 0 });
    await writeSnapshotFile(path, { lists: [], config: undefined }, { now: 0, wallNow: 0 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['endpoints.json']);
  });

  test('has its folder made, for its owner alone', async () => {
    const below = join(directory, 'cache', 'inmesh', 'endpoints.json');
    await writeSnapshotFile(below, contents, { now: 0, wallNow: 0 });
    expect((await stat(join(directory, 'cache', 'inmesh'))).mode & 0o777).toBe(0o700);
    expect(await readSnapshotFile(below, dayMs, { now: 0, wallNow: 0 })).toMatchObject({ config });
  });

  test('that is not there gives nothing', async () => {
    expect(await readSnapshotFile(path, dayMs, { now: 0, wallNow: 0 })).toEqual({
      lists: [],
      config: undefined,
    });
  });

  test('lists that are too old are left out, whatever the wall clock did; the configuration is not', async () => {
    await writeSnapshotFile(path, contents, { now: 900 + dayMs, wallNow: 0 });
    const read = (wallNow: number) => readSnapshotFile(path, dayMs, { now: 0, wallNow });
    expect(await read(1)).toEqual({ lists: [], config });
    expect((await read(-dayMs)).lists).toHaveLength(1);
  });

  test.each([
    ['cut short', '{"format":"inmesh-endpoints/1","savedAt":0,"serv'],
    ['no object', '[]'],
    ['of another format', '{"format":"other","savedAt":0,"services":[]}'],
    ['empty', ''],
    [
      'damaged in its configuration',
      '{"format":"inmesh-endpoints/1","savedAt":0,"services":[],"config":{"revision":"x:1","resources":[{}]}}',
    ],
  ])('that is %s is refused', async (_, text) => {
    await writeFile(path, text, { mode: 0o600 });
    await expect(readSnapshotFile(path, dayMs, { now: 0, wallNow: 0 })).rejects.toThrow();
  });

  test('entries that cannot be read are left out, the others are used', async () => {
    await writeSnapshotFile(path, contents, { now: 900, wallNow: 0 });
    const file = JSON.parse(await readFile(path, 'utf8'));
    const [good] = file.services;
    file.services = [
      null,
      { ...good, service: '__proto__' },
      { ...good, service: '../etc.passwd' },
      { ...good, ageMs: '5' },
      { ...good, ageMs: -1 },
      { ...good, endpoints: [a, { ...a, id: 'x', address: 'evil.example' }] },
    ];
    await writeFile(path, JSON.stringify(file));
    const { lists } = await readSnapshotFile(path, dayMs, { now: 0, wallNow: 0 });
    expect(lists.map(({ endpoints }) => endpoints)).toEqual([[a]]);
  });

  test('that others may write, or that is a link, is refused', async () => {
    await writeSnapshotFile(path, contents, { now: 0, wallNow: 0 });
    await symlink(path, join(directory, 'link'));
    const time = { now: 0, wallNow: 0 };
    await expect(readSnapshotFile(join(directory, 'link'), dayMs, time)).rejects.toThrow('ELOOP');
    await chmod(path, 0o666);
    await expect(readSnapshotFile(path, dayMs, time)).rejects.toThrow('others may write it');
  });
});

describe('the writer', () => {
  test('gathers changes for a second, and writes what did not change every ten minutes', async () => {
    const clock = createFakeClock();
    let asked = 0;
    const writer = new SnapshotWriter({
      path,
      clock,
      logger: silentLogger,
      contents: () => {
        asked += 1;
        return contents;
      },
    });
    for (let change = 0; change < 100; change += 1) writer.changed();
    clock.advance(999);
    expect(asked).toBe(0);
    clock.advance(1);
    await until(() => clock.pendingTimers === 1);
    expect(asked).toBe(1);
    clock.advance(600_000);
    await until(() => clock.pendingTimers === 1);
    expect(asked).toBe(2);
    await writer.close();
    expect(asked).toBe(2);
    expect(clock.pendingTimers).toBe(0);
  });

  test('never writes twice at a time, and close waits for both', async () => {
    const clock = createFakeClock();
    let asked = 0;
    const writer = new SnapshotWriter({
      path,
      clock,
      logger: silentLogger,
      contents: () => {
        asked += 1;
        return { lists: [{ ...list, revision: `${asked}` }], config };
      },
    });
    writer.changed();
    clock.advance(1_000);
    writer.changed();
    const closing = writer.close();
    expect(asked).toBe(1);
    await closing;
    const read = await readSnapshotFile(path, dayMs, { now: 900, wallNow: clock.wallNow() });
    expect(read.lists[0]?.revision).toBe('2');
    expect(clock.pendingTimers).toBe(0);
  });

  test('a directory that cannot be made is logged once and disturbs nothing', async () => {
    const clock = createFakeClock();
    const warnings: string[] = [];
    const logger = {
      debug() {},
      info() {},
      warn: (_: unknown, message: string) => void warnings.push(message),
      error() {},
    };
    await writeFile(path, 'no directory');
    const away = join(path, 'file');
    const writer = new SnapshotWriter({ path: away, clock, logger, contents: () => contents });
    for (let round = 0; round < 3; round += 1) {
      writer.changed();
      clock.advance(1_000);
      await until(() => clock.pendingTimers === 1);
    }
    await writer.close();
    expect(warnings).toEqual(['the snapshot file cannot be written']);
  });
});

describe('a process that starts while the registry is away', () => {
  async function written(): Promise<string> {
    const registry = await fakeRegistry();
    registry.put(service, [a]);
    const { client, clock } = setUp({ servers: registry.url, snapshotFile: path });
    const lists = follow(client, service);
    await client.start();
    await until(() => lists.length === 1);
    await moving(clock, client.close());
    await registry.stop();
    return registry.url;
  }

  test('works on what the last one wrote, which says how old it is', async () => {
    const { client, clock } = setUp({ servers: await written(), snapshotFile: path });
    await moving(clock, client.start());
    expect(client.state.kind).toBe('lost');
    expect(client.get(service)).toMatchObject({ state: 'stale', endpoints: [a] });
    const list = await client.ready(service, 1);
    expect(list.asOf).toBeLessThanOrEqual(clock.now());
  });

  test('keeps the old list until a settled registry says otherwise', async () => {
    await written();
    const registry = await fakeRegistry();
    registry.settling = true;
    const { client, clock } = setUp({ servers: registry.url, snapshotFile: path, flapHoldMs: 0 });
    const lists = follow(client, service);
    await moving(clock, client.start());
    await until(() => registry.streams.length === 1);
    registry.settle();
    await moveUntil(clock, () => client.get(service)?.state === 'unknown');
    expect(lists.map((each) => [each.state, ids(each)])).toEqual([
      ['stale', ['a']],
      ['unknown', []],
    ]);
  });

  test('does not use a file that somebody else could have written, and says so', async () => {
    const url = await written();
    await chmod(path, 0o622);
    const { client, clock, log } = setUp({ servers: url, snapshotFile: path, startTimeoutMs: 500 });
    await expect(moving(clock, client.start())).rejects.toMatchObject({ code: 'start_timeout' });
    expect(client.get(service)).toBeUndefined();
    expect(log[0]).toMatchObject({ level: 'error', message: 'the snapshot file is not used' });
  });
});

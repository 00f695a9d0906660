import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedStore, createRegistryServer } from '@inmesh/registry-server';
import { expect, test } from '@jest/globals';
import { onEnd, startRegistry } from './registry-fixture.ts';
import { storeSuite } from './store-suite.ts';

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'inmesh-store-'));
  onEnd(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

storeSuite({ name: 'the store in memory', create: () => createEmbeddedStore() });
storeSuite({
  name: 'the store in a file',
  create: async () => createEmbeddedStore({ dataDir: await temporaryDirectory() }),
});

test('what was committed is there after a restart, with its revisions', async () => {
  const dataDir = join(await temporaryDirectory(), 'made', 'here');
  const before = await createEmbeddedStore({ dataDir });
  const revision = await before.commit([{ kind: 'put', key: 'a', value: '1' }]);
  await before.close();
  const after = await createEmbeddedStore({ dataDir });
  onEnd(() => after.close());
  expect(await after.get('a')).toEqual({ key: 'a', value: '1', revision });
  expect((await after.list('')).revision).toBe(revision);
});

test('the file is for its owner only, and no half-written one stays behind', async () => {
  const dataDir = await temporaryDirectory();
  const store = await createEmbeddedStore({ dataDir });
  onEnd(() => store.close());
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => store.commit([{ kind: 'put', key: `k${i}`, value: '' }])),
  );
  expect(await readdir(dataDir)).toEqual(['registry.json']);
  if (process.platform !== 'win32') {
    expect((await stat(join(dataDir, 'registry.json'))).mode & 0o777).toBe(0o600);
  }
});

test('a commit that cannot be written fails, and is not in memory either', async () => {
  const dataDir = await temporaryDirectory();
  const store = await createEmbeddedStore({ dataDir });
  onEnd(() => store.close());
  await store.commit([{ kind: 'put', key: 'a', value: '1' }]);
  // A directory in the way of the temporary file.
  const obstacle = join(dataDir, `registry.json.${process.pid}.tmp`);
  await mkdir(obstacle);
  await expect(store.commit([{ kind: 'put', key: 'a', value: '2' }])).rejects.toThrow();
  expect(await store.get('a')).toMatchObject({ value: '1' });
  await rm(obstacle, { recursive: true });
  await store.commit([{ kind: 'put', key: 'a', value: '3' }]);
  expect(await store.get('a')).toMatchObject({ value: '3' });
});

test('two registries in one data directory do not overwrite each other', async () => {
  const dataDir = await temporaryDirectory();
  const [one, two] = [
    await createEmbeddedStore({ dataDir }),
    await createEmbeddedStore({ dataDir }),
  ];
  onEnd(() => Promise.all([one.close(), two.close()]));
  await one.commit([{ kind: 'put', key: 'a', value: 'one' }]);
  const second = two.commit([{ kind: 'put', key: 'a', value: 'two' }]);
  await expect(second).rejects.toMatchObject({ code: 'conflict' });
  expect(JSON.parse(await readFile(join(dataDir, 'registry.json'), 'utf8')).entries[0].value).toBe(
    'one',
  );
});

test.each([
  ['is cut off', '{"format":1,"revision":3,"entr'],
  ['is empty', ''],
  ['is of another format', '{"format":2}'],
  ['lacks its entries', '{"format":1,"revision":3}'],
  [
    'has an entry without value',
    '{"format":1,"revision":3,"entries":[{"key":"a","revision":"1"}]}',
  ],
  ['has no entry where one should be', '{"format":1,"revision":3,"entries":[null]}'],
  ['is null', 'null'],
])(
  'a registry whose file %s refuses to start, says what to do, and leaves the file alone',
  async (_what, text) => {
    const dataDir = await temporaryDirectory();
    const path = join(dataDir, 'registry.json');
    await writeFile(path, text);
    const server = createRegistryServer({ port: 0, dataDir });
    await expect(server.listen()).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(
        /registry\.json is damaged .* restore it from a backup, or move it away/,
      ),
    });
    await server.close();
    expect(await readFile(path, 'utf8')).toBe(text);
  },
);

test('a status override takes an endpoint out at once, and survives a restart of both', async () => {
  const dataDir = await temporaryDirectory();
  const before = await startRegistry({ dataDir });
  const path = '/v1/endpoints/r1/override';
  const set = (registry: typeof before, status: string) =>
    registry.send(path, { method: 'PUT', body: { status } });
  expect((await set(before, 'down')).json.code).toBe('not_found');
  await before.register(await before.openSession(), 'r1');
  expect((await set(before, 'down')).status).toBe(204);
  const statusOf = async (registry: typeof before): Promise<string> =>
    (await registry.send('/v1/services/default/reviews')).json.endpoints[0].status;
  expect(await statusOf(before)).toBe('down');
  expect((await set(before, 'sideways')).status).toBe(400);
  await before.server.close();

  const after = await startRegistry({ dataDir });
  await after.register(await after.openSession(), 'r1');
  expect(await statusOf(after)).toBe('down');
  expect((await after.send(path, { method: 'DELETE' })).status).toBe(204);
  expect(await statusOf(after)).toBe('up');
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigResource } from '@inmesh/core';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { createRegistryServer } from '../src/index.ts';
import { type Fixture, onEnd, startRegistry } from './registry-fixture.ts';
import { apply, brokenRoute, names, route } from './resource-fixture.ts';

const key = 'VirtualService/default/reviews';
const path = `/v1/resources/${key}`;

async function dataDir(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'inmesh-registry-'));
  onEnd(() => rm(folder, { recursive: true }));
  return folder;
}

function post(registry: Fixture, body: unknown): ReturnType<Fixture['send']> {
  return registry.send('/v1/resources', { method: 'POST', body });
}

test('a registry to which nothing was applied says so by its revision', async () => {
  const registry = await startRegistry();
  const { json } = await registry.send('/v1/resources');
  expect(json).toEqual({ revision: '0', resources: [] });
});

test('an applied resource can be read, by itself, by kind and by namespace', async () => {
  const registry = await startRegistry();
  const { revision, changes } = await apply(
    registry,
    route('reviews'),
    route('ratings', 'v1', 'prod'),
  );
  expect(changes).toEqual([
    { key, action: 'created' },
    { key: 'VirtualService/prod/ratings', action: 'created' },
  ]);
  expect((await registry.send(path)).json).toMatchObject(route('reviews'));
  const read = async (query: string): Promise<string[]> => {
    const { json } = await registry.send(`/v1/resources?${query}`);
    expect(json.revision).toBe(revision);
    return json.resources.map((each: ConfigResource) => each.metadata.name);
  };
  expect(await read('kind=VirtualService')).toEqual(['reviews', 'ratings']);
  expect(await read('namespace=prod')).toEqual(['ratings']);
  expect(await read('kind=DestinationRule')).toEqual([]);
});

test('creation sets the time, an update keeps it, and what the sender says of it is left out', async () => {
  const clock = createFakeClock();
  const registry = await startRegistry({ clock });
  const forged = route('reviews');
  await apply(registry, {
    ...forged,
    metadata: { ...forged.metadata, creationTimestamp: '1999-01-01T00:00:00Z' },
  });
  const created = new Date(clock.wallNow()).toISOString();
  clock.advance(60_000);
  const { changes } = await apply(registry, route('reviews', 'v2'));
  expect(changes).toEqual([{ key, action: 'updated' }]);
  expect((await registry.send(path)).json).toMatchObject({
    ...route('reviews', 'v2'),
    metadata: { creationTimestamp: created },
  });
});

test('what is the same already is unchanged and makes no revision', async () => {
  const registry = await startRegistry();
  const first = await apply(registry, route('reviews'));
  const { spec, ...rest } = route('reviews');
  const again = await apply(registry, { spec, ...rest });
  expect(again).toEqual({
    revision: first.revision,
    changes: [{ key, action: 'unchanged' }],
    warnings: [],
  });
});

test('of a batch with one mistake nothing is applied, and every mistake is told with its place', async () => {
  const registry = await startRegistry();
  const before = await apply(registry, route('details'));
  const { status, json } = await post(registry, {
    resources: [route('reviews'), brokenRoute('ratings'), route('reviews', 'v2')],
  });
  expect(status).toBe(422);
  expect(json.code).toBe('invalid_resource');
  expect(json.errors).toContainEqual({
    path: '/resources/1/spec/http/0/timeout',
    message: expect.stringContaining('VirtualService/default/ratings'),
  });
  expect(json.errors).toContainEqual({ path: '/resources/2', message: `${key} is given twice` });
  expect((await registry.send('/v1/resources')).json.revision).toBe(before.revision);
  expect(await names(registry)).toEqual(['details']);
  expect((await registry.send('/metrics')).text).toContain(
    'inmesh_registry_config_refusals_total 1',
  );
});

test('a dry run tells what would change, and changes nothing', async () => {
  const registry = await startRegistry();
  const before = await apply(registry, route('reviews'));
  const { json } = await post(registry, {
    resources: [route('reviews', 'v2'), route('ratings')],
    dryRun: true,
  });
  expect(json.revision).toBe(before.revision);
  expect(json.changes.map((each: { action: string }) => each.action)).toEqual([
    'updated',
    'created',
  ]);
  expect(await names(registry)).toEqual(['reviews']);
});

test('expectedRevision refuses to write over what somebody else changed meanwhile', async () => {
  const registry = await startRegistry();
  const { revision } = await apply(registry, route('reviews'));
  const edit = { resources: [route('reviews', 'v2')], expectedRevision: revision };
  expect((await post(registry, edit)).status).toBe(200);
  const late = await post(registry, { ...edit, resources: [route('reviews', 'v3')] });
  expect([late.status, late.json.code]).toEqual([409, 'conflict']);
  expect((await registry.send(path)).json).toMatchObject(route('reviews', 'v2'));
});

test('a hundred batches at once are all applied, one after the other', async () => {
  const registry = await startRegistry({ dataDir: await dataDir() });
  const all = Array.from({ length: 100 }, (_, i) => `s${i}`);
  const applied = await Promise.all(all.map((name) => apply(registry, route(name))));
  expect(new Set(applied.map(({ revision }) => revision)).size).toBe(100);
  expect((await names(registry)).sort()).toEqual([...all].sort());
});

test('a deleted resource is gone, and a second deletion finds nothing', async () => {
  const registry = await startRegistry();
  const { revision } = await apply(registry, route('reviews'));
  const { status, json } = await registry.send(path, { method: 'DELETE' });
  expect([status, json.changes]).toEqual([200, [{ key, action: 'deleted' }]]);
  expect(json.revision).not.toBe(revision);
  expect((await registry.send(path)).json.code).toBe('not_found');
  const again = await registry.send(path, { method: 'DELETE' });
  expect([again.status, again.json.code]).toEqual([404, 'not_found']);
});

test('warnings are told and do not stand in the way', async () => {
  const registry = await startRegistry();
  const { warnings, changes } = await apply(registry, {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'db' },
    spec: { hosts: ['db.example.com'], ports: [{ number: 5432, name: 'tcp', protocol: 'TCP' }] },
  });
  expect(changes).toEqual([{ key: 'ServiceEntry/default/db', action: 'created' }]);
  expect(warnings).toEqual([
    {
      key: 'ServiceEntry/default/db',
      path: '/spec/ports/0/protocol',
      message: expect.stringContaining('only HTTP calls'),
    },
  ]);
});

test('resources and their revision outlive a restart with a data directory', async () => {
  const folder = await dataDir();
  const first = await startRegistry({ dataDir: folder });
  await apply(first, route('reviews'), route('ratings'));
  await first.send('/v1/resources/VirtualService/default/ratings', { method: 'DELETE' });
  const before = (await first.send('/v1/resources')).json;
  await first.server.close();
  const second = await startRegistry({ dataDir: folder });
  expect((await second.send('/v1/resources')).json).toEqual(before);
  const { revision } = await apply(second, route('details'));
  expect(revision).not.toBe(before.revision);
});

test('two runs without a data directory never use the same revision', async () => {
  const revisions: string[] = [];
  for (let run = 0; run < 2; run += 1) {
    revisions.push((await apply(await startRegistry(), route('reviews'))).revision);
  }
  expect(revisions[0]).not.toBe(revisions[1]);
});

/** Replaces text in the store's file, as an older version or a careless person would have. */
async function tamper(folder: string, from: string, to: string): Promise<void> {
  const file = join(folder, 'registry.json');
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll(from, to));
}

test('a stored resource that is not valid any more is kept, served and reported', async () => {
  const folder = await dataDir();
  const first = await startRegistry({ dataDir: folder });
  await apply(first, route('reviews'), route('ratings'));
  await first.server.close();
  await tamper(folder, '\\"subset\\":\\"v1\\"}', '\\"subset\\":\\"v1\\",\\"retired\\":1}');
  const reported: unknown[] = [];
  const error = (fields: Readonly<Record<string, unknown>>): void => void reported.push(fields);
  const nothing = (): void => {};
  const second = await startRegistry({
    dataDir: folder,
    logger: { debug: nothing, info: nothing, warn: nothing, error },
  });
  expect(await names(second)).toEqual(['ratings', 'reviews']);
  expect(reported).toHaveLength(2);
  expect(reported).toContainEqual({ resource: key, complaint: expect.stringContaining('retired') });
  expect((await apply(second, route('reviews'))).changes).toEqual([{ key, action: 'updated' }]);
});

test('an entry that no registry wrote stops the start, with what to do', async () => {
  const folder = await dataDir();
  const first = await startRegistry({ dataDir: folder });
  await apply(first, route('reviews'));
  await first.server.close();
  await tamper(folder, '\\"kind\\":', '\\"kine\\":');
  const server = createRegistryServer({ port: 0, dataDir: folder });
  onEnd(() => server.close());
  await expect(server.listen()).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining(`${key} is damaged; restore`),
  });
});

test('10,000 resources are applied at once, and one after them', async () => {
  const registry = await startRegistry();
  const many = Array.from({ length: 10_000 }, (_, i) => route(`s${i}`));
  const { changes } = await apply(registry, ...many);
  expect(changes).toHaveLength(10_000);
  await apply(registry, route('one-more'));
  expect(await names(registry)).toHaveLength(10_001);
  expect((await registry.send('/metrics')).text).toContain('inmesh_registry_resources 10001');
});

test.each<[string, Parameters<typeof startRegistry>[0], string]>([
  ['number', { limits: { resources: 2 } }, 'limits.resources'],
  ['size', { limits: { configBytes: 600 } }, 'limits.configBytes'],
])(
  'beyond the limit of their %s nothing is stored, and deleting still works',
  async (_what, options, named) => {
    const registry = await startRegistry(options);
    await apply(registry, route('a'), route('b'));
    const { status, json } = await post(registry, { resources: [route('c')] });
    expect([status, json.code]).toEqual([503, 'overloaded']);
    expect(json.detail).toContain(named);
    expect(await names(registry)).toEqual(['a', 'b']);
    const gone = await registry.send('/v1/resources/VirtualService/default/a', {
      method: 'DELETE',
    });
    expect(gone.status).toBe(200);
  },
);

const huge = 'x'.repeat(1_100_000);

test.each<[string, unknown, number, string]>([
  ['no list', {}, 400, '/resources'],
  ['an unknown field', { resources: [], force: true }, 400, '/force'],
  [
    'a resource without metadata',
    { resources: [{ apiVersion: 'v1', kind: 'X' }] },
    400,
    '/resources/0/metadata',
  ],
  ['an unknown kind', { resources: [{ ...route('a'), kind: 'Gatway' }] }, 422, '/resources/0/kind'],
  ['a name that is a path', { resources: [route('../x')] }, 422, '/resources/0/metadata/name'],
  [
    'over 1 MiB in one resource',
    {
      resources: [
        {
          ...route('a'),
          metadata: {
            name: 'a',
            annotations: Object.fromEntries(
              Array.from({ length: 6 }, (_, i) => [`k${i}`, huge.slice(0, 200_000)]),
            ),
          },
        },
      ],
    },
    422,
    '/resources/0',
  ],
  [
    'nesting without end',
    `{"resources":[{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"a"},"spec":${'['.repeat(200_000)}${']'.repeat(200_000)}}]}`,
    422,
    '/resources/0/spec',
  ],
])(
  'a batch with %s is refused, says where, and changes nothing',
  async (_what, body, status, at) => {
    const registry = await startRegistry();
    const answer = await post(registry, body);
    expect([answer.status, answer.json.errors?.[0]?.path]).toEqual([status, at]);
    expect((await registry.send('/v1/resources')).json.revision).toBe('0');
  },
);

test('a body over 8 MiB and a key __proto__ are refused before anything is looked at', async () => {
  const registry = await startRegistry();
  const large = JSON.stringify({ resources: Array(8).fill({ ...route('a'), spec: { x: huge } }) });
  expect((await post(registry, large)).status).toBe(413);
  const text =
    '{"resources":[{"apiVersion":"v1","kind":"X","metadata":{"name":"a","__proto__":{}}}]}';
  expect((await post(registry, text)).status).toBe(400);
});

test.each([
  '/v1/resources?kind=../x',
  '/v1/resources?colour=red',
  '/v1/resources/VirtualService/Default/reviews',
])('GET %s is refused', async (url) => {
  const registry = await startRegistry();
  expect((await registry.send(url)).status).toBe(400);
});

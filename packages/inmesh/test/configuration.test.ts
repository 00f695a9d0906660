import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { defineResource, type ResourceInput } from '@inmesh/config';
import { createWorkload, type MeshEvent, silentLogger } from '@inmesh/core';
import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { createMesh, type Mesh } from 'inmesh';
import { createMeshConfiguration } from '../src/config/mesh-configuration.ts';
import { allTo, configured, join, onEnd, post, serve, startRegistry } from './support/in-mesh.ts';

const answers = async (mesh: Mesh, url: string, calls = 10): Promise<string[]> => {
  const seen = new Set<string>();
  for (let i = 0; i < calls; i += 1) seen.add((await mesh.request(url)).text());
  return [...seen].sort();
};

test('calls follow what is applied, and what is deleted', async () => {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  await serve(url, 'reviews', 'v2');
  const shop = await join({ service: 'shop', registry: url, balancer: { kind: 'round-robin' } });
  expect(await answers(shop, 'http://reviews/')).toEqual(['v1', 'v2']);

  const { revision } = await post(url, ...allTo('reviews', 'v2'));
  await configured(shop, revision);
  expect(await answers(shop, 'http://reviews/')).toEqual(['v2']);
  expect(shop.inspect().config).toEqual({ revision, resources: 2, rejected: undefined });

  const gone = await fetch(`${url}/v1/resources/VirtualService/default/reviews`, {
    method: 'DELETE',
  });
  await configured(shop, ((await gone.json()) as { revision: string }).revision);
  expect(await answers(shop, 'http://reviews/')).toEqual(['v1', 'v2']);
});

test('a mesh that joins later has the configuration before its first call', async () => {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  await serve(url, 'reviews', 'v2');
  const { revision } = await post(url, ...allTo('reviews', 'v1'));
  const shop = await join({ service: 'shop', registry: url });
  expect(shop.inspect().config.revision).toBe(revision);
  expect(await answers(shop, 'http://reviews/')).toEqual(['v1']);
});

test('resources in code hold until the registry has one of the same name, and again when it is deleted', async () => {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  await serve(url, 'reviews', 'v2');
  const shop = await join({ service: 'shop', registry: url, resources: allTo('reviews', 'v1') });
  expect(await answers(shop, 'http://reviews/')).toEqual(['v1']);
  await configured(shop, (await post(url, ...allTo('reviews', 'v2'))).revision);
  expect(await answers(shop, 'http://reviews/')).toEqual(['v2']);
  for (const { kind } of allTo('reviews', 'v2')) {
    const gone = await fetch(`${url}/v1/resources/${kind}/default/reviews`, { method: 'DELETE' });
    await configured(shop, ((await gone.json()) as { revision: string }).revision);
  }
  expect(shop.inspect().config.resources).toBe(2);
  expect(await answers(shop, 'http://reviews/')).toEqual(['v1']);
});

test('resources in code work without a registry, and broken ones stop the start', async () => {
  const redirect: ResourceInput = {
    kind: 'VirtualService',
    metadata: { name: 'old' },
    spec: { hosts: ['old'], http: [{ directResponse: { status: 410, body: { string: 'gone' } } }] },
  };
  const shop = await join({ service: 'shop', endpoints: {}, resources: [redirect] });
  const { status, body } = await shop.request('http://old/');
  expect([status, body.toString()]).toEqual([410, 'gone']);
  const starting = createMesh({
    service: 'shop',
    endpoints: {},
    resources: [{ ...redirect, spec: { hosts: [], http: [] } }],
  });
  await expect(starting).rejects.toMatchObject({
    code: 'invalid_resource',
    message: expect.stringContaining('VirtualService/default/old'),
  });
});

test('a batch that the registry refuses leaves every mesh as it was', async () => {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  const shop = await join({ service: 'shop', registry: url });
  const { revision } = await post(url, ...allTo('reviews', 'v1'));
  await configured(shop, revision);
  const [route, rule] = allTo('reviews', 'v9');
  const broken = { ...rule, spec: { host: 'reviews', subsets: [{ name: '' }] } } as ResourceInput;
  expect(await post(url, route, broken)).toMatchObject({ status: 422 });
  expect(await answers(shop, 'http://reviews/')).toEqual(['v1']);
  expect(shop.inspect().config.revision).toBe(revision);
});

test('the last configuration is there when a mesh starts while the registry is away', async () => {
  const folder = await mkdtemp(joinPath(tmpdir(), 'inmesh-config-'));
  onEnd(() => rm(folder, { recursive: true }));
  const snapshotFile = joinPath(folder, 'shop.json');
  const registry = await startRegistry();
  await serve(registry.url, 'reviews', 'v1');
  await serve(registry.url, 'reviews', 'v2');
  await post(registry.url, ...allTo('reviews', 'v2'));
  const before = await join({ service: 'shop', registry: registry.url, snapshotFile });
  expect(await answers(before, 'http://reviews/')).toEqual(['v2']);
  await before.close();
  await registry.close();
  const after = await join({ service: 'shop', registry: registry.url, snapshotFile });
  expect(after.inspect().registry?.kind).toBe('lost');
  expect(await answers(after, 'http://reviews/')).toEqual(['v2']);
});

test('a registry that came back without its memory takes no route away', async () => {
  const first = await startRegistry();
  await serve(first.url, 'reviews', 'v1');
  await serve(first.url, 'reviews', 'v2');
  const shop = await join({ service: 'shop', registry: first.url });
  const { revision } = await post(first.url, ...allTo('reviews', 'v2'));
  await configured(shop, revision);
  expect(await answers(shop, 'http://reviews/')).toEqual(['v2']);
  await first.close();
  await eventually(() => shop.inspect().registry?.kind !== 'connected');
  // It settles, as it does unless told otherwise: the services may come back after the shop.
  await startRegistry({ port: Number(new URL(first.url).port), settleMs: 5_000 });
  await eventually(() => shop.inspect().registry?.kind === 'connected', 15_000);
  expect(shop.inspect().config.revision).toBe(revision);
  expect(await answers(shop, 'http://reviews/')).toEqual(['v2']);
}, 30_000);

test('what cannot be used is refused whole and told, the last good one goes on, and the next good one is taken', () => {
  const events: MeshEvent[] = [];
  const [good, rule] = allTo('reviews', 'v1').map((each) => defineResource(each));
  const configuration = createMeshConfiguration({
    resources: [],
    compile: { workload: createWorkload({ service: 'shop' }) },
    use() {},
    logger: silentLogger,
    onEvent: (event) => void events.push(event),
  });
  const { router } = configuration;
  configuration.take({ revision: 'x:1', resources: [good, rule] as never });
  const inUse = router.current;
  const newer = { ...rule, kind: 'TrafficShaper' };
  configuration.take({ revision: 'x:2', resources: [newer as never] });
  expect(router.current).toBe(inUse);
  expect(configuration.inspect()).toMatchObject({
    revision: 'x:1',
    resources: 2,
    rejected: { revision: 'x:2', error: { code: 'invalid_resource' } },
  });
  configuration.take({ revision: 'x:3', resources: [good] as never });
  expect(configuration.inspect()).toEqual({ revision: 'x:3', resources: 1, rejected: undefined });
  expect(router.current.revision).toBe('x:3');
  expect(events).toEqual([
    { kind: 'config-changed', revision: 'x:1', resources: 2 },
    { kind: 'config-rejected', revision: 'x:2', error: expect.any(Error) },
    { kind: 'config-changed', revision: 'x:3', resources: 1 },
  ]);
});

test('a change of one resource compiles its hosts only', () => {
  const routes = Array.from({ length: 100 }, (_, i) => defineResource(allTo(`s${i}`, 'v1')[0]));
  const configuration = createMeshConfiguration({
    resources: [],
    compile: { workload: createWorkload({ service: 'shop' }) },
    use() {},
    logger: silentLogger,
    onEvent() {},
  });
  configuration.take({ revision: 'x:1', resources: routes });
  const changed = defineResource(allTo('s7', 'v2')[0]);
  configuration.take({
    revision: 'x:2',
    resources: routes.map((each, i) => (i === 7 ? changed : each)),
  });
  expect(configuration.router.current.compiledHosts).toBe(1);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistryServer } from '@inmesh/registry-server';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createMesh } from 'inmesh';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inmesh-start-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A port on loopback where nothing listens: one that was just given and taken back. */
async function deadRegistry(): Promise<string> {
  const registry = createRegistryServer({ port: 0 });
  const { url } = await registry.listen();
  await registry.close();
  return url;
}

test('without registry and snapshot the start fails in time, and says where it looked', async () => {
  const registry = await deadRegistry();
  const starting = createMesh({
    service: 'shop',
    registry,
    snapshotFile: false,
    startTimeoutMs: 200,
  });
  await expect(starting).rejects.toMatchObject({
    code: 'start_timeout',
    message: expect.stringContaining(registry),
  });
});

test('told to start degraded it starts, and calls say that the registry is away', async () => {
  const registry = await deadRegistry();
  const mesh = await createMesh({
    service: 'shop',
    registry,
    snapshotFile: false,
    startTimeoutMs: 200,
    startDegraded: true,
    sourceWaitMs: 50,
  });
  await expect(mesh.request('http://reviews/')).rejects.toMatchObject({
    code: 'registry_unavailable',
  });
  await mesh.close();
});

test('a snapshot of an earlier run is enough to start and to call', async () => {
  const registry = createRegistryServer({ port: 0, settleMs: 0 });
  const { url } = await registry.listen();
  const snapshotFile = join(folder, 'shop.json');
  const reviews = await createMesh({ service: 'reviews', registry: url, snapshotFile: false });
  await reviews.listen((_request, response) => response.end('ok'), {
    drainOn: [],
    propagationMs: 0,
  });
  const first = await createMesh({ service: 'shop', registry: url, snapshotFile });
  await first.request('http://reviews/');
  await first.close();
  await registry.close();

  const second = await createMesh({
    service: 'shop',
    registry: url,
    snapshotFile,
    startTimeoutMs: 1_000,
  });
  expect(second.inspect().registry?.kind).not.toBe('connected');
  expect((await second.request('http://reviews/')).body.toString()).toBe('ok');
  expect(second.inspect().services[0]).toMatchObject({
    service: 'reviews.default',
    state: 'stale',
  });
  await second.close();
  await reviews.close();
});

test.each([
  [{}, 'service is missing'],
  [{ service: 'shop' }, 'nothing to find services by'],
  [{ service: 'Shop', registry: 'http://127.0.0.1:1' }, 'service must be'],
  [{ service: 'shop', registry: 'ftp://127.0.0.1' }, 'http'],
  [{ service: 'shop', registry: 'http://user:secret@127.0.0.1' }, 'credentials'],
])(
  'options that cannot be right are refused before anything is opened: %j',
  async (options, message) => {
    await expect(createMesh(options)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(message),
    });
  },
);

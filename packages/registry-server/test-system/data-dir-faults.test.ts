import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemProgram } from '@inmesh/testing';
import { afterEach, expect, test } from '@jest/globals';
import { startRegistryProcess } from './support/registry-process.ts';

const run = promisify(execFile);
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A disk of its own, of 64 KiB: root heeds no modes, but a full disk is full for root too. */
async function smallDisk(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'inmesh-disk-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  await run(systemProgram('mount', 'mount'), ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
  cleanups.push(() => run(systemProgram('umount', 'mount'), [folder]));
  return folder;
}

async function startOn(dataDir: string): Promise<string> {
  const server = await startRegistryProcess({ port: 0, sessionTtlMs: 4_000, dataDir });
  cleanups.push(() => server.kill());
  return server.url;
}

function apply(url: string, name: string, padding = ''): Promise<Response> {
  const resource = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name, namespace: 'default', annotations: { padding } },
    spec: {
      hosts: [`${name}.example.com`],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      resolution: 'DNS',
    },
  };
  return fetch(`${url}/v1/resources`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resources: [resource] }),
  });
}

async function names(url: string): Promise<string[]> {
  const { resources } = (await (await fetch(`${url}/v1/resources`)).json()) as {
    resources: { metadata: { name: string } }[];
  };
  return resources.map(({ metadata }) => metadata.name);
}

/** The registry serves, and loses nothing that it said it has. */
async function expectRefusal(url: string): Promise<void> {
  const refused = await apply(url, 'too-large', 'x'.repeat(60_000));
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({
    code: 'store_unavailable',
    detail: expect.stringMatching(/registry\.json cannot be written \((ENOSPC|EROFS)/),
  });
  expect(await names(url)).toEqual(['kept']);
  const session = await fetch(`${url}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"client":"test"}',
  });
  expect(session.status).toBe(201);
}

test('a full disk refuses changes of the configuration and nothing else, and loses none that was acknowledged', async () => {
  const dataDir = await smallDisk();
  const url = await startOn(dataDir);
  expect((await apply(url, 'kept')).status).toBe(200);
  await writeFile(join(dataDir, 'ballast'), Buffer.alloc(40_000));
  await expectRefusal(url);
  // What is on the disk is whole: another server starts from it.
  expect(await names(await startOn(dataDir))).toEqual(['kept']);
  await rm(join(dataDir, 'ballast'));
  expect((await apply(url, 'after')).status).toBe(200);
});

test('a data directory that became read-only does the same', async () => {
  const dataDir = await smallDisk();
  const url = await startOn(dataDir);
  expect((await apply(url, 'kept')).status).toBe(200);
  // Mounted over itself: what is open already stays writable, as the audit's file is.
  await run(systemProgram('mount', 'mount'), ['--bind', dataDir, dataDir]);
  cleanups.push(() => run(systemProgram('umount', 'mount'), [dataDir]));
  await run(systemProgram('mount', 'mount'), ['-o', 'remount,bind,ro', dataDir]);
  await expectRefusal(url);
});

test('a torn file stops a real server from starting, with instructions', async () => {
  const dataDir = await smallDisk();
  const url = await startOn(dataDir);
  await apply(url, 'kept');
  await writeFile(join(dataDir, 'registry.json'), '{"format":1,"revision":3,"entr');
  await expect(startOn(dataDir)).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining('restore it from a backup'),
  });
});

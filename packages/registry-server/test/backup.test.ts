import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backupDataDir, createRegistryServer, restoreDataDir } from '@inmesh/registry-server';
import { expect, test } from '@jest/globals';
import { onEnd, startRegistry } from './registry-fixture.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'inmesh-'));
  onEnd(() => rm(path, { recursive: true }));
  return path;
}

const resources = [
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'reviews' },
    spec: { hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews' } }] }] },
  },
];

test('what a running registry holds is backed up, and is there after a restore elsewhere', async () => {
  const [from, to] = [await folder(), join(await folder(), 'data')];
  const registry = await startRegistry({ dataDir: from });
  await registry.send('/v1/resources', { method: 'POST', body: { resources } });
  const before = (await registry.send('/v1/resources')).json;
  const file = join(await folder(), 'backup.json');
  expect(await backupDataDir(from, file)).toMatchObject({ files: ['registry.json'] });
  expect((await stat(file)).mode & 0o777).toBe(0o600);

  await restoreDataDir(file, to);
  expect((await stat(join(to, 'registry.json'))).mode & 0o777).toBe(0o600);
  const restored = await startRegistry({ dataDir: to });
  expect((await restored.send('/v1/resources')).json).toEqual(before);
});

test('certificates go on after a restore: the authority is the same', async () => {
  const [from, to] = [await folder(), await folder()];
  const first = createRegistryServer({ port: 0, dataDir: from, security: {} });
  onEnd(() => first.close());
  await first.listen();
  await first.close();
  const file = join(await folder(), 'backup.json');
  expect((await backupDataDir(from, file)).files).toContain('authority.json');
  await restoreDataDir(file, to);
  const second = createRegistryServer({ port: 0, dataDir: to, security: {} });
  onEnd(() => second.close());
  await second.listen();
  const roots = (path: string): Promise<string> => readFile(join(path, 'authority.json'), 'utf8');
  expect(await roots(to)).toBe(await roots(from));
});

test('a restore replaces nothing unless it is told to', async () => {
  const [from, to] = [await folder(), await folder()];
  const contents = JSON.stringify({ format: 1, revision: 7, entries: [] });
  await writeFile(join(from, 'registry.json'), contents, { mode: 0o600 });
  await writeFile(join(to, 'registry.json'), '{}', { mode: 0o600 });
  const file = join(from, 'backup.json');
  await backupDataDir(from, file);
  await expect(restoreDataDir(file, to)).rejects.toMatchObject({ code: 'conflict' });
  expect(await readFile(join(to, 'registry.json'), 'utf8')).toBe('{}');
  await restoreDataDir(file, to, { replace: true });
  expect(await readFile(join(to, 'registry.json'), 'utf8')).toBe(contents);
});

test.each([
  ['cut', (text: string) => text.slice(0, -10), 'not JSON'],
  ['changed', (text: string) => text.replace('revision', 'revisiom'), 'digest'],
  ['of another format', (text: string) => text.replace('"format":1', '"format":2'), 'format is 2'],
  [
    'naming a file outside',
    (text: string) => text.replaceAll('registry.json', '../evil.json'),
    'no file of a registry',
  ],
])('a backup that is %s is not restored', async (_what, change, message) => {
  const from = await folder();
  const contents = JSON.stringify({ format: 1, revision: 7, entries: [] });
  await writeFile(join(from, 'registry.json'), contents, { mode: 0o600 });
  const file = join(from, 'backup.json');
  await backupDataDir(from, file);
  await writeFile(file, change(await readFile(file, 'utf8')));
  await expect(restoreDataDir(file, await folder())).rejects.toThrow(message);
});

test('a directory without anything, damaged, or readable by others is not backed up', async () => {
  const from = await folder();
  const file = join(await folder(), 'backup.json');
  await expect(backupDataDir(from, file)).rejects.toMatchObject({ code: 'not_found' });
  await writeFile(join(from, 'registry.json'), '{"format":', { mode: 0o600 });
  await expect(backupDataDir(from, file)).rejects.toThrow('not JSON');
  await chmod(join(from, 'registry.json'), 0o644);
  await expect(backupDataDir(from, file)).rejects.toThrow('read by others');
  await expect(restoreDataDir(file, from)).rejects.toMatchObject({ code: 'not_found' });
});

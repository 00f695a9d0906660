import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeshEvent } from '@inmesh/core';
import { createIdentity, type IdentitySource, saveCredential } from '@inmesh/identity';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { admin, orders } from './mutual-tls-fixture.ts';
import { createAuthority, type Issued, type TestAuthority } from './test-authority.ts';
import { until } from './until.ts';

let folder: string;
let authority: TestAuthority;
const open: IdentitySource[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inmesh-identity-'));
  authority = await createAuthority();
});
afterEach(async () => {
  for (const identity of open.splice(0)) identity.close();
  await rm(folder, { recursive: true });
});

const path = (name: string): string => join(folder, name);

async function write(issued: Issued, bundle: string): Promise<void> {
  await writeFile(path('tls.crt'), issued.chain);
  await writeFile(path('tls.key'), issued.key, { mode: 0o600 });
  await writeFile(path('ca.crt'), bundle);
}

function start(
  pollMs = 100,
  at = (name: string): string => path(name),
): {
  identity: IdentitySource;
  events: MeshEvent[];
  warnings: string[];
} {
  const events: MeshEvent[] = [];
  const warnings: string[] = [];
  const ignore = (): void => {};
  const identity = createIdentity({
    files: { cert: at('tls.crt'), key: at('tls.key'), bundle: at('ca.crt'), pollMs },
    onEvent: (event) => void events.push(event),
    logger: {
      debug: ignore,
      info: ignore,
      error: ignore,
      warn: (_fields, message) => void warnings.push(message),
    },
  });
  open.push(identity);
  return { identity, events, warnings };
}

const serialOf = (identity: IdentitySource): string | undefined => identity.tls()?.svid.serial;

test('files give an identity, and a replaced one when they change', async () => {
  await write(await authority.issue(orders), authority.pem);
  const { identity } = start();
  const first = await identity.ready();
  expect(first.identity.spiffeId).toBe(orders);
  const next = await authority.issue(orders);
  await write(next, authority.pem);
  await until(() => expect(serialOf(identity)).toBe(next.serial.replace(/^0+/, '')));
});

test('a change is seen at once, long before the files are read again by themselves', async () => {
  await write(await authority.issue(orders), authority.pem);
  const { identity } = start(3_600_000);
  const first = await identity.ready();
  await write(await authority.issue(orders), authority.pem);
  await until(() => expect(identity.tls()).not.toBe(first));
});

test('a folder that is swapped by a symbolic link, as Kubernetes does, is followed', async () => {
  const version = async (name: string): Promise<void> => {
    await mkdir(path(name));
    const { chain, key } = await authority.issue(orders);
    await writeFile(join(folder, name, 'tls.crt'), chain);
    await writeFile(join(folder, name, 'tls.key'), key, { mode: 0o600 });
    await writeFile(join(folder, name, 'ca.crt'), authority.pem);
    await symlink(name, path('next'));
    await rename(path('next'), path('data'));
  };
  await version('v1');
  for (const name of ['tls.crt', 'tls.key', 'ca.crt']) await symlink(`data/${name}`, path(name));
  const { identity } = start(3_600_000);
  const first = await identity.ready();
  await version('v2');
  await until(() => expect(identity.tls()).not.toBe(first));
});

test('files that do not fit each other change nothing until they do', async () => {
  await write(await authority.issue(orders), authority.pem);
  const { identity, events } = start();
  const first = await identity.ready();
  const next = await authority.issue(orders);
  await writeFile(path('tls.crt'), next.chain);
  await until(() => expect(events.map(({ kind }) => kind)).toContain('identity-renewal-failed'));
  expect(events.find(({ kind }) => kind === 'identity-renewal-failed')).toMatchObject({
    error: { message: expect.stringContaining("the private key is another certificate's") },
  });
  expect(identity.tls()).toBe(first);
  await writeFile(path('tls.key'), next.key);
  await until(() => expect(identity.tls()).not.toBe(first));
  expect(identity.state).toMatchObject({ name: 'valid', attempts: 0 });
});

test('a new bundle alone is taken: the authority is being replaced', async () => {
  const other = await createAuthority('next');
  await write(await authority.issue(orders), authority.pem);
  const { identity } = start();
  const first = await identity.ready();
  await writeFile(path('ca.crt'), authority.pem + other.pem);
  await until(() =>
    expect(identity.tls()?.trust.get('cluster.local')?.authorities).toHaveLength(2),
  );
  expect(identity.tls()?.svid.serial).toBe(first.svid.serial);
});

test.each([
  [
    'of another service',
    async () => write(await authority.issue(admin), authority.pem),
    /expected/,
  ],
  ['that are gone', async () => unlink(path('tls.crt')), /ENOENT/],
  ['that are empty', async () => writeFile(path('ca.crt'), ''), /has no certificate/],
  [
    'that are half written',
    async () => writeFile(path('ca.crt'), authority.pem.slice(0, 90)),
    /cut/,
  ],
  ['of two megabytes', async () => writeFile(path('ca.crt'), 'x'.repeat(2 ** 21)), /at most/],
])('files %s change nothing, and are told of', async (_what, change, reason) => {
  await write(await authority.issue(orders), authority.pem);
  const { identity, events } = start();
  const first = await identity.ready();
  await change();
  const failure = (): MeshEvent | undefined =>
    events.find(({ kind }) => kind === 'identity-renewal-failed');
  await until(() =>
    expect(failure()).toMatchObject({ error: { message: expect.stringMatching(reason) } }),
  );
  expect(identity.tls()).toBe(first);
});

test('files that come after the start are waited for', async () => {
  const { identity } = start();
  const ready = identity.ready();
  await write(await authority.issue(orders), authority.pem);
  await expect(ready).resolves.toMatchObject({ identity: { spiffeId: orders } });
});

test('a key that cannot be read is not quoted in what is told', async () => {
  const { chain, key } = await authority.issue(orders);
  await write({ chain, key: key.replace('MIG', 'XXX'), serial: '' }, authority.pem);
  const { identity } = start();
  await until(() => expect(identity.state).toMatchObject({ name: 'pending', attempts: 1 }));
  const { state } = identity;
  const shown = 'error' in state ? `${state.error?.message} ${state.error?.cause}` : '';
  expect(shown).toContain('no unencrypted PEM key');
  expect(shown).not.toContain(key.slice(40, 60));
});

test('a key that everybody can read is warned of once', async () => {
  await write(await authority.issue(orders), authority.pem);
  await chmod(path('tls.key'), 0o644);
  const { identity, warnings } = start();
  const first = await identity.ready();
  await write(await authority.issue(orders), authority.pem);
  await until(() => expect(identity.tls()).not.toBe(first));
  expect(warnings).toEqual(['everybody on this machine can read the private key']);
});

test("a credential that is saved can be taken from its files, and its key is its owner's", async () => {
  await write(await authority.issue(orders), authority.pem);
  const first = await start().identity.ready();
  await mkdir(path('saved'));
  const saved = { cert: path('saved/c'), key: path('saved/k'), bundle: path('saved/b') };
  await saveCredential(first, saved);
  expect((await stat(saved.key)).mode & 0o777).toBe(0o600);
  expect((await readdir(path('saved'))).sort()).toEqual(['b', 'c', 'k']);
  const again = createIdentity({ files: saved });
  open.push(again);
  expect((await again.ready()).svid.serial).toBe(first.svid.serial);
  await expect(saveCredential(first, { ...saved, key: path('nowhere/k') })).rejects.toThrow(
    /ENOENT/,
  );
});

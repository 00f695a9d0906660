import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@inmesh/core';
import { createCsr, createRoot, generateKey, readSvid } from '@inmesh/identity';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { buildSync } from 'esbuild';
import { newSerial, type SigningJob } from '../src/ca/signing-job.ts';
import { createSigningThread, type SigningThread } from '../src/ca/signing-thread.ts';

const orders = 'spiffe://cluster.local/ns/prod/sa/orders';
const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
const authority = createRoot('cluster.local', 'a test', newSerial(), validity);
const job = (asked: Partial<SigningJob> = {}): SigningJob => ({
  ...validity,
  csr: createCsr(generateKey(), orders),
  spiffeId: orders,
  authority,
  ...asked,
});

let folder: string;
/** The worker as it is published, in one file. */
let compiled: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inmesh-signing-'));
  compiled = join(folder, 'signing-worker.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('../src/ca/signing-worker.ts', import.meta.url))],
    outfile: compiled,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@inmesh/source'],
    logLevel: 'error',
  });
});
afterAll(() => rm(folder, { recursive: true }));

const threads: SigningThread[] = [];
let clock: FakeClock;
let notes: string[];
beforeEach(() => {
  clock = createFakeClock();
  notes = [];
});
afterEach(async () => {
  for (const thread of threads.splice(0)) await thread.close();
  expect(clock.pendingTimers).toBe(0);
});

function start(workerFile: string): SigningThread {
  const note = (_fields: object, message: string): void => void notes.push(message);
  const logger = { ...silentLogger, info: note, error: note };
  const thread = createSigningThread({ workerFile, clock, logger });
  threads.push(thread);
  return thread;
}

/** A worker that does as it is published, but for one kind of job. */
async function startPoisoned(name: string, does: string): Promise<SigningThread> {
  const file = join(folder, `${name}.mjs`);
  const poison = `import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ({ job }) => { if (job?.csr === 'poison') ${does}; });`;
  await writeFile(join(folder, `${name}-poison.mjs`), poison);
  await writeFile(file, `import './${name}-poison.mjs'; import './signing-worker.mjs';`);
  return start(file);
}

test('a certificate is signed on the thread, with a key that never leaves the process', async () => {
  const { leaf, serial } = await start(compiled).sign(job({ hosts: ['registry.test'] }));
  const certificate = new X509Certificate(leaf);
  expect(readSvid(certificate)).toMatchObject({ serial, identity: { spiffeId: orders } });
  expect(certificate.verify(authority.certificate.publicKey)).toBe(true);
  expect(certificate.checkHost('registry.test')).toBe('registry.test');
  expect(notes).toEqual([]);
});

test('what is refused there is refused here, with its code, and the thread serves on', async () => {
  const thread = start(compiled);
  const results = await Promise.allSettled([
    thread.sign(job({ csr: 'nonsense' })),
    thread.sign(job({ csr: createCsr(generateKey(), `${orders}-admin`) })),
    thread.sign(job({ notAfter: Number.NaN })),
    thread.sign(job()),
  ]);
  expect(results).toMatchObject([
    { reason: { code: 'invalid_argument' } },
    { reason: { code: 'forbidden' } },
    { reason: { code: 'internal' } },
    { status: 'fulfilled' },
  ]);
  expect(notes).toEqual([]);
});

test('a thread that dies fails what it had, and another takes its place', async () => {
  const thread = await startPoisoned('dying', 'process.exit(7)');
  await thread.sign(job());
  const lost = [thread.sign(job({ csr: 'poison' })), thread.sign(job()), thread.sign(job())];
  for (const one of await Promise.allSettled(lost)) {
    expect(one).toMatchObject({
      reason: { code: 'registry_unavailable', maybeProcessed: false },
    });
  }
  await expect(thread.sign(job())).resolves.toMatchObject({ serial: expect.any(String) });
  expect(notes).toEqual(['the thread that signs has ended']);
});

test('a thread that cannot even begin fails each job, and says why', async () => {
  const file = join(folder, 'broken.mjs');
  await writeFile(file, 'throw new Error("broken")');
  const thread = start(file);
  for (let i = 0; i < 2; i += 1) {
    await expect(thread.sign(job())).rejects.toMatchObject({ code: 'registry_unavailable' });
  }
  expect(notes).toContain('the thread that signs has failed');
});

test('a thread that hangs is ended, and another takes its place', async () => {
  const thread = await startPoisoned('hanging', 'for (;;);');
  await thread.sign(job());
  const lost = thread.sign(job({ csr: 'poison' }));
  clock.advance(20_000);
  await expect(lost).rejects.toMatchObject({ code: 'registry_unavailable' });
  await expect(thread.sign(job())).resolves.toBeDefined();
});

test('closing ends the thread, and refuses what waits and what comes', async () => {
  const thread = await startPoisoned('closing', 'for (;;);');
  await thread.sign(job());
  const waiting = thread.sign(job({ csr: 'poison' }));
  const refused = expect(waiting).rejects.toMatchObject({ code: 'closed' });
  await thread.close();
  await refused;
  await expect(thread.sign(job())).rejects.toMatchObject({ code: 'closed' });
  await thread.close();
});

test('where the worker is not compiled, certificates are signed in turn, and it is said once', async () => {
  const thread = start(join(folder, 'nowhere.mjs'));
  const signed = await Promise.all(Array.from({ length: 5 }, () => thread.sign(job())));
  expect(new Set(signed.map(({ serial }) => serial)).size).toBe(5);
  await expect(thread.sign(job({ csr: '' }))).rejects.toMatchObject({ code: 'invalid_argument' });
  expect(notes).toEqual(['certificates are signed on the thread that serves']);
  await thread.close();
  await expect(thread.sign(job())).rejects.toMatchObject({ code: 'closed' });
});

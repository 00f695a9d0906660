import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCsr, generateKey } from '@inmesh/identity';
import { createRegistryEnroller } from '@inmesh/registry-client';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  bundleCommandLine,
  type Ended,
  type Program,
  runProgram,
  startProgram,
} from './support/program.ts';

let folder: string;
let commandLine: string;
let registry: Program;
let url: string;
let operator: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inmesh-cli-secure-'));
  commandLine = await bundleCommandLine(folder);
  const words = [
    'registry',
    '--secure',
    '--port',
    '0',
    '--data-dir',
    folder,
    '--log-level',
    'silent',
  ];
  registry = startProgram(commandLine, {}, words);
  url = await registry.line('registry listening on');
  operator = (await readFile(join(folder, 'operator-token'), 'utf8')).trim();
}, 60_000);
afterAll(async () => {
  registry.process.kill('SIGTERM');
  await registry.exit(10_000);
  await rm(folder, { recursive: true, force: true });
});

/** `inmesh WORDS --registry …`, with a token in its environment. */
function inmesh(words: readonly string[], token?: string): Promise<Ended> {
  const env = token === undefined ? {} : { INMESH_TOKEN: token };
  return runProgram(commandLine, [...words, '--registry', url], undefined, env);
}

test('the first operator lets a workload in, and sees it in the audit', async () => {
  expect(url).toMatch(/^https:/);
  const made = await inmesh(
    ['token', 'create', '--join', 'default/orders', '--uses', '2'],
    operator,
  );
  expect([made.code, made.errors]).toEqual([
    0,
    expect.stringContaining('lets default/orders join 2'),
  ]);
  const enroller = createRegistryEnroller({ servers: url, joinToken: made.output.trim() });
  const csr = createCsr(generateKey(), 'spiffe://cluster.local/ns/default/sa/orders');
  const nothing = { tls: () => undefined, token: () => undefined };
  await enroller.enroll(csr, AbortSignal.timeout(10_000), nothing);
  expect((await inmesh(['token', 'list'], operator)).output).toMatch(
    /join +default\/orders +default\/orders +1 /,
  );
  const { output } = await inmesh(['audit'], operator);
  expect(output).toMatch(
    /sa\/orders +127\.0\.0\.1 +POST \/v1\/certificates +200 +proof=join-token serial=\w+/,
  );
  const serial = /serial=(\w+)/.exec(output)?.[1] ?? '';
  expect((await inmesh(['revoke', serial, '--reason', 'lost'], operator)).output).toContain(
    'is revoked',
  );
  expect((await inmesh(['revoke'], operator)).output).toContain('lost');
}, 60_000);

test('an operator replaces the root: the next one is published, and the audit says who did', async () => {
  const before = await inmesh(['ca', 'status'], operator);
  expect(before.output).toMatch(/^signing .* CN=Inmesh cluster\.local/m);
  expect(before.output).toContain('no rotation is under way');
  const rotated = await inmesh(['ca', 'rotate', '--publish', '60000'], operator);
  expect(rotated.output).toMatch(/^signing /m);
  expect(rotated.output).toMatch(/^next /m);
  expect(rotated.output).toContain('the next root signs from');
  const root = /^next .* ([0-9a-f]{64})$/m.exec(rotated.output)?.[1];
  expect((await inmesh(['audit'], operator)).output).toMatch(
    new RegExp(`operator bootstrap .* POST /v1/trust-bundle/rotation +202 +root=${root}`),
  );
  expect(await inmesh(['ca', 'rotate'], operator)).toMatchObject({
    code: 1,
    errors: expect.stringContaining('is being published already'),
  });
}, 60_000);

test('a reader changes nothing, and without a token nobody does anything', async () => {
  const made = await inmesh(['token', 'create', '--reader', '--name', 'grafana'], operator);
  const reader = made.output.trim();
  expect((await inmesh(['get', 'services'], reader)).code).toBe(0);
  const refused = await inmesh(['token', 'create', '--operator', '--name', 'me'], reader);
  expect([refused.code, refused.errors]).toEqual([1, expect.stringContaining('for operator only')]);
  const curious = await inmesh(['tap', 'orders'], reader);
  expect([curious.code, curious.errors]).toEqual([1, expect.stringContaining('for operator only')]);
  const unknown = await inmesh(['get', 'services']);
  expect([unknown.code, unknown.errors]).toEqual([1, expect.stringContaining('set INMESH_TOKEN')]);
  const [id = ''] = /id (\S+)/.exec(made.errors)?.slice(1) ?? [];
  expect((await inmesh(['token', 'revoke', id], operator)).code).toBe(0);
  expect((await inmesh(['get', 'services'], reader)).errors).toContain('revoked');
}, 60_000);

test('a token is never sent in plain text', async () => {
  const words = ['get', 'services', '--registry', url.replace('https', 'http')];
  const { code, errors } = await runProgram(commandLine, words, undefined, {
    INMESH_TOKEN: operator,
  });
  expect([code, errors]).toEqual([1, expect.stringContaining('not sent in plain text')]);
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { configured, join, onEnd, serve, startRegistry } from './support/in-mesh.ts';
import {
  bundleCommandLine,
  type Ended,
  type Program,
  runProgram,
  startProgram,
} from './support/program.ts';

let folder: string;
let commandLine: string;
let url: string;
let dataDir: string;

beforeAll(async () => {
  folder = await mkdtemp(joinPath(tmpdir(), 'inmesh-cli-'));
  commandLine = await bundleCommandLine(folder);
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** In this process, which is quicker: for tests of what asks it. */
beforeEach(async () => {
  dataDir = await mkdtemp(joinPath(folder, 'data-'));
  ({ url } = await startRegistry());
});

/** `inmesh registry`, as a process of its own: for tests of it. */
async function runRegistry(port = '0'): Promise<Program> {
  const words = ['registry', '--port', port, '--data-dir', dataDir, '--log-level', 'silent'];
  const registry = startProgram(commandLine, {}, words);
  onEnd(() => stop(registry, 'SIGTERM'));
  url = await registry.line('registry listening on');
  return registry;
}

async function stop(registry: Program, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  registry.process.kill(signal);
  await registry.exit(10_000);
}

/** `inmesh WORDS --registry …`. */
function inmesh(words: readonly string[], input?: string): Promise<Ended> {
  return runProgram(commandLine, [...words, '--registry', url], input);
}

async function file(name: string, text: string): Promise<string> {
  const path = joinPath(dataDir, name);
  await writeFile(path, text);
  return path;
}

const route = (subset: string): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts: [reviews]
  http:
    - name: all
      route:
        - destination: { host: reviews, subset: ${subset} }
`;
const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: reviews
spec:
  host: reviews
  subsets:
    - name: v1
      labels: { version: v1 }
    - name: v2
      labels: { version: v2 }
`;

test('what is applied from a file is what calls go by a moment later', async () => {
  await serve(url, 'reviews', 'v1');
  await serve(url, 'reviews', 'v2');
  const shop = await join({ service: 'shop', registry: url });
  const changed = new Promise<string>((resolve) => {
    shop.events.on('config-changed', ({ revision }) => resolve(revision));
  });
  const path = await file('reviews.yaml', `${route('v2')}---${rule}`);
  expect(await inmesh(['apply', '-f', path])).toEqual({
    code: 0,
    output: 'VirtualService/default/reviews created\nDestinationRule/default/reviews created\n',
    errors: '',
  });
  await configured(shop, await changed);
  for (let i = 0; i < 5; i += 1) expect((await shop.request('http://reviews/')).text()).toBe('v2');
  expect((await inmesh(['apply', '-f', path])).output).toContain('reviews unchanged');
});

test('of a folder with one bad document nothing is applied, and the place is told', async () => {
  const below = joinPath(dataDir, 'resources', 'below');
  await mkdir(below, { recursive: true });
  await writeFile(joinPath(dataDir, 'resources', 'good.yaml'), route('v1'));
  await writeFile(joinPath(below, 'bad.yml'), route('v1').replace('hosts: [reviews]', 'hosts: []'));
  const { code, errors } = await inmesh(['apply', '-f', joinPath(dataDir, 'resources')]);
  expect(code).toBe(1);
  expect(errors).toMatch(
    /bad\.yml:\d+:\d+: error: VirtualService\/default\/reviews \/spec\/hosts: /,
  );
  expect(errors).toContain('none of them is used');
  expect((await inmesh(['get', 'vs'])).output).toBe('KIND  NAMESPACE  NAME  CREATED\n');
});

test('a dry run tells what would change, and changes nothing', async () => {
  const { output } = await inmesh(['apply', '-f', '-', '--dry-run'], route('v1'));
  expect(output).toBe('VirtualService/default/reviews created (dry run)\n');
  const { code, errors } = await inmesh(['get', 'vs', 'reviews']);
  expect([code, errors]).toEqual([
    1,
    expect.stringContaining('there is no VirtualService/default/reviews'),
  ]);
});

test('get shows resources as a table, and whole ones as text that can be applied again', async () => {
  await inmesh(['apply', '-f', '-'], `${route('v1')}---${rule}`);
  const table = await inmesh(['get', 'virtualservices']);
  expect(table.output).toMatch(
    /^KIND +NAMESPACE +NAME +CREATED\nVirtualService +default +reviews +\d{4}-\d\d-\d\dT/,
  );
  for (const format of ['yaml', 'json']) {
    const whole = await inmesh(['get', 'DestinationRule', 'reviews', '-o', format]);
    expect(whole.output).toContain('creationTimestamp');
    expect((await inmesh(['apply', '-f', '-'], whole.output)).output).toBe(
      'DestinationRule/default/reviews unchanged\n',
    );
  }
  expect((await inmesh(['get', 'vs', '-n', 'prod'])).output).not.toContain('reviews');
  const unknown = await inmesh(['get', 'gateways']);
  expect([unknown.code, unknown.errors]).toEqual([1, expect.stringContaining('is no kind')]);
});

test('diff shows what applying would change, and says by its exit code whether anything does', async () => {
  await inmesh(['apply', '-f', '-'], route('v1'));
  const same = await inmesh(['diff', '-f', '-'], route('v1'));
  expect([same.code, same.output]).toEqual([0, '']);
  const other = await inmesh(['diff', '-f', '-'], route('v2'));
  expect(other.code).toBe(1);
  expect(other.output).toMatch(/-\s+subset: v1\n\+\s+subset: v2/);
  expect(other.output).not.toContain('creationTimestamp');
});

test('delete takes a resource away, once', async () => {
  await inmesh(['apply', '-f', '-'], route('v1'));
  expect((await inmesh(['delete', 'vs', 'reviews'])).output).toBe(
    'VirtualService/default/reviews deleted\n',
  );
  expect((await inmesh(['delete', 'vs', 'reviews'])).code).toBe(1);
});

test('split writes both resources, shows them, and its subsets are found', async () => {
  const words = ['split', 'reviews', 'v1=90', 'v2=10', '--sticky', 'header:user-id'];
  const printed = await inmesh([...words, '--print']);
  expect(printed.output).toContain('inmesh.dev/sticky: header:user-id');
  expect((await inmesh(['get', 'vs'])).output).not.toContain('reviews');
  const { code, output } = await inmesh(words);
  expect([code, output]).toEqual([
    0,
    `${printed.output}VirtualService/default/reviews created\nDestinationRule/default/reviews created\n`,
  ]);
  const wrong = await inmesh(['split', 'reviews', 'v1:90']);
  expect([wrong.code, wrong.errors]).toEqual([1, expect.stringContaining('version=weight')]);
});

test('analyze finds what one resource cannot show, with the services that are registered', async () => {
  await serve(url, 'reviews', 'v1');
  const found = await inmesh(['analyze', '-f', '-'], `${route('v3')}---${rule}`);
  expect(found.code).toBe(1);
  expect(found.output).toMatch(/standard input:\d+:\d+: error: .*\[missing_subset\]/);
  expect(found.output).toMatch(/\[empty_subset\]/);
  expect(found.output).toContain('2 resources:');
  await inmesh(
    ['apply', '-f', '-'],
    `${route('v1')}---${rule.replace(/ {4}- name: v2\n.*\n/, '')}`,
  );
  const clean = await inmesh(['analyze']);
  expect([clean.code, clean.output]).toEqual([0, '2 resources: 0 errors, 0 warnings\n']);
  const local = await runProgram(commandLine, ['analyze', '--local', '-f', '-'], route('v3'));
  expect(local.code).toBe(1);
});

test('explain says what decides about a request', async () => {
  await inmesh(['apply', '-f', '-'], `${route('v2')}---${rule}`);
  const words = ['explain', '--to', 'reviews', '--path', '/x', '--header', 'end-user: jason'];
  const { code, output } = await inmesh(words);
  expect(code).toBe(0);
  expect(output).toContain('GET /x to reviews (service reviews.default)');
  expect(output).toContain('route all: matched');
  expect(output).toContain('reviews.default subset v2 (version=v2), 100 %, chosen');
});

test('resources are there again after the registry was killed and started again', async () => {
  const registry = await runRegistry();
  const { port } = new URL(url);
  await inmesh(['apply', '-f', '-'], `${route('v2')}---${rule}`);
  const before = await inmesh(['get', 'vs', '-o', 'yaml']);
  await stop(registry, 'SIGKILL');
  await runRegistry(port);
  expect(await inmesh(['get', 'vs', '-o', 'yaml'])).toEqual(before);
});

test('a registry that is not there is said so', async () => {
  const { code, errors } = await runProgram(commandLine, [
    'get',
    'vs',
    '--registry',
    'http://127.0.0.1:1',
  ]);
  expect([code, errors]).toEqual([1, expect.stringContaining('does not answer')]);
});

test('authz says who may call whom and which policy decides', async () => {
  await join({ service: 'ratings', serviceAccount: 'ratings', registry: url }).then((ratings) =>
    ratings.listen((_request, response) => response.end(), { drainOn: [], propagationMs: 0 }),
  );
  await join({ service: 'reviews', serviceAccount: 'reviews', registry: url }).then((reviews) =>
    reviews.listen((_request, response) => response.end(), { drainOn: [], propagationMs: 0 }),
  );
  const policy = await file(
    'policy.yaml',
    `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: only-reviews
spec:
  rules:
    - from: [{ source: { serviceAccounts: [reviews] } }]
      to: [{ operation: { paths: ["/ratings/*"] } }]
`,
  );
  await inmesh(['apply', '-f', policy]);
  const table = await inmesh(['authz', 'table', '--to', 'ratings', '--path', '/ratings/7']);
  expect(table.output.split('\n').map((line) => line.split(/\s{2,}/))).toEqual([
    ['SERVICE', 'VERSION', 'CALLER', 'MAY', 'WHY'],
    ['ratings.default', '-', 'spiffe://cluster.local/ns/default/sa/ratings', 'no', 'no-rule'],
    [
      'ratings.default',
      '-',
      'spiffe://cluster.local/ns/default/sa/reviews',
      'yes',
      'allow: AuthorizationPolicy/default/only-reviews#0',
    ],
    ['ratings.default', '-', '(nobody proven)', 'no', 'no-rule'],
    [''],
  ]);
  const words = ['authz', 'explain', '--from', 'reviews', '--to', 'ratings', '--path', '/health'];
  const { output } = await inmesh(words);
  expect(output).toContain('refused: there are ALLOW policies and none of their rules matches');
  expect(output).toContain('"/health", must be "/ratings/*"');
  const unknown = await inmesh(['authz', 'explain', '--to', 'nobody']);
  expect(unknown).toMatchObject({ code: 1, errors: expect.stringContaining('nobody.default') });
});

test('registry status shows a line for each server, and fails when one is away', async () => {
  await runRegistry();
  const well = await inmesh(['registry', 'status']);
  expect(well.code).toBe(0);
  expect(well.output).toMatch(
    /^SERVER .* STATE\n\S+ +\d+\.\d+\.\d+ +\d+s +0 +0 +0 +0 +settling for \d+s\n$/,
  );
  const words = ['registry', 'status', '--registry', `${url},http://127.0.0.1:1`];
  const one = await runProgram(commandLine, words);
  expect(one.code).toBe(1);
  expect(one.output).toContain('http://127.0.0.1:1 does not answer');
});

test('a backup brings the resources back, into another data directory', async () => {
  const registry = await runRegistry();
  await inmesh(['apply', '-f', await file('route.yaml', `${route('v2')}`)]);
  const backup = joinPath(folder, 'backup.json');
  const saved = await runProgram(commandLine, [
    'registry',
    'backup',
    '--data-dir',
    dataDir,
    backup,
  ]);
  expect([saved.code, saved.output]).toEqual([0, `${backup}: registry.json\n`]);
  await stop(registry, 'SIGTERM');

  dataDir = await mkdtemp(joinPath(folder, 'data-'));
  const restored = await runProgram(commandLine, [
    'registry',
    'restore',
    backup,
    '--data-dir',
    dataDir,
  ]);
  expect(restored.code).toBe(0);
  await runRegistry();
  expect((await inmesh(['get', 'virtualservices'])).output).toContain('reviews');
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistryServer, type RegistryServer } from '@inmesh/registry-server';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createMesh, type Mesh } from 'inmesh';
import { bundleProgram, type Program, startProgram } from './support/program.ts';

let folder: string;
let service: string;
let caller: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inmesh-shutdown-'));
  service = bundleProgram('service', folder);
  caller = bundleProgram('caller', folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let registry: RegistryServer;
let url: string;
let mesh: Mesh;
const programs: Program[] = [];
beforeEach(async () => {
  registry = createRegistryServer({ port: 0, settleMs: 0 });
  ({ url } = await registry.listen());
  mesh = await createMesh({ service: 'shop', registry: url, snapshotFile: false });
});
afterEach(async () => {
  for (const { process } of programs.splice(0)) process.kill('SIGKILL');
  await mesh.close();
  await registry.close();
});

function start(file: string, environment: Record<string, string> = {}): Program {
  const program = startProgram(file, {
    INMESH_SERVICE: 'reviews',
    INMESH_REGISTRY: url,
    INMESH_SNAPSHOT_FILE: 'false',
    ...environment,
  });
  programs.push(program);
  return program;
}

/** Calls without a pause until told to stop; tells what failed. */
function load(calls: readonly (() => Promise<unknown>)[]): {
  stop(): Promise<{ done: number; failures: string[] }>;
} {
  let running = true;
  let done = 0;
  const failures: string[] = [];
  const workers = calls.map(async (call) => {
    while (running) {
      await call().catch((error: Error) => failures.push(error.message));
      done += 1;
      await turn(); // a call that is refused at once must not starve the event loop
    }
  });
  return {
    async stop() {
      running = false;
      await Promise.all(workers);
      return { done, failures };
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const get = (): Promise<unknown> => mesh.request('http://reviews/');
const post = (): Promise<unknown> =>
  mesh.request('http://reviews/', { method: 'POST', body: 'once' });

test('SIGTERM under load loses no call, POST included, and the process ends as the signal says', async () => {
  const first = start(service);
  const second = start(service);
  await Promise.all([first.line('serving'), second.line('serving')]);
  await mesh.ready('reviews');
  const traffic = load([get, get, get, get, post, post, post, post]);
  await Promise.all(Array.from({ length: 20 }, get));
  first.process.kill('SIGTERM');
  expect(await first.exit(20_000)).toEqual({ code: null, signal: 'SIGTERM' });
  const { done, failures } = await traffic.stop();
  expect(failures).toEqual([]);
  expect(done).toBeGreaterThan(50);
}, 40_000);

test('a second SIGTERM, as npm and process groups send it, does not cut the drain short', async () => {
  const first = start(service, { INMESH_PROPAGATION_MS: '1000' });
  const second = start(service);
  await Promise.all([first.line('serving'), second.line('serving')]);
  await mesh.ready('reviews');
  const traffic = load([get, get, post, post]);
  await Promise.all(Array.from({ length: 20 }, get));
  const at = performance.now();
  first.process.kill('SIGTERM');
  while (mesh.inspect().services[0]?.endpoints.every(({ status }) => status === 'up')) await turn();
  first.process.kill('SIGTERM');
  expect(await first.exit(20_000)).toEqual({ code: null, signal: 'SIGTERM' });
  expect(performance.now() - at).toBeGreaterThan(1_000);
  expect((await traffic.stop()).failures).toEqual([]);
}, 40_000);

test('kill -9 of one of three endpoints under load fails no call that may be repeated', async () => {
  const services = [start(service), start(service), start(service)];
  await Promise.all(services.map((program) => program.line('serving')));
  await mesh.ready('reviews');
  const traffic = load(Array.from({ length: 16 }, () => get));
  await Promise.all(Array.from({ length: 50 }, get));
  services[0]?.process.kill('SIGKILL');
  await services[0]?.exit(5_000);
  await Promise.all(Array.from({ length: 300 }, get));
  const { failures } = await traffic.stop();
  expect(failures).toEqual([]);
}, 40_000);

test('calls go on while the registry is away, and what registers after its return is found', async () => {
  const first = start(service);
  await first.line('serving');
  await mesh.ready('reviews');
  const traffic = load([get, get, post]);
  const { port } = new URL(url);
  const lost = new Promise<void>((resolve) => mesh.events.once('registry-lost', () => resolve()));
  await registry.close();
  await lost; // a registry that is back before anybody asked was never away
  await Promise.all(Array.from({ length: 50 }, get));
  registry = createRegistryServer({ port: Number(port), settleMs: 0 });
  const found = new Promise<void>((resolve) => mesh.events.once('registry-found', () => resolve()));
  await registry.listen();
  await found;
  const added = new Promise<string>((resolve) => {
    mesh.events.on('endpoint-added', ({ endpoint }) => resolve(endpoint.id));
  });
  const second = start(service);
  const endpoint = await second.line('serving');
  expect(await added).toBe(endpoint);
  const { failures } = await traffic.stop();
  expect(failures).toEqual([]);
}, 60_000);

test('a process that closed its mesh ends by itself', async () => {
  const upstream = start(service);
  await upstream.line('serving');
  const program = start(caller, { INMESH_SERVICE: 'caller', INMESH_PROPAGATION_MS: '0' });
  expect(await program.line('answered')).toBe('200');
  expect(await program.exit(15_000)).toEqual({ code: 0, signal: null });
}, 40_000);

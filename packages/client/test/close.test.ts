import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createFakeClock, createMemorySource, eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { client, clientOf, upstream } from './client-fixture.ts';

test('close lets calls in flight end, refuses new ones, and is idempotent', async () => {
  let release: (() => void) | undefined;
  const server = await upstream((_request, response) => {
    release = () => response.end('ok');
  });
  const source = createMemorySource();
  source.set('reviews', [{ port: server.port }]);
  const mesh = client({ source, closeTimeoutMs: 5_000 });
  const slow = mesh.request('http://reviews/');
  await eventually(() => release !== undefined);
  const closing = mesh.close();
  await expect(mesh.request('http://reviews/')).rejects.toMatchObject({ code: 'closed' });
  await expect(mesh.request('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'closed' });
  release?.();
  expect((await slow).status).toBe(200);
  await closing;
  await mesh.close();
  await eventually(() => server.openConnections === 0);
  expect(source.followers).toBe(0);
});

test('what does not end in time is cut', async () => {
  const server = await upstream({ fault: { kind: 'silent' } });
  const mesh = clientOf([server], { closeTimeoutMs: 20 });
  const stuck = mesh.request('http://reviews/');
  const outside = mesh.request(`http://127.0.0.1:${server.port}/`);
  await eventually(() => server.requests === 2);
  await Promise.all([
    mesh.close(),
    expect(stuck).rejects.toMatchObject({ code: 'closed' }),
    expect(outside).rejects.toMatchObject({ code: 'closed' }),
  ]);
  await eventually(() => server.openConnections === 0);
});

test('a closed client has no timer left', async () => {
  const clock = createFakeClock();
  const server = await upstream();
  const mesh = clientOf([server], { clock });
  await mesh.request('http://reviews/');
  await mesh.request('http://nobody/').catch(() => {});
  await mesh.close();
  expect(clock.pendingTimers).toBe(0);
});

test('76: a process whose client is closed exits by itself; so does one that left it idle', async () => {
  const server = await upstream();
  const entry = await built();
  const script = (last: string): string => `
    import { createClient } from ${JSON.stringify(entry)};
    const mesh = createClient({ endpoints: { reviews: [{ port: ${server.port} }] } });
    const response = await mesh.request('http://reviews/');
    await (await mesh.fetch('http://reviews/')).text();
    ${last}
    console.log(response.status);`;
  for (const last of ['await mesh.close();', '']) {
    const args = ['--input-type=module', '--eval', script(last)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    expect(stdout.trim()).toBe('200');
  }
});

/** A child on Node 20 cannot import TypeScript; within the checkout it finds undici by itself. */
async function built(): Promise<string> {
  const outfile = fileURLToPath(
    new URL('../../../node_modules/.cache/client-close-test.mjs', import.meta.url),
  );
  await build({
    entryPoints: [fileURLToPath(new URL('../src/index.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['@inmesh/source'],
    external: ['undici'],
  });
  return outfile;
}

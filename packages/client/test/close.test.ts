import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createFakeClock, createMemorySource, eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { buildSync } from 'esbuild';
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

test('76: a process whose client is closed exits by itself, whatever it left open; so does one that left it idle', async () => {
  const server = await upstream((request, response) => {
    if (request.url === '/events') response.write('data: 1\n\n');
    else if (request.url === '/large') response.end(Buffer.alloc(1_000_000));
    else if (request.url !== '/silent') response.end('ok');
  });
  const entry = built();
  const last: Record<string, string> = {
    'left idle': '',
    closed: 'await mesh.close();',
    'an event stream that is being read': `
      const { body } = await mesh.fetch('http://reviews/events');
      const reader = body.getReader();
      await reader.read();
      const more = reader.read();
      await Promise.all([mesh.close(), more.catch(({ code }) => console.log(code))]);`,
    'a body that nobody reads': `
      await mesh.fetch('http://reviews/large');
      await mesh.close();`,
    'calls that nobody answers, and one that nobody awaits': `
      mesh.fetch('http://reviews/silent', { method: 'POST', body: 'x' }).catch(() => {});
      const silent = mesh.request('http://reviews/silent');
      await Promise.all([mesh.close(), silent.catch(({ code }) => console.log(code))]);`,
  };
  const outputs = Object.entries(last).map(async ([what, end]) => {
    const script = `
      import { createClient } from ${JSON.stringify(entry)};
      const endpoints = { reviews: [{ port: ${server.port} }] };
      const mesh = createClient({ endpoints, closeTimeoutMs: 50 });
      await (await mesh.fetch('http://reviews/')).text();
      ${end}`;
    const args = ['--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    return [what, stdout.trim()];
  });
  expect(Object.fromEntries(await Promise.all(outputs))).toEqual({
    'left idle': '',
    closed: '',
    'an event stream that is being read': 'closed',
    'a body that nobody reads': '',
    'calls that nobody answers, and one that nobody awaits': 'closed',
  });
}, 30_000);

/** A child on Node 20 cannot import TypeScript; within the checkout it finds undici by itself. */
function built(): string {
  const outfile = fileURLToPath(
    new URL('../../../node_modules/.cache/client-close-test.mjs', import.meta.url),
  );
  buildSync({
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

import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import type { AuditPage, ShownCall, TapStarted } from '@inmesh/core';
import { eventually } from '@inmesh/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Mesh } from 'inmesh';
import { startTaps } from '../src/cli/tap-servers.ts';
import { join, onEnd, quick, serve, startRegistry } from './support/in-mesh.ts';
import { bundleCommandLine, type Program, startProgram } from './support/program.ts';

let folder: string;
let commandLine: string;

beforeAll(async () => {
  folder = await mkdtemp(joinPath(tmpdir(), 'inmesh-tap-'));
  commandLine = await bundleCommandLine(folder);
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The program `inmesh tap …`, killed after the test should it still run. */
function tap(url: string, ...words: string[]): Program {
  const program = startProgram(commandLine, {}, ['tap', ...words, '--json', '--registry', url]);
  onEnd(async () => {
    program.process.kill('SIGKILL');
    await program.exit(10_000).catch(() => {});
  });
  return program;
}

/** The first call that it shows. Rejects when it ends without any. */
function firstCall({ process: { stdout } }: Program): Promise<ShownCall> {
  return new Promise((resolve, reject) => {
    let output = '';
    stdout?.on('data', (text: string) => {
      output += text;
      const [line, ...rest] = output.split('\n');
      if (rest.length > 0) resolve(JSON.parse(line as string) as ShownCall);
    });
    stdout?.on('end', () => reject(new Error('ended without a call')));
  });
}

/** Makes calls until `done`: a tap shows what comes after it. */
async function callUntil(done: Promise<unknown>, call: () => Promise<unknown>): Promise<void> {
  let over = false;
  const finished = done.finally(() => {
    over = true;
  });
  while (!over) {
    await call();
    // Often enough for a person, and nothing that a busy machine would feel.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await finished;
}

async function openTaps(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^inmesh_registry_taps (\d+)$/m.exec(text)?.[1]);
}

async function shopAndReviews(url: string): Promise<{ shop: Mesh; reviews: Mesh }> {
  const reviews = await serve(url, 'reviews', 'v1');
  const shop = await join({ service: 'shop', version: 'v3', registry: url });
  await shop.ready('reviews');
  return { shop, reviews };
}

test('the calls of a service come to the terminal, from both ends and without secrets, until Ctrl-C', async () => {
  const { url } = await startRegistry();
  const { shop } = await shopAndReviews(url);
  const served = tap(url, 'reviews', '--path', '/ratings');
  const made = tap(url, 'shop', '--direction', 'outbound', '--path', '/ratings');
  const both = Promise.all([firstCall(served), firstCall(made)]);
  const headers = { authorization: 'Bearer secret', 'user-agent': 'test/1' };
  await callUntil(both, async () => {
    await shop.request('http://reviews/health');
    await shop.request('http://reviews/ratings/7?token=secret', { headers });
  });
  const [inbound, outbound] = await both;
  expect(JSON.stringify([inbound, outbound])).not.toMatch(/secret|health/);
  expect(inbound).toMatchObject({
    direction: 'inbound',
    peer: 'shop.default',
    path: '/ratings/7',
    status: 200,
    headers: { 'user-agent': 'test/1' },
    process: expect.stringMatching(/^reviews.default\//),
  });
  expect(outbound).toMatchObject({
    direction: 'outbound',
    peer: 'reviews.default',
    peerVersion: 'v1',
  });
  served.process.kill('SIGINT');
  expect(await served.exit(10_000)).toEqual({ code: 0, signal: null });
  await eventually(async () => (await openTaps(url)) === 1);
}, 60_000);

test('of several servers all processes are shown, whichever of them goes, and Ctrl-C ends the taps of all', async () => {
  const [a, b] = [await startRegistry(), await startRegistry()];
  const [atA, atB] = [await shopAndReviews(a.url), await shopAndReviews(b.url)];
  // One is named twice, and one is away.
  const program = tap(`${a.url},${b.url},${a.url}/,http://127.0.0.1:1`, 'reviews');
  const paths: string[] = [];
  program.process.stdout?.on('data', (text: string) => {
    for (const [, path] of text.matchAll(/"path":"([^"]*)"/g)) paths.push(path as string);
  });
  const both = eventually(() => paths.includes('/a') && paths.includes('/b'));
  await callUntil(both, async () => {
    await atA.shop.request('http://reviews/a');
    await atB.shop.request('http://reviews/b');
  });
  expect(await openTaps(a.url)).toBe(1);
  await b.close();
  const stillThere = eventually(() => paths.includes('/later'));
  await callUntil(stillThere, () => atA.shop.request('http://reviews/later'));
  program.process.kill('SIGINT');
  expect(await program.exit(10_000)).toEqual({ code: 0, signal: null });
  await eventually(async () => (await openTaps(a.url)) === 0);
}, 60_000);

test('each server is asked once, and what will be missing is said', async () => {
  const [a, b] = [await startRegistry(), await startRegistry()];
  await shopAndReviews(a.url);
  const away = 'http://127.0.0.1:1';
  const { taps, warnings } = await startTaps(`${a.url}, ${b.url},${a.url}/,${away}`, {
    service: 'reviews',
  });
  expect(taps).toMatchObject([
    { server: a.url, processes: 1 },
    { server: b.url, processes: 0 },
  ]);
  expect(warnings).toEqual([
    expect.stringMatching(/^its processes are not shown: the registry at http:..127.0.0.1:1 does/),
  ]);
  await expect(startTaps(away, { service: 'reviews' })).rejects.toMatchObject({
    code: 'registry_unavailable',
  });
}, 60_000);

test('a terminal that is killed ends its tap, and processes tell no more', async () => {
  const { url } = await startRegistry();
  const { shop } = await shopAndReviews(url);
  const program = tap(url, 'reviews');
  await callUntil(firstCall(program), () => shop.request('http://reviews/'));
  program.process.kill('SIGKILL');
  await eventually(async () => (await openTaps(url)) === 0);
  const audit = (await (await fetch(`${url}/v1/audit`)).json()) as AuditPage;
  expect(audit.entries).toMatchObject([
    { action: 'POST /v1/taps', target: { service: 'reviews.default' } },
  ]);
}, 60_000);

test('a tap ends by itself when its time is over, with a rate that holds', async () => {
  const { url } = await startRegistry();
  const { shop } = await shopAndReviews(url);
  const program = tap(url, 'reviews', '--for', '3s', '--rate', '1');
  let lines = 0;
  program.process.stdout?.on('data', (text: string) => {
    lines += text.split('\n').length - 1;
  });
  const exit = program.exit(20_000);
  await callUntil(exit, () => shop.request('http://reviews/'));
  expect(await exit).toEqual({ code: 0, signal: null });
  expect(lines).toBeGreaterThan(0);
  expect(lines).toBeLessThan(6);
}, 60_000);

test('a terminal that stands still holds nothing up, neither registry nor calls', async () => {
  const { url } = await startRegistry();
  const { shop } = await shopAndReviews(url);
  const answer = await fetch(`${url}/v1/taps`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ service: 'reviews', perSecond: 100, forMs: 2_000 }),
  });
  const { id } = (await answer.json()) as TapStarted;
  // Its stream is opened and never read.
  const stream = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(`${url}/v1/taps/${id}/stream`, { agent: false }, resolve).on('error', reject).end();
  });
  onEnd(async () => stream.destroy());
  const ended = eventually(async () => (await openTaps(url)) === 0);
  await callUntil(ended, async () => {
    expect((await shop.request('http://reviews/')).status).toBe(200);
  });
}, 60_000);

test('a process that shows nothing shows nothing', async () => {
  const { url } = await startRegistry();
  const hidden = await join({ service: 'reviews', registry: url, tap: { enabled: false } });
  await hidden.listen((_request, response) => response.end(), quick);
  const shop = await join({ service: 'shop', registry: url, tap: { headers: ['x-tenant'] } });
  await shop.ready('reviews');
  const [nothing, made] = [tap(url, 'reviews', '--for', '3s'), tap(url, 'shop')];
  const shown = firstCall(made);
  const none = expect(firstCall(nothing)).rejects.toThrow('ended without a call');
  await callUntil(Promise.all([shown, none]), () =>
    shop.request('http://reviews/', { headers: { 'x-tenant': 'a', 'user-agent': 'b' } }),
  );
  expect((await shown).headers).toEqual({ 'x-tenant': 'a' });
}, 60_000);

test('a credential is no header to be shown', async () => {
  const { url } = await startRegistry();
  await expect(
    join({ service: 'shop', registry: url, tap: { headers: ['Cookie'] } }),
  ).rejects.toThrow('"cookie" is a credential');
});

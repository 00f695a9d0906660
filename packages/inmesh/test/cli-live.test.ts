import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { type CallGraph, type EdgeReport, latencyBucket, type SessionOpened } from '@inmesh/core';
import { eventually } from '@inmesh/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { graphSvg } from '../src/cli/graph-svg.ts';
import { serve, startRegistry } from './support/in-mesh.ts';
import { bundleCommandLine, type Ended, runProgram } from './support/program.ts';

let folder: string;
let commandLine: string;

beforeAll(async () => {
  folder = await mkdtemp(joinPath(tmpdir(), 'inmesh-cli-'));
  commandLine = await bundleCommandLine(folder);
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a rollout is started in one line, shown, paused, resumed and aborted', async () => {
  const { url } = await startRegistry();
  for (const version of ['v1', 'v2']) await serve(url, 'reviews', version);
  const inmesh = (...words: string[]): Promise<Ended> =>
    runProgram(commandLine, [...words, '--registry', url]);

  const started = await inmesh(
    'rollout',
    'reviews',
    'v1',
    'v2',
    '--steps',
    '20,100',
    '--step',
    '1m',
  );
  expect([started.errors, started.output]).toEqual([
    '',
    'reviews.default: v1 → v2, 20 % (steps 20, 100; VirtualService/default/reviews)\nrunning\n',
  ]);
  expect((await inmesh('rollout', 'status')).output).toMatch(
    /reviews.default +v1 +v2 +20 % +running/,
  );
  expect((await inmesh('rollout', 'pause', 'reviews')).output).toMatch(/^paused: paused by/m);
  expect((await inmesh('rollout', 'resume', 'reviews')).output).toMatch(/^running$/m);
  expect((await inmesh('rollout', 'abort', 'reviews')).output).toMatch(
    /v2, 0 %.*\naborted: aborted by/,
  );
  const again = await inmesh('rollout', 'abort', 'reviews');
  expect([again.code, again.errors]).toEqual([
    1,
    'inmesh: rollout: that of reviews.default is aborted, it cannot be aborted\n',
  ]);
  const wrong = await inmesh('rollout', 'reviews', 'v1', 'v9');
  expect(wrong.errors).toMatch(/no endpoint of reviews.default with the label version=v9 is up/);
}, 60_000);

test('the graph is a table, data or a picture, and hostile names stay text in it', async () => {
  const { url } = await startRegistry();
  await serve(url, 'reviews', 'v1');
  const evil = '<script>alert(1)</script>';
  await report(url, [edge('reviews.default', 60), edge(evil, 30)]);
  const inmesh = (...words: string[]): Promise<Ended> =>
    runProgram(commandLine, [...words, '--registry', url]);
  await eventually(async () => (await readGraph(url)).edges[0]?.callsPerSecond === 2);
  const rows = (await inmesh('graph')).output.split('\n');
  expect(rows[1]).toMatch(/^shop.default v3 +reviews.default v1 +2\.0 +0\.0 % +11 ms/);
  expect(JSON.parse((await inmesh('graph', '--json')).output)).toMatchObject({ edges: [{}, {}] });
  expect((await inmesh('top', '--once')).output).toMatch(/reviews.default v1 +1\/1 +2\.0/);
  const svg = (await inmesh('graph', '--svg')).output;
  expect(svg).toMatch(/^<svg [^>]*viewBox/);
  expect(svg).toContain('reviews.default v1');
  expect(svg).not.toContain('<script');
  expect(graphSvg(await readGraph(url))).toBe(graphSvg(await readGraph(url)));
}, 60_000);

function readGraph(url: string): Promise<CallGraph> {
  return fetch(`${url}/v1/graph`).then((answer) => answer.json() as Promise<CallGraph>);
}

function edge(peer: string, calls: number): EdgeReport {
  const seconds = [{ ago: 0, calls, errors: 0, latencies: [latencyBucket(10), calls] }];
  return { seenBy: 'source', peer, peerVersion: 'v1', mutualTls: 0, seconds };
}

/** One report of a process that is not there. */
async function report(url: string, edges: readonly EdgeReport[]): Promise<void> {
  const post = async (path: string, body: object): Promise<SessionOpened> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return (await answer.json()) as SessionOpened;
  };
  const service = 'shop.default';
  const { session } = await post('/v1/sessions', { client: 'shop', service });
  await post(`/v1/sessions/${session}/reports`, { service, version: 'v3', second: 1, edges });
}

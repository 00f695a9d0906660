import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
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

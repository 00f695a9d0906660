import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistryServer } from '@inmesh/registry-server';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bundleSources, type Ended, runProgram } from './support/program.ts';

/** What each example of the guide prints, by the heading that it stands under. */
const printed: readonly (readonly [heading: string, output: RegExp])[] = [
  ['Answer when an upstream cannot', /^\[\] by value\n$/],
  ['Guard what is not a call', /^7 0\n0 open\n$/],
  [
    'Ask once within a request',
    /^(one query for emma and ulysses\nanswer ([12]), answer \2\n){2}$/,
  ],
  [
    'Hold a breaker by hand',
    /^circuit_open\n\[.*'reviews.default', version: undefined, state: 'open' .*\]\nstars\n$/,
  ],
  ['Give a request one deadline', /^1\d{3} ms left\ndeadline_exceeded\n$/],
  ['Shed load before it crushes you', /^(200 503|503 200|200 200|503 503)( \d{3}){4}\n$/],
  ['Keep in flight what the destination bears', /^true the limit is now \d\n$/],
  ['Refuse here what would be refused there', /^true refused here: 0\.9\n$/],
  ['Limit each caller', /^200\n200\n429\n$/],
  ['Cut the tail', /^\{ delayMs: 30, hedgesLeft: \d+ \}\n$/],
  ['Use a part of a large service', /^[23] of 8\n$/],
  ['Let ejected endpoints come back early', /^endpoint-ejected\nendpoint-restored\n$/],
  ['Stay in the zone, and leave it', /^near\nfar\n$/],
  ['Start from a preset', /^\{ maxRetries: 1, perTryTimeoutMs: 1000 \} 0\n$/],
  ['Say it in configuration', /^\[\] by value\n$/],
  ['See what they do', /^reviews.default open\ncircuit_open\n$/],
];

const fileOf = (heading: string): string => heading.toLowerCase().replaceAll(/\W+/g, '-');

/** Most of an example's time is waiting, so several run at once. */
const atOnce = 4;

let folder: string;
let guide: string;
/** By heading; each has a registry of its own, since all of them call `reviews`. */
const ended = new Map<string, Promise<Ended>>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inmesh-guide-'));
  guide = await readFile(new URL('../../../docs/guides/resilience.md', import.meta.url), 'utf8');
  const files = printed.map(([heading]) => join(folder, `${fileOf(heading)}.ts`));
  for (const [i, [heading]] of printed.entries()) {
    await writeFile(files[i] as string, exampleOf(heading));
  }
  bundleSources(files, folder);
  startAll();
});

afterAll(async () => {
  await Promise.allSettled(ended.values());
  await rm(folder, { recursive: true });
});

function startAll(): void {
  const headings = printed.map(([heading]) => heading);
  for (const [i, heading] of headings.entries()) {
    const before = ended.get(headings[i - atOnce] ?? '');
    const run = Promise.allSettled([before]).then(() => runExample(heading));
    run.catch(() => {}); // its own test says so
    ended.set(heading, run);
  }
}

async function runExample(heading: string): Promise<Ended> {
  const registry = createRegistryServer({ port: 0, settleMs: 0 });
  try {
    const { url } = await registry.listen();
    return await runProgram(join(folder, `${fileOf(heading)}.mjs`), [], '', {
      INMESH_REGISTRY: url,
      INMESH_SNAPSHOT_FILE: 'false',
      INMESH_PROPAGATION_MS: '0',
    });
  } finally {
    await registry.close();
  }
}

function exampleOf(heading: string): string {
  const section = guide.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return /^```ts\n([\s\S]*?)^```$/m.exec(section)?.[1] ?? '';
}

test('the guide has no example that is not run here', () => {
  expect(guide.match(/^```ts$/gm)?.length).toBe(printed.length);
});

test.each(printed)('%s: the example runs, and ends by itself', async (heading, output) => {
  const example = await (ended.get(heading) as Promise<Ended>);
  expect(example.errors).toBe('');
  expect(example.output).toMatch(output);
  expect(example.code).toBe(0);
});

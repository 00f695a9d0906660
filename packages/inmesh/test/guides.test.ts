import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistryServer } from '@inmesh/registry-server';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bundleSources, runProgram } from './support/program.ts';

/** What each example of the guide prints, by the heading that it stands under. */
const printed: readonly (readonly [heading: string, output: RegExp])[] = [
  ['Answer when an upstream cannot', /^\[\] by value\n$/],
  ['Guard what is not a call', /^7 0\n0 open\n$/],
  ['Give a request one deadline', /^1\d{3} ms left\ndeadline_exceeded\n$/],
  ['Shed load before it crushes you', /^(200 503|503 200|200 200|503 503)( \d{3}){4}\n$/],
  ['Limit each caller', /^200\n200\n429\n$/],
  ['Cut the tail', /^\{ delayMs: 30, hedgesLeft: \d+ \}\n$/],
  ['Stay in the zone, and leave it', /^near\nfar\n$/],
  ['Start from a preset', /^\{ maxRetries: 1, perTryTimeoutMs: 1000 \} 0\n$/],
  ['See what they do', /^reviews.default open\ncircuit_open\n$/],
];

const fileOf = (heading: string): string => heading.toLowerCase().replaceAll(/\W+/g, '-');

let folder: string;
let guide: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inmesh-guide-'));
  guide = await readFile(new URL('../../../docs/guides/resilience.md', import.meta.url), 'utf8');
  const files = printed.map(([heading]) => join(folder, `${fileOf(heading)}.ts`));
  for (const [i, [heading]] of printed.entries()) {
    await writeFile(files[i] as string, exampleOf(heading));
  }
  bundleSources(files, folder);
});

afterAll(() => rm(folder, { recursive: true }));

function exampleOf(heading: string): string {
  const section = guide.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return /^```ts\n([\s\S]*?)^```$/m.exec(section)?.[1] ?? '';
}

test('the guide has no example that is not run here', () => {
  expect(guide.match(/^```ts$/gm)?.length).toBe(printed.length);
});

test.each(printed)('%s: the example runs, and ends by itself', async (heading, output) => {
  const registry = createRegistryServer({ port: 0, settleMs: 0 });
  try {
    const { url } = await registry.listen();
    const environment = {
      INMESH_REGISTRY: url,
      INMESH_SNAPSHOT_FILE: 'false',
      INMESH_PROPAGATION_MS: '0',
    };
    const program = join(folder, `${fileOf(heading)}.mjs`);
    const ended = await runProgram(program, [], '', environment);
    expect(ended.errors).toBe('');
    expect(ended.output).toMatch(output);
    expect(ended.code).toBe(0);
  } finally {
    await registry.close();
  }
});

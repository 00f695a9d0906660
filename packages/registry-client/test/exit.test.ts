import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildSync } from 'esbuild';
import { fakeRegistry } from './fake/setting.ts';

let directory: string;
let bundle: string;

/** A real process: whether it ends by itself cannot be seen from within. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'inmesh-exit-'));
  bundle = join(directory, 'process.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('./fake/process.ts', import.meta.url))],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@inmesh/source'],
    // undici is CommonJS and asks for Node's modules by require().
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
});
afterAll(() => rm(directory, { recursive: true }));

async function run(...parameters: string[]): Promise<{ code: unknown; output: string }> {
  const child = spawn(process.execPath, [bundle, ...parameters], { stdio: ['ignore', 'pipe', 2] });
  const giveUp = setTimeout(() => child.kill('SIGKILL'), 10_000);
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  clearTimeout(giveUp);
  return { code, output };
}

describe('a registered process (case 76)', () => {
  test('exits by itself after close, deregistered', async () => {
    const registry = await fakeRegistry();
    expect(await run(registry.url)).toEqual({ code: 0, output: 'connected, registered, closed\n' });
    expect(registry.seen('PUT', /registrations/)).toHaveLength(1);
    expect(registry.sessions.size).toBe(0);
  });

  test('exits by itself when the registry was never there', async () => {
    const registry = await fakeRegistry();
    await registry.stop();
    expect(await run(registry.url)).toEqual({
      code: 0,
      output: 'start_timeout, pending, closed\n',
    });
  });

  test('exits by itself when the registry answers nothing', async () => {
    const registry = await fakeRegistry();
    registry.script = () => 'hang';
    const { code, output } = await run(registry.url);
    expect(code).toBe(0);
    expect(output).toContain('closed');
  });
});

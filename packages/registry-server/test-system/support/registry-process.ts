import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from '@jest/globals';
import { buildSync } from 'esbuild';
import type { RegistryOrder, RegistryReady, RegistrySettings } from './registry-main.ts';

/** A server that a test may treat badly. */
export interface RegistryProcess {
  readonly url: string;
  /** Makes its wall clock jump. */
  jumpWall(wallOffsetMs: number): void;
  pause(): void;
  resume(): void;
  /** SIGTERM, and waits until it is gone. */
  stop(): Promise<void>;
  /** `kill -9`. Idempotent. */
  kill(): Promise<void>;
}

const startTimeoutMs = 60_000;
let folder: Promise<string> | undefined;
// Jest's `process` tells nobody of its exit.
afterAll(async () => {
  if (folder !== undefined) await rm(await folder, { recursive: true, force: true });
});

/** From source, in one file and one for the thread that signs: the tests need no build. */
async function bundle(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'inmesh-registry-'));
  // The server says its version, which it reads beside its sources.
  const manifest = fileURLToPath(new URL('../../package.json', import.meta.url));
  await copyFile(manifest, join(made, 'package.json'));
  const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  buildSync({
    entryPoints: {
      registry: source('./registry-main.ts'),
      'signing-worker': source('../../src/ca/signing-worker.ts'),
    },
    outdir: join(made, 'src'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@inmesh/source'],
    // Much of it is CommonJS and asks for Node's modules by require().
    banner: {
      js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
    },
  });
  return made;
}

/** Starts a server and waits until it listens. Throws what it says when it does not. */
export async function startRegistryProcess(settings: RegistrySettings): Promise<RegistryProcess> {
  folder ??= bundle();
  const child = fork(join(await folder, 'src', 'registry.js'), {
    execArgv: [],
    env: { ...process.env, REGISTRY_SETTINGS: JSON.stringify(settings), NODE_OPTIONS: '' },
  });
  const signal = AbortSignal.timeout(startTimeoutMs);
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a registry server ended with ${code} before it served`);
  });
  ended.catch(() => {}); // once it serves, its end is whoever's who ends it
  const message = once(child, 'message', { signal });
  const [ready] = (await Promise.race([message, ended])) as [RegistryReady];
  if (!('url' in ready)) {
    await end(child, 'SIGKILL');
    throw Object.assign(new Error(ready.message), { code: ready.code });
  }
  return {
    url: ready.url,
    jumpWall: (wallOffsetMs) => void child.send({ wallOffsetMs } satisfies RegistryOrder),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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
let bundled: Promise<string> | undefined;

/** From source, in one file: the tests need no build. */
async function bundle(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'inmesh-registry-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, 'src', 'registry.mjs');
  // The server says its version, which it reads beside its sources.
  const manifest = fileURLToPath(new URL('../../package.json', import.meta.url));
  await copyFile(manifest, join(folder, 'package.json'));
  buildSync({
    entryPoints: [fileURLToPath(new URL('./registry-main.ts', import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@inmesh/source'],
    // Much of it is CommonJS and asks for Node's modules by require().
    banner: {
      js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);",
    },
  });
  return outfile;
}

/** Starts a server and waits until it listens. Throws what it says when it does not. */
export async function startRegistryProcess(settings: RegistrySettings): Promise<RegistryProcess> {
  bundled ??= bundle();
  const child = fork(await bundled, {
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

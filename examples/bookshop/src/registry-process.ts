import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

/** The registry, run as a user runs it: `inmesh registry`. Keeps its port over a restart. */
export interface RegistryProcess {
  readonly url: string;
  readonly running: boolean;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** The `inmesh` command, as npm installed it. */
export const command: string = join(
  dirname(createRequire(import.meta.url).resolve('inmesh/package.json')),
  'bin/inmesh.js',
);

/** Starts it on a free port. `dataDir` is where it keeps what is durable, `flags` are more of its own. */
export async function startRegistry(
  dataDir: string,
  flags: readonly string[] = [],
): Promise<RegistryProcess> {
  let { child, url } = await run(0, dataDir, flags);
  let running = true;
  return {
    get url() {
      return url;
    },
    get running() {
      return running;
    },
    async stop() {
      if (!running) return;
      running = false;
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
    async start() {
      if (running) return;
      ({ child, url } = await run(Number(new URL(url).port), dataDir, flags));
      running = true;
    },
  };
}

/** The longest that it may take to listen. */
const startWithinMs = 15_000;

/** Resolves when it says where it listens, which is the one line it writes to standard output. */
async function run(
  port: number,
  dataDir: string,
  flags: readonly string[],
): Promise<{ child: ChildProcess; url: string }> {
  const place = ['--port', String(port), '--data-dir', dataDir, '--log-level', 'error'];
  const child = spawn(process.execPath, [command, 'registry', ...place, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const giveUp = setTimeout(() => child.kill('SIGKILL'), startWithinMs);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /https?:\/\/\S+/.exec(line)?.[0];
      if (url !== undefined) return { child, url };
    }
  } finally {
    clearTimeout(giveUp);
  }
  throw new Error('the registry ended before it listened: see its messages above');
}

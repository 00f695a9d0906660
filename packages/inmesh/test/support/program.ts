import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** A real process that runs `fixtures/<name>.ts` from source: what a test cannot see from within. */
export interface Program {
  readonly process: ChildProcess;
  /** The next line of its standard output that starts with `word`, without it. Rejects when it ends first. */
  line(word: string): Promise<string>;
  /** Resolves when it has ended by itself; kills it and rejects after `withinMs`. */
  exit(withinMs: number): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Bundles a fixture into `folder`; the answer is the file to run. */
export async function bundleProgram(name: string, folder: string): Promise<string> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [fileURLToPath(new URL(`../fixtures/${name}.ts`, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@inmesh/source'],
    logLevel: 'error',
    // Bundled CommonJS asks for Node's modules by require().
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return outfile;
}

export function startProgram(file: string, environment: Readonly<Record<string, string>>): Program {
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  const readers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    for (const read of readers) read();
  });
  const closed = once(child, 'close');
  return {
    process: child,
    line: (word) =>
      new Promise((resolve, reject) => {
        const read = (): void => {
          const found = new RegExp(`^${word} (.*)\\n`, 'm').exec(output);
          if (found === null) return;
          readers.delete(read);
          resolve(found[1] as string);
        };
        readers.add(read);
        read();
        void closed.then(() => reject(new Error(`ended without a line "${word}": ${output}`)));
      }),
    async exit(withinMs) {
      let late = false;
      const giveUp = setTimeout(() => {
        late = true;
        child.kill('SIGKILL');
      }, withinMs);
      await closed;
      clearTimeout(giveUp);
      if (late) throw new Error(`did not end by itself within ${withinMs} ms: ${output}`);
      return { code: child.exitCode, signal: child.signalCode };
    },
  };
}

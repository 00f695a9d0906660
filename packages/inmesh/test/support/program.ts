import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';

/** A real process that runs `fixtures/<name>.ts` from source: what a test cannot see from within. */
export interface Program {
  readonly process: ChildProcess;
  /** The next line of its standard output that starts with `word`, without it. Rejects when it ends first. */
  line(word: string): Promise<string>;
  /** Resolves when it has ended by itself; kills it and rejects after `withinMs`. */
  exit(withinMs: number): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Bundles a fixture into `folder`; the answer is the file to run. */
export function bundleProgram(name: string, folder: string): string {
  const outfile = join(folder, `${name}.mjs`);
  bundle(new URL(`../fixtures/${name}.ts`, import.meta.url), outfile);
  return outfile;
}

/** Bundles the command line into `folder`, laid out as the packages are: they read their own version. */
export async function bundleCommandLine(folder: string): Promise<string> {
  const outdir = join(folder, 'dist', 'cli');
  // In parts, so that a command loads what it needs, as the published one does.
  bundleParts([fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))], outdir);
  for (const place of [folder, join(folder, 'dist')]) {
    await copyFile(new URL('../../package.json', import.meta.url), join(place, 'package.json'));
  }
  return join(outdir, 'main.mjs');
}

/** Bundles programs from outside the workspace into `folder`, as `<name>.mjs`; what they share is bundled once. */
export function bundleSources(files: readonly string[], folder: string): void {
  const modules = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
  bundleParts(files, folder, { nodePaths: [modules] });
}

/** What several files share, and what is loaded later, become files of their own. */
function bundleParts(files: readonly string[], outdir: string, more: BuildOptions = {}): void {
  const outExtension = { '.js': '.mjs' };
  bundleWith({ entryPoints: [...files], outdir, splitting: true, outExtension, ...more });
}

function bundle(entry: URL, outfile: string): void {
  bundleWith({ entryPoints: [fileURLToPath(entry)], outfile });
}

/** Synchronous, because esbuild's process then ends with the call (see jest.config.ts) and not after the test file. */
function bundleWith(more: BuildOptions): void {
  buildSync({ ...options, ...more });
}

const options: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  conditions: ['@inmesh/source'],
  logLevel: 'error',
  // Bundled CommonJS asks for Node's modules by require().
  banner: {
    js: "import { createRequire as inmeshRequire } from 'node:module'; const require = inmeshRequire(import.meta.url);",
  },
};

/** What a program did that ends by itself. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a program to its end; kills it and rejects after twenty seconds. */
export async function runProgram(
  file: string,
  words: readonly string[],
  input = '',
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, [file, ...words], { env, stdio: 'pipe', timeout: 20_000 });
  const [output, errors] = [text(child.stdout), text(child.stderr)];
  child.stdin.on('error', () => {}); // it need not read all of it
  child.stdin.end(input);
  await once(child, 'close');
  if (child.signalCode !== null) throw new Error(`did not end by itself: ${await errors}`);
  return { code: child.exitCode, output: await output, errors: await errors };
}

export function startProgram(
  file: string,
  environment: Readonly<Record<string, string>>,
  words: readonly string[] = [],
): Program {
  const child = spawn(process.execPath, [file, ...words], {
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

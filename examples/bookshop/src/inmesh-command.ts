import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { command } from './registry-process.ts';

const run = promisify(execFile);

/** Runs `inmesh …` against a registry as a person would, and gives what it printed. Throws when it fails. */
export function inmesh(registry: string, ...words: readonly string[]): Promise<string> {
  return inmeshWith({}, registry, ...words);
}

/** The same with something in its environment: `INMESH_TOKEN_FILE` for a registry that asks who comes. */
export async function inmeshWith(
  environment: Readonly<Record<string, string>>,
  registry: string,
  ...words: readonly string[]
): Promise<string> {
  const { stdout } = await run(process.execPath, [command, ...words, '--registry', registry], {
    timeout: 120_000,
    env: { ...process.env, ...environment },
  });
  return stdout;
}

/** The path of one of the bookshop's resource files. */
export function resourceFile(name: string): string {
  return fileURLToPath(new URL(`../resources/${name}.yaml`, import.meta.url));
}

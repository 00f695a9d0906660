import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  formatProblem,
  hasErrors,
  type ParsedResources,
  parseBatch,
  type ResourceText,
} from '@inmesh/config';
import { MeshError } from '@inmesh/core';

const endings = /[.](?:ya?ml|json)$/;

/**
 * Reads files, folders (every .yaml, .yml and .json below, in order of name) and `-` (standard input)
 * as one batch. Prints warnings; throws `invalid_resource` with every error, so that nothing of a
 * batch with a mistake is used.
 */
export async function readResources(paths: readonly string[]): Promise<ParsedResources> {
  const texts: ResourceText[] = [];
  for (const path of paths) texts.push(...(await readTexts(path)));
  if (texts.length === 0) {
    throw new MeshError('invalid_argument', `no .yaml, .yml or .json file in ${paths.join(', ')}`);
  }
  const parsed = parseBatch(texts);
  const lines = parsed.problems.map(formatProblem);
  if (hasErrors(parsed.problems)) {
    throw new MeshError(
      'invalid_resource',
      `the files have mistakes, so none of them is used:\n${lines.join('\n')}`,
    );
  }
  for (const line of lines) console.error(line);
  return parsed;
}

async function readTexts(path: string): Promise<ResourceText[]> {
  if (path === '-') {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return [{ text: Buffer.concat(chunks).toString(), file: 'standard input' }];
  }
  if (!(await stat(path)).isDirectory())
    return [{ text: await readFile(path, 'utf8'), file: path }];
  const names = (await readdir(path, { recursive: true }))
    .filter((name) => endings.test(name))
    .sort();
  return Promise.all(
    names.map(async (name) => {
      const file = join(path, name);
      return { text: await readFile(file, 'utf8'), file };
    }),
  );
}

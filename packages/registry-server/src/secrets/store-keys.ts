import { MeshError } from '@inmesh/core';
import { parseStoreKey } from '../store/encrypted-store.ts';
import { readPrivate } from './private-file.ts';

/**
 * The keys in a file that only this user reads, one a line: the first encrypts, all of them decrypt.
 * Throws `invalid_argument` for a file that is not there, that others can read, or that holds no keys.
 */
export async function readStoreKeys(path: string): Promise<readonly Uint8Array[]> {
  const lines = (await readPrivate(path))?.split('\n').filter((line) => line.trim() !== '') ?? [];
  if (lines.length > 0) return lines.map(parseStoreKey);
  throw new MeshError(
    'invalid_argument',
    `registry: ${path} holds no key; make one with \`openssl rand -hex 32\`, and keep a copy: without it the mesh's roots are lost`,
  );
}

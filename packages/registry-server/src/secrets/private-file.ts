import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MeshError, replaceFile } from '@inmesh/core';

const fileMode = 0o600;
const directoryMode = 0o700;
const othersBits = 0o077;

/** Throws `invalid_argument` for a file that others can read, and what the system says of one that is not there. */
export async function checkPrivate(path: string): Promise<void> {
  const { mode } = await stat(path);
  if (process.platform === 'win32' || (mode & othersBits) === 0) return;
  throw new MeshError(
    'invalid_argument',
    `${path} can be read by others; set its mode to 0600, and replace what it holds if it was so before`,
  );
}

/** The text of a file that only this user can read; `undefined` when there is none. Throws `invalid_argument` when others can. */
export async function readPrivate(path: string): Promise<string | undefined> {
  try {
    await checkPrivate(path);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes the folder where it is missing, and replaces the file in it as a whole. Resolves when it is on disk. */
export async function writePrivate(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: directoryMode });
  await replaceFile(path, text, fileMode);
}

import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MeshError } from '@inmesh/core';

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

/** Replaces a file as a whole, readable by this user only from the moment that it exists. Resolves when it is on disk. */
export async function writePrivate(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: directoryMode });
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = await open(temporary, 'wx', fileMode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Without it the rename itself may be lost with the power. Windows has no such call. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

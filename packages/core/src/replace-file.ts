import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a file as a whole: whoever reads it sees the old one or the new one, after a crash too.
 * Resolves when it is on disk. What goes wrong leaves nothing behind, and throws what the file
 * system says; the folder has to be there.
 * @param mode Of the new file, from the moment that it exists: 0o600 for what only this user may read.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    // `wx`: never into a file or a link that somebody has put there.
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
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

/** Without it the rename itself may be lost with the power. Some systems cannot, Windows among them: there it lasts when they say so. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  try {
    await directory?.sync().catch(() => {});
  } finally {
    await directory?.close();
  }
}

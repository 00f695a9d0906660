import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian puts daemons where a user's PATH does not look. */
const daemonFolders = ['/usr/sbin', '/usr/local/sbin', '/sbin'];

/**
 * The path of a program that a system test starts for real. Throws, naming the Debian package to
 * install, where it is missing: a system test fails there, it is never skipped.
 */
export function systemProgram(name: string, debianPackage: string): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...daemonFolders];
  const found = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (found !== undefined) return found;
  throw new Error(
    `${name} is not installed: a system test starts the real one; install it with \`apt-get install ${debianPackage}\``,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

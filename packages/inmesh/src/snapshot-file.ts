import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where the last known endpoints are kept unless the options say: below the user's cache folder, one
 * file per service and registry, so that two meshes on one machine do not read each other's.
 */
export function defaultSnapshotFile(
  service: string,
  servers: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const cache = environment.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const registry = createHash('sha256')
    .update([...servers].sort().join(' '))
    .digest('hex')
    .slice(0, 12);
  return join(cache, 'inmesh', `${service}-${registry}.json`);
}

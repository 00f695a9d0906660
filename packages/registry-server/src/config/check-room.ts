import { MeshError, type StoreWrite } from '@inmesh/core';
import type { StoredEntries } from './plan-edit.ts';
import { revisionKey } from './resource-entry.ts';

/** Every client holds the whole configuration, so it is bounded as a whole. */
export interface ConfigLimits {
  readonly resources: number;
  readonly configBytes: number;
}

/** Throws `overloaded` when `writes` would bring the configuration beyond a limit. */
export function checkRoom(
  stored: StoredEntries,
  writes: readonly StoreWrite[],
  limits: ConfigLimits,
): void {
  // A deletion always passes: it is the way out.
  if (!writes.some(({ kind }) => kind === 'put')) return;
  const sizes = new Map<string, number>();
  for (const { key, value } of stored.values()) sizes.set(key, value.length);
  sizes.delete(revisionKey);
  for (const write of writes) {
    if (write.kind === 'put') sizes.set(write.key, write.value.length);
    else sizes.delete(write.key);
  }
  if (sizes.size > limits.resources) throw full(`${sizes.size} resources`, 'resources', limits);
  let bytes = 0;
  for (const size of sizes.values()) bytes += size;
  if (bytes > limits.configBytes) throw full(`${bytes} bytes of resources`, 'configBytes', limits);
}

function full(what: string, limit: keyof ConfigLimits, limits: ConfigLimits): MeshError {
  return new MeshError(
    'overloaded',
    `registry: that would be ${what}, at most ${limits[limit]} are kept; delete some or raise limits.${limit}`,
  );
}

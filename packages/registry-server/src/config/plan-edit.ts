import { isDeepStrictEqual } from 'node:util';
import type { Resource } from '@inmesh/config';
import {
  type ConfigKey,
  type ConfigResource,
  MeshError,
  type ResourcesApplied,
  type StoreEntry,
  type StoreWrite,
} from '@inmesh/core';
import { formatEntry, parseEntry, storeKey } from './resource-entry.ts';

/** What is stored, by the store's keys. */
export type StoredEntries = ReadonlyMap<string, StoreEntry>;

/** What an edit of the configuration comes to. No writes: nothing would change. */
export interface EditPlan {
  readonly writes: readonly StoreWrite[];
  readonly changes: ResourcesApplied['changes'];
}

/** @param now RFC 3339, for the resources that are new: those that are there keep their time. */
export function planApply(
  batch: ReadonlyMap<ConfigKey, Resource>,
  stored: StoredEntries,
  now: string,
): EditPlan {
  const writes: StoreWrite[] = [];
  const changes: ResourcesApplied['changes'][number][] = [];
  for (const [key, resource] of batch) {
    const entry = stored.get(storeKey(key));
    const present = entry === undefined ? undefined : parseEntry(entry);
    const next = createdAt(resource, present?.metadata.creationTimestamp ?? now);
    if (isDeepStrictEqual(present, next)) {
      changes.push({ key, action: 'unchanged' });
      continue;
    }
    writes.push({ kind: 'put', key: storeKey(key), value: formatEntry(next) });
    changes.push({ key, action: present === undefined ? 'created' : 'updated' });
  }
  return { writes, changes };
}

/** Throws `not_found`. */
export function planRemoval(key: ConfigKey, stored: StoredEntries): EditPlan {
  if (!stored.has(storeKey(key))) throw unknownResource(key);
  return {
    writes: [{ kind: 'delete', key: storeKey(key) }],
    changes: [{ key, action: 'deleted' }],
  };
}

export function unknownResource(key: ConfigKey): MeshError {
  return new MeshError('not_found', `registry: there is no ${key}; GET /v1/resources lists all`);
}

/** What the sender says of the time is no proof: the age of a resource decides which of two counts. */
function createdAt({ apiVersion, kind, metadata, spec }: Resource, time: string): ConfigResource {
  return { apiVersion, kind, metadata: { ...metadata, creationTimestamp: time }, spec };
}

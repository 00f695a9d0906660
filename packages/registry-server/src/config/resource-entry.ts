import { validate } from '@inmesh/config';
import { type ConfigKey, type ConfigResource, MeshError, type StoreEntry } from '@inmesh/core';

/** Below it are the resources, as `resources/<Kind>/<namespace>/<name>`, and the revision. */
export const prefix = 'resources/';

/**
 * The configuration's revision. Every commit writes it, expecting the one that it was made for: so
 * commits of servers that share a store come one after the other, and it outlives them all.
 */
export const revisionKey: string = `${prefix}revision`;

export function storeKey(key: ConfigKey): string {
  return prefix + key;
}

export function configKey(key: string): ConfigKey {
  return key.slice(prefix.length);
}

export function formatEntry(resource: ConfigResource): string {
  return JSON.stringify(resource);
}

/** A stored resource. Throws `invalid_argument` for an entry that no registry wrote. */
export function parseEntry({ key, value }: StoreEntry): ConfigResource {
  try {
    const resource = JSON.parse(value) as ConfigResource;
    const { kind, metadata } = resource;
    const claimed = `${kind}/${metadata.namespace}/${metadata.name}`;
    if (claimed === configKey(key)) return resource;
  } catch {
    // Said below: it does not matter how it is broken.
  }
  throw new MeshError(
    'invalid_argument',
    `registry: the stored resource ${configKey(key)} is damaged; restore the data from a backup, or take the entry out of it`,
  );
}

/** What the rules of this version say against a resource that is stored already. */
export function complaintAbout(resource: ConfigResource): string | undefined {
  const error = validate(resource).problems.find(({ severity }) => severity === 'error');
  return error === undefined ? undefined : `${error.path}: ${error.reason}`;
}

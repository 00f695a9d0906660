import type { Endpoint, HealthProbe } from '@inmesh/core';

/** The form of what servers write for each other. Fields may be added; a meaning that changes makes another number. */
const wire = 1;

/** Everything that servers tell each other is below it, so that one watch tells all of it in order. */
export const clusterPrefix = 'cluster/';

/** A server that is alive: its entry hangs on its lease. */
export interface ServerEntry {
  /** This run of it, since it last joined. Never comes again. */
  readonly owner: string;
  readonly version: string;
}

/** Who answers for the sessions of a bucket: an `owner`. */
export interface BucketEntry {
  readonly owner: string;
}

/** An endpoint, and whose it is. Written by the server to which its session is connected. */
export interface EndpointEntry {
  readonly bucket: string;
  /** Which endpoints belong together: numbers of one bucket's sessions. */
  readonly session: number;
  readonly client: string;
  readonly declared: Endpoint;
  readonly probe?: HealthProbe;
}

export type ClusterKey =
  | { readonly kind: 'server' | 'bucket' | 'endpoint' | 'health'; readonly name: string }
  | { readonly kind: 'leader' };

const folders = {
  server: 'servers/',
  bucket: 'buckets/',
  endpoint: 'endpoints/',
  health: 'health/',
};

export const leaderKey: string = `${clusterPrefix}leader`;

export function clusterKey(kind: keyof typeof folders, name: string): string {
  return clusterPrefix + folders[kind] + name;
}

/** `undefined` for a key that this version does not know. */
export function parseClusterKey(key: string): ClusterKey | undefined {
  if (key === leaderKey) return { kind: 'leader' };
  const rest = key.slice(clusterPrefix.length);
  for (const kind of Object.keys(folders) as (keyof typeof folders)[]) {
    if (rest.startsWith(folders[kind])) return { kind, name: rest.slice(folders[kind].length) };
  }
  return undefined;
}

export function formatEntry(entry: ServerEntry | BucketEntry | EndpointEntry | object): string {
  return JSON.stringify({ wire, ...entry });
}

/** `undefined` for what a newer version wrote, or nobody of us: it is left as it is. */
export function parseEntry<T>(value: string): T | undefined {
  try {
    const entry = JSON.parse(value) as T & { wire?: number };
    return entry.wire === wire ? entry : undefined;
  } catch {
    return undefined;
  }
}

import { constants, type Stats } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type ConfigSnapshot,
  type EndpointList,
  isLabel,
  replaceFile,
  splitServiceName,
} from '@inmesh/core';
import { checkConfigRevision, checkResources } from './config-check.ts';
import { readEndpoints } from './watch-frame.ts';

const format = 'inmesh-endpoints/1';
const maxFileBytes = 256 * 1024 * 1024;
const maxServices = 10_000;

/** What two processes' clocks are compared by: the wall clock, for want of another. */
export interface FileTime {
  readonly now: number;
  readonly wallNow: number;
}

/** What outlives a process. */
export interface SnapshotContents {
  readonly lists: readonly EndpointList[];
  readonly config: ConfigSnapshot | undefined;
}

/** Writes it down, whole or not at all: a reader sees the old file or the new one. Makes the folder where it is missing. */
export async function writeSnapshotFile(
  path: string,
  { lists, config }: SnapshotContents,
  time: FileTime,
): Promise<void> {
  const services = lists.map(({ service, revision, endpoints, asOf }) => ({
    service,
    revision,
    ageMs: Math.max(0, time.now - asOf),
    endpoints,
  }));
  const text = JSON.stringify({ format, savedAt: time.wallNow, services, config });
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await replaceFile(path, text, 0o600);
}

/**
 * Reads what a former process wrote: each list `stale` and as old as it is; what is older than
 * `maxAgeMs` or cannot be read is left out. The configuration is taken whatever its age: addresses
 * go bad with time, and no policy at all is worse than an old one. Without a file there is nothing.
 * Throws `Error` for a file that somebody else could have written, or that is none of ours.
 */
export async function readSnapshotFile(
  path: string,
  maxAgeMs: number,
  time: FileTime,
): Promise<SnapshotContents> {
  const text = await readOwnFile(path);
  if (text === undefined) return { lists: [], config: undefined };
  const { format: found, savedAt, services, config } = asRecord(JSON.parse(text));
  if (found !== format || typeof savedAt !== 'number' || !Array.isArray(services)) {
    throw new Error(`it is no ${format} file`);
  }
  // A clock that was set back would make lists younger than when they were written: never.
  const sinceMs = Math.max(0, time.wallNow - savedAt);
  const lists: EndpointList[] = [];
  for (const each of services.slice(0, maxServices)) {
    const { service, revision, ageMs, endpoints } = asRecord(each);
    if (!isServiceName(service) || !Array.isArray(endpoints)) continue;
    if (typeof ageMs !== 'number' || !(ageMs >= 0 && ageMs + sinceMs <= maxAgeMs)) continue;
    const readable = readEndpoints(endpoints, service).endpoints;
    if (readable.length === 0) continue;
    lists.push({
      service,
      endpoints: readable,
      revision: `${revision}`,
      state: 'stale',
      asOf: time.now - ageMs - sinceMs,
    });
  }
  return { lists, config: readConfig(config) };
}

/** Throws `ConfigFault`: a file whose configuration was damaged is not to be trusted with addresses either. */
function readConfig(value: unknown): ConfigSnapshot | undefined {
  if (value === undefined) return undefined;
  const { revision, resources } = asRecord(value);
  return {
    revision: checkConfigRevision(revision),
    resources: [...checkResources(resources).values()],
  };
}

async function readOwnFile(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return withFile(file, async () => {
    checkOwner(await file.stat());
    return await file.readFile('utf8');
  });
}

/** Whoever writes this file decides where our calls go. */
function checkOwner(stats: Stats): void {
  if (!stats.isFile()) throw new Error('it is no regular file');
  if (stats.size > maxFileBytes) throw new Error(`it is larger than ${maxFileBytes} bytes`);
  const uid = process.getuid?.();
  if (uid === undefined) return; // Windows: the directory's access list decides
  if (stats.uid !== uid && stats.uid !== 0) throw new Error('it belongs to another user');
  if ((stats.mode & 0o022) !== 0) throw new Error('others may write it: chmod 600');
}

async function withFile<T>(file: FileHandle, use: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

function isServiceName(value: unknown): value is string {
  if (typeof value !== 'string' || !value.includes('.')) return false;
  const { name, namespace } = splitServiceName(value);
  return isLabel(name) && isLabel(namespace);
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

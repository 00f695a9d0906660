import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '@inmesh/core';
import { readPrivate, writePrivate } from '../secrets/private-file.ts';
import { version } from '../version.ts';

/**
 * What a data directory holds that cannot be made again: resources, overrides and tokens; the
 * authority's roots; the keys of service tokens. The audit is a log, and is kept as logs are.
 */
const durableFiles = ['registry.json', 'authority.json', 'service-token-keys.json'] as const;

const format = 1;

interface Backup {
  readonly format: number;
  /** The registry that made it. */
  readonly version: string;
  /** By name, as they were. */
  readonly files: Readonly<Record<string, string>>;
  /** Of the files: a backup that was cut or changed is not restored. */
  readonly sha256: string;
}

export interface BackupSummary {
  readonly version: string;
  readonly files: readonly string[];
}

/**
 * Writes what `dataDir` holds to `path`, mode 0600: it has the mesh's keys. The server may be running:
 * each file is replaced as a whole, so whatever is read is whole. Throws `not_found` for a
 * directory that holds nothing, `invalid_argument` for a file that others may read or that is damaged.
 */
export async function backupDataDir(dataDir: string, path: string): Promise<BackupSummary> {
  const files: Record<string, string> = {};
  for (const name of durableFiles) {
    const text = await readPrivate(join(dataDir, name));
    if (text === undefined) continue;
    checkJson(name, text);
    files[name] = text;
  }
  if (Object.keys(files).length === 0) {
    throw new MeshError('not_found', `registry: ${dataDir} holds nothing to back up`);
  }
  const backup: Backup = { format, version, files, sha256: digest(files) };
  await writePrivate(path, JSON.stringify(backup));
  return { version, files: Object.keys(files) };
}

/**
 * Puts a backup's files into `dataDir`, all of them or, where it refuses, none. Not while a server uses the directory.
 * Throws `conflict` when something is there, unless `replace`; `invalid_argument` for what is no whole backup.
 */
export async function restoreDataDir(
  path: string,
  dataDir: string,
  { replace = false }: { readonly replace?: boolean } = {},
): Promise<BackupSummary> {
  const text = await readPrivate(path);
  if (text === undefined) throw new MeshError('not_found', `registry: there is no ${path}`);
  const { version: from, files } = parseBackup(path, text);
  if (!replace) await checkEmpty(dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  for (const [name, contents] of Object.entries(files)) {
    await writePrivate(join(dataDir, name), contents);
  }
  return { version: from, files: Object.keys(files) };
}

function parseBackup(path: string, text: string): Backup {
  let backup: Partial<Backup>;
  try {
    backup = JSON.parse(text) as Partial<Backup>;
  } catch {
    throw damaged(path, 'it is not JSON: it may have been cut');
  }
  const { format: found, version: from, files, sha256 } = backup;
  if (found !== format) {
    throw damaged(path, `its format is ${JSON.stringify(found)}, this version knows ${format}`);
  }
  if (typeof from !== 'string' || typeof files !== 'object' || files === null) {
    throw damaged(path, 'version or files are missing');
  }
  for (const [name, contents] of Object.entries(files)) {
    // A name is a part of a path: only those that a backup is made of.
    if (!(durableFiles as readonly string[]).includes(name) || typeof contents !== 'string') {
      throw damaged(path, `${JSON.stringify(name)} is no file of a registry`);
    }
  }
  if (digest(files) !== sha256) throw damaged(path, 'its digest does not fit');
  return backup as Backup;
}

async function checkEmpty(dataDir: string): Promise<void> {
  for (const name of durableFiles) {
    const exists = await lstat(join(dataDir, name)).then(
      () => true,
      () => false,
    );
    if (!exists) continue;
    throw new MeshError(
      'conflict',
      `registry: ${join(dataDir, name)} exists; stop the registry, and move the directory away or say that it is to be replaced`,
    );
  }
}

function checkJson(name: string, text: string): void {
  try {
    JSON.parse(text);
  } catch {
    throw damaged(name, 'it is not JSON: a backup of it would be worth nothing');
  }
}

function digest(files: Readonly<Record<string, string>>): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(files).sort()) hash.update(`${name}\0${files[name]}\0`);
  return hash.digest('hex');
}

function damaged(path: string, why: string): MeshError {
  return new MeshError('invalid_argument', `registry: ${path} is not used: ${why}`);
}

import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMeshError, MeshError, type StoreEntry } from '@inmesh/core';
import { emptyContents, type StoreContents } from './store-contents.ts';

/** Only its owner may read it: it will hold keys. */
const fileMode = 0o600;
const directoryMode = 0o700;
const format = 1;

/**
 * The durable part of the store: one JSON file that is replaced as a whole, so that a crash leaves
 * the old one or the new one and nothing between. Fitting for what changes by hand, a few
 * thousand entries; a write takes about a millisecond.
 */
export class StoreFile {
  readonly path: string;
  readonly #directory: string;
  /** Of the file as this process last saw it: a different one means a second writer. */
  #seen: string | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 'registry.json');
  }

  /** Makes the directory when it is missing. Throws `invalid_argument` when the file is not what this class writes. */
  async load(): Promise<StoreContents> {
    await mkdir(this.#directory, { recursive: true, mode: directoryMode });
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return emptyContents;
      throw error;
    }
    this.#seen = await this.#stamp();
    try {
      return parseContents(JSON.parse(text));
    } catch (cause) {
      const why = isMeshError(cause) ? cause.message : 'it is not JSON';
      throw new MeshError(
        'invalid_argument',
        `registry: ${this.path} is damaged (${why}); restore it from a backup, or move it away to start without status overrides and resources`,
        { cause },
      );
    }
  }

  /** Resolves when the contents are on disk. Throws `conflict` when somebody else wrote the file, `store_unavailable` when it cannot be written. */
  async save(contents: StoreContents): Promise<void> {
    if ((await this.#stamp()) !== this.#seen) {
      throw new MeshError(
        'conflict',
        `registry: ${this.path} was changed by another process; give each registry a data directory of its own, then restart this one`,
      );
    }
    const { revision, entries } = contents;
    const text = JSON.stringify({ format, revision, entries: [...entries.values()] });
    const temporary = `${this.path}.${process.pid}.tmp`;
    try {
      await this.#replace(temporary, text);
    } catch (cause) {
      // Half of a file would take the room that the next one needs.
      await rm(temporary, { force: true }).catch(() => {});
      throw new MeshError(
        'store_unavailable',
        `registry: ${this.path} cannot be written (${(cause as Error).message}); nothing was changed. Make room on the disk and see that the folder can be written, then repeat it`,
        { cause, maybeProcessed: false },
      );
    }
    this.#seen = await this.#stamp();
    await this.#syncDirectory();
  }

  async #replace(temporary: string, text: string): Promise<void> {
    const file = await open(temporary, 'w', fileMode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.path);
  }

  /** Without it the rename itself may be lost with the power. Windows has no such call. */
  async #syncDirectory(): Promise<void> {
    if (process.platform === 'win32') return;
    const directory = await open(this.#directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async #stamp(): Promise<string | undefined> {
    try {
      const { ino, mtimeNs, size } = await stat(this.path, { bigint: true });
      return `${ino}:${mtimeNs}:${size}`;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

function parseContents(value: unknown): StoreContents {
  const { format: found, revision, entries } = (value ?? {}) as Record<string, unknown>;
  if (found !== format)
    throw new MeshError(
      'invalid_argument',
      `its format is ${JSON.stringify(found)}, known is ${format}`,
    );
  if (!Number.isSafeInteger(revision) || !Array.isArray(entries)) {
    throw new MeshError('invalid_argument', 'revision or entries are missing');
  }
  const byKey = new Map<string, StoreEntry>();
  for (const entry of entries as Partial<StoreEntry>[]) {
    const { key, value: text, revision: changed } = entry ?? {};
    if (typeof key !== 'string' || typeof text !== 'string' || typeof changed !== 'string') {
      throw new MeshError('invalid_argument', 'an entry is not key, value and revision');
    }
    byKey.set(key, Object.freeze({ key, value: text, revision: changed }));
  }
  return { revision: revision as number, entries: byKey };
}

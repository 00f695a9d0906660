import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AuditEntry } from '@inmesh/core';

/** So large a file becomes the older one of two: the audit takes 32 MiB of disk at most. */
const maxBytes = 16 * 1024 * 1024;

/** The audit on disk: one JSON object a line, appended and never changed. */
export class AuditFile {
  readonly #path: string;
  #file: FileHandle | undefined;
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** What is there of earlier runs, the oldest first; a line that was cut by a crash is left out. */
  async load(): Promise<AuditEntry[]> {
    const texts = await Promise.all([readText(`${this.#path}.1`), readText(this.#path)]);
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    this.#file = await open(this.#path, 'a', 0o600);
    this.#bytes = (await this.#file.stat()).size;
    return texts.join('\n').split('\n').flatMap(readEntry);
  }

  /** Resolves when the entries are on disk. One call at a time. */
  async append(entries: readonly AuditEntry[]): Promise<void> {
    if (this.#bytes >= maxBytes) await this.#rotate();
    // A line of its own at the beginning ends one that a crash has cut.
    const text = `${this.#bytes === 0 ? '' : '\n'}${entries.map((entry) => JSON.stringify(entry)).join('\n')}`;
    await this.#file?.appendFile(text);
    await this.#file?.datasync();
    this.#bytes += Buffer.byteLength(text);
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #rotate(): Promise<void> {
    await this.close();
    await rename(this.#path, `${this.#path}.1`);
    this.#file = await open(this.#path, 'a', 0o600);
    this.#bytes = 0;
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function readEntry(line: string): AuditEntry[] {
  try {
    const entry = JSON.parse(line) as AuditEntry;
    return Number.isSafeInteger(entry.number) ? [entry] : [];
  } catch {
    return [];
  }
}

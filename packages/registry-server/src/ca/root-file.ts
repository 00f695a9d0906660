import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshError } from '@inmesh/core';
import type { Root, RootSet } from './root-set.ts';

const format = 1;
/** Whoever reads this file can become anybody in the mesh. */
const fileMode = 0o600;
const directoryMode = 0o700;
const othersBits = 0o077;

interface StoredRoot {
  readonly certificate: string;
  readonly key: string;
  readonly signsFrom: number;
  /** `null` is for ever: JSON has no infinity. */
  readonly trustedUntil: number | null;
}

/** The roots of the authority on disk: `authority.json`, replaced as a whole. */
export class RootFile {
  readonly path: string;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, 'authority.json');
  }

  /**
   * `undefined` when there is no file. Throws `invalid_argument` when it is damaged, or readable by
   * others: a new root in its place would cut off everybody who trusts the old one.
   */
  async load(): Promise<RootSet | undefined> {
    let text: string;
    try {
      const { mode } = await stat(this.path);
      if (process.platform !== 'win32' && (mode & othersBits) !== 0) {
        throw this.#fault(
          'can be read by others; set its mode to 0600, and replace its roots if it was so before',
        );
      }
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return parseRoots(JSON.parse(text));
    } catch {
      // Without the cause: it may quote the file, and that holds keys.
      throw this.#fault(
        'is damaged; restore it from a backup, or move it away to begin with a new root',
      );
    }
  }

  /** Resolves when the roots are on disk. */
  async save(roots: RootSet): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: directoryMode });
    const temporary = `${this.path}.${randomUUID()}`;
    try {
      const file = await open(temporary, 'wx', fileMode);
      try {
        await file.writeFile(JSON.stringify({ format, roots: roots.map(storedRoot) }));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await this.#syncDirectory();
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

  #fault(problem: string): MeshError {
    return new MeshError('invalid_argument', `certificate authority: ${this.path} ${problem}`);
  }
}

function storedRoot({ certificate, privateKey, signsFrom, trustedUntil }: Root): StoredRoot {
  return {
    certificate: certificate.toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    signsFrom,
    trustedUntil: Number.isFinite(trustedUntil) ? trustedUntil : null,
  };
}

function parseRoots(value: unknown): RootSet {
  const { format: found, roots } = (value ?? {}) as Record<string, unknown>;
  if (found !== format || !Array.isArray(roots) || roots.length === 0) throw new Error('no roots');
  return (roots as StoredRoot[]).map(({ certificate, key, signsFrom, trustedUntil }) => {
    const root = {
      certificate: new X509Certificate(certificate),
      privateKey: createPrivateKey(key),
    };
    if (!root.certificate.checkPrivateKey(root.privateKey)) throw new Error('another key');
    if (!Number.isFinite(signsFrom)) throw new Error('no time');
    return { ...root, signsFrom, trustedUntil: trustedUntil ?? Number.POSITIVE_INFINITY };
  });
}

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { MeshError } from '@inmesh/core';
import { readPrivate, writePrivate } from './private-file.ts';
import type { Root, RootSet } from './root-set.ts';

const format = 1;

interface StoredRoot {
  readonly certificate: string;
  readonly key: string;
  readonly signsFrom: number;
  /** `null` is for ever: JSON has no infinity. */
  readonly trustedUntil: number | null;
}

/** The roots of the authority on disk: `authority.json`, replaced as a whole. Whoever reads it can become anybody in the mesh. */
export class RootFile {
  readonly path: string;

  constructor(directory: string) {
    this.path = join(directory, 'authority.json');
  }

  /**
   * `undefined` when there is no file. Throws `invalid_argument` when it is damaged, or readable by
   * others: a new root in its place would cut off everybody who trusts the old one.
   */
  async load(): Promise<RootSet | undefined> {
    const text = await readPrivate(this.path);
    if (text === undefined) return undefined;
    try {
      return parseRoots(JSON.parse(text));
    } catch {
      // Without the cause: it may quote the file, and that holds keys.
      throw new MeshError(
        'invalid_argument',
        `certificate authority: ${this.path} is damaged; restore it from a backup, or move it away to begin with a new root`,
      );
    }
  }

  /** Resolves when the roots are on disk. */
  save(roots: RootSet): Promise<void> {
    return writePrivate(this.path, JSON.stringify({ format, roots: roots.map(storedRoot) }));
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

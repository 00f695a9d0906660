import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Root, RootSet } from './root-set.ts';

const format = 1;

interface StoredRoot {
  readonly certificate: string;
  readonly key: string;
  readonly signsFrom: number;
  /** `null` is for ever: JSON has no infinity. */
  readonly trustedUntil: number | null;
}

/** Whoever reads it can become anybody in the mesh. */
export function formatRoots(roots: RootSet): string {
  return JSON.stringify({ format, roots: roots.map(storedRoot) });
}

/** Throws for what `formatRoots` has not made. */
export function parseRoots(text: string): RootSet {
  const { format: found, roots } = (JSON.parse(text) ?? {}) as Record<string, unknown>;
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

function storedRoot({ certificate, privateKey, signsFrom, trustedUntil }: Root): StoredRoot {
  return {
    certificate: certificate.toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    signsFrom,
    trustedUntil: Number.isFinite(trustedUntil) ? trustedUntil : null,
  };
}

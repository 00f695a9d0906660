import { type FSWatcher, watch } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MeshError, type Timer } from '@inmesh/core';
import { readPrivateKey } from './credential.ts';
import { maxPemLength } from './pem.ts';
import type { Material, Receiver, Supply } from './supply.ts';

/** Files that an outside authority keeps (SPIRE, cert-manager, Istio's agent). */
export interface CredentialFiles {
  /** PEM, the leaf first. */
  readonly cert: string;
  /** PEM, not encrypted. */
  readonly key: string;
  /** The authorities of the trust domain: PEM, or SPIFFE's JWKS. */
  readonly bundle: string;
  /**
   * How often the files are read where the file system tells of no change.
   * @default 30_000
   */
  readonly pollMs?: number;
}

/** A writer touches three files one after the other: this waits until it is through. */
const settleMs = 200;
/** Bits of a mode by which everybody on the machine may read. */
const worldReadable = 0o004;

/**
 * Takes certificates from files, at once and whenever they change. Files that do not fit each
 * other, because only some were replaced so far, are read again later; what is in use stays.
 */
export function watchFiles(files: CredentialFiles, receiver: Receiver): Supply {
  const { clock, logger } = receiver;
  const pollMs = files.pollMs ?? 30_000;
  let timer: Timer | undefined;
  let reading = false;
  let closed = false;
  let taken = '';
  let warned = false;

  const look = async (): Promise<void> => {
    reading = true;
    try {
      const texts = await Promise.all([files.cert, files.key, files.bundle].map(readText));
      const [chain, key, bundle] = texts.map((file) => file.text) as [string, string, string];
      if (closed) return;
      if (!warned && ((texts[1]?.mode ?? 0) & worldReadable) !== 0) {
        warned = true;
        logger.warn({ file: files.key }, 'everybody on this machine can read the private key');
      }
      // Compared by the certificates alone: the key need not be kept as a text for it.
      const content = chain + bundle;
      if (content !== taken) accept({ chain, bundle, privateKey: readPrivateKey(key) });
      taken = content;
    } catch (error) {
      if (!closed) receiver.failed(error);
    } finally {
      reading = false;
      if (!closed) lookIn(pollMs);
    }
  };
  const accept = (material: Material): void => receiver.accept(material, undefined);
  const lookIn = (delayMs: number): void => {
    timer?.cancel();
    timer = clock.setTimer(start, delayMs);
  };
  const start = (): void => {
    // `look` handles what fails.
    if (!closed && !reading) void look();
  };
  const onChange = (): void => {
    if (!closed) lookIn(settleMs);
  };
  // Folders, not files: Kubernetes and most writers replace a file by a rename, which a watch on the file misses.
  const folders = new Set([files.cert, files.key, files.bundle].map(dirname));
  const watchers = [...folders].flatMap((folder) => watchFolder(folder, onChange, receiver));

  start();
  return {
    renew: start,
    close() {
      closed = true;
      timer?.cancel();
      for (const watcher of watchers) watcher.close();
    },
  };
}

/** Without a watch (no such folder yet, the system's watches used up) polling finds the change. */
function watchFolder(folder: string, onChange: () => void, { logger }: Receiver): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, onChange);
    watcher.on('error', (err) => logger.debug({ err, folder }, 'the watch ended; polling goes on'));
    return [watcher];
  } catch (err) {
    logger.debug({ err, folder }, 'no watch on this folder; polling finds changes');
    return [];
  }
}

async function readText(path: string): Promise<{ text: string; mode: number }> {
  const file = await open(path, 'r');
  try {
    const { size, mode } = await file.stat();
    if (size > maxPemLength) {
      throw new MeshError('invalid_argument', `${path} has ${size} bytes, at most ${maxPemLength}`);
    }
    return { text: await file.readFile('utf8'), mode };
  } finally {
    await file.close();
  }
}

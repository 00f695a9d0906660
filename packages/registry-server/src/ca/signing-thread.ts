import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type Clock, type Logger, MeshError, type Timer } from '@inmesh/core';
import type { SigningAuthority } from '@inmesh/identity';
import { type SignedLeaf, type SigningJob, signJob } from './signing-job.ts';
import type { NewAuthority, NumberedJob, SigningAnswer } from './signing-worker.ts';

export interface SigningThreadOptions {
  /** The worker, compiled. @default signing-worker.js beside this file */
  readonly workerFile?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Signs away from the thread that serves, so that certificates never starve renewals. */
export interface SigningThread {
  /** Throws as `signJob`; `registry_unavailable` for a job whose thread died, `closed`: nothing was signed then. */
  sign(job: SigningJob): Promise<SignedLeaf>;
  /** Ends the thread; what waits is refused. Idempotent. */
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (signed: SignedLeaf) => void;
  readonly reject: (error: MeshError) => void;
}

/** A job takes a millisecond: a thread that was asked and has said nothing for so long never will. */
const silentMs = 20_000;

/** Begins the thread with the first job, and another with the first one after it died. */
export function createSigningThread(options: SigningThreadOptions): SigningThread {
  const { clock, logger } = options;
  const file = options.workerFile ?? fileURLToPath(new URL('./signing-worker.js', import.meta.url));
  // It is not there beside sources, nor in a program that was bundled into one file. Node 22.18 and newer could begin
  // signing-worker.ts, but not what it imports: a thread resolves packages to their compiled files, whatever a test
  // runner or a loader on this thread makes of them.
  if (!existsSync(file)) {
    logger.info({ file }, 'certificates are signed on the thread that serves');
    return signHere();
  }
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  /** The authority that it has. */
  let handedOver: SigningAuthority | undefined;
  let watchdog: Timer | undefined;
  let lastNumber = 0;
  let closed = false;

  /** While it has something to do the thread is watched, and keeps the process alive. */
  const watch = (): void => {
    watchdog?.cancel();
    watchdog = undefined;
    if (waiting.size === 0) worker?.unref();
    else watchdog = clock.setTimer(() => void worker?.terminate(), silentMs);
  };
  const settle = (answer: SigningAnswer): void => {
    const job = waiting.get(answer.number);
    waiting.delete(answer.number);
    watch();
    if ('signed' in answer) job?.resolve(answer.signed);
    else job?.reject(new MeshError(answer.refused.code, answer.refused.message));
  };
  const begin = (): Worker => {
    const begun = new Worker(file, { name: 'inmesh-signing' });
    begun.on('message', settle);
    begun.on('error', (error) => logger.error({ err: error }, 'the thread that signs has failed'));
    begun.on('exit', (code) => {
      worker = undefined;
      handedOver = undefined;
      const lost = [...waiting.values()];
      waiting.clear();
      watch();
      if (!closed) logger.error({ code, lost: lost.length }, 'the thread that signs has ended');
      const error = closed ? closedError() : lostError();
      for (const { reject } of lost) reject(error);
    });
    return begun;
  };

  return {
    async sign({ authority, ...job }) {
      if (closed) throw closedError();
      worker ??= begin();
      if (authority !== handedOver) worker.postMessage({ authority } satisfies NewAuthority);
      handedOver = authority;
      lastNumber += 1;
      const number = lastNumber;
      worker.postMessage({ number, job } satisfies NumberedJob);
      return await new Promise<SignedLeaf>((resolve, reject) => {
        waiting.set(number, { resolve, reject });
        if (waiting.size > 1) return;
        worker?.ref();
        watch();
      });
    },
    async close() {
      closed = true;
      await worker?.terminate();
    },
  };
}

/** One job in each turn of the event loop. */
function signHere(): SigningThread {
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  return {
    sign(job) {
      const signed = last.then(async () => {
        await setImmediate();
        if (closed) throw closedError();
        return signJob(job);
      });
      last = signed.catch(() => {});
      return signed;
    },
    async close() {
      closed = true;
      await last;
    },
  };
}

function lostError(): MeshError {
  return new MeshError(
    'registry_unavailable',
    'certificate authority: the thread that signs has ended, another takes its place; try again',
    { maybeProcessed: false },
  );
}

function closedError(): MeshError {
  return new MeshError('closed', 'certificate authority: it was closed');
}

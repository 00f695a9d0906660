/** The thread that signs: one job after the other, in the order in which they come. */
import { setPriority } from 'node:os';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { isMeshError, type MeshErrorCode } from '@inmesh/core';
import { type SignedLeaf, type SigningJob, signJob } from './signing-job.ts';

export interface NumberedJob {
  readonly number: number;
  readonly job: SigningJob;
}

export type SigningAnswer = { readonly number: number } & (
  | { readonly signed: SignedLeaf }
  | { readonly refused: { readonly code: MeshErrorCode; readonly message: string } }
);

// Where the processor is short, leases are renewed first. Only Linux gives a thread a priority of its own.
if (process.platform === 'linux') setPriority(10);

const port = parentPort as MessagePort;
port.on('message', ({ number, job }: NumberedJob) => {
  let answer: SigningAnswer;
  try {
    answer = { number, signed: signJob(job) };
  } catch (error) {
    const { message } = error as Error;
    const code = isMeshError(error) ? error.code : 'internal';
    answer = { number, refused: { code, message } };
  }
  port.postMessage(answer);
});

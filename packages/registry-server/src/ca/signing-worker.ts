/** The thread that signs: one job after the other, in the order in which they come. */
import { setPriority } from 'node:os';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { isMeshError, type MeshErrorCode } from '@inmesh/core';
import type { SigningAuthority } from '@inmesh/identity';
import { type SignedLeaf, type SigningJob, signJob } from './signing-job.ts';

/** Who signs from now on: not with each job, since handing over its handles costs the thread that serves. */
export interface NewAuthority {
  readonly authority: SigningAuthority;
}

export interface NumberedJob {
  readonly number: number;
  readonly job: Omit<SigningJob, 'authority'>;
}

export type SigningAnswer = { readonly number: number } & (
  | { readonly signed: SignedLeaf }
  | { readonly refused: { readonly code: MeshErrorCode; readonly message: string } }
);

// Where the processor is short, leases are renewed first. Only Linux gives a thread a priority of its own.
if (process.platform === 'linux') setPriority(10);

const port = parentPort as MessagePort;
let authority: SigningAuthority;
port.on('message', (message: NewAuthority | NumberedJob) => {
  if ('authority' in message) ({ authority } = message);
  else port.postMessage(answer(message));
});

function answer({ number, job }: NumberedJob): SigningAnswer {
  try {
    return { number, signed: signJob({ ...job, authority }) };
  } catch (error) {
    const { message } = error as Error;
    return { number, refused: { code: isMeshError(error) ? error.code : 'internal', message } };
  }
}

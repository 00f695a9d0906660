import {
  type CredentialSource,
  type Enroller,
  isMeshError,
  MeshError,
  setWallTimer,
  type Timer,
} from '@inmesh/core';
import { createCsr, generateKey } from './csr.ts';
import { renewAt, retryDelayMs } from './renewal-schedule.ts';
import type { Material, Receiver, Supply } from './supply.ts';

/** For one enrolment. A signing authority that takes longer is overloaded: a later try is kinder. */
const attemptTimeoutMs = 30_000;

/**
 * Gets certificates from an authority, each for a key of its own, and renews them in time. A failed
 * renewal is tried again until it succeeds: rotation that gives up is found out a day later.
 */
export function enrollFrom(enroller: Enroller, spiffeId: string, receiver: Receiver): Supply {
  const { clock, random } = receiver;
  let failures = 0;
  let askedToWaitMs = 0;
  let timer: Timer | undefined;
  let attempt: AbortController | undefined;
  let closed = false;

  const tryOnce = async (): Promise<void> => {
    const controller = new AbortController();
    attempt = controller;
    const timeLimit = clock.setTimer(() => {
      controller.abort(
        new MeshError('deadline_exceeded', `no certificate within ${attemptTimeoutMs} ms`),
      );
    }, attemptTimeoutMs);
    try {
      receiver.accept(await enrol(enroller, spiffeId, controller.signal, receiver), spiffeId);
      failures = 0;
    } catch (error) {
      if (closed) return;
      failures += 1;
      askedToWaitMs = (isMeshError(error) && error.retryAfterMs) || 0;
      receiver.failed(error);
    } finally {
      timeLimit.cancel();
      attempt = undefined;
    }
    if (!closed) schedule();
  };
  const schedule = (): void => {
    const svid = receiver.current?.svid;
    timer =
      failures === 0 && svid !== undefined
        ? setWallTimer(clock, start, renewAt(svid, random, clock.wallNow()))
        : clock.setTimer(start, retryDelayMs(failures, svid, random, askedToWaitMs));
  };
  const start = (): void => {
    timer?.cancel();
    // `tryOnce` handles what fails; one at a time.
    if (!closed && attempt === undefined) void tryOnce();
  };

  start();
  return {
    renew: start,
    close() {
      closed = true;
      timer?.cancel();
      attempt?.abort(new MeshError('closed', 'the identity was closed'));
    },
  };
}

/** One enrolment. Ends with the signal even when the enroller does not listen to it. */
async function enrol(
  enroller: Enroller,
  spiffeId: string,
  signal: AbortSignal,
  current: CredentialSource,
): Promise<Material> {
  const key = generateKey();
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    const asked = enroller.enroll(createCsr(key, spiffeId), signal, current);
    const answer = await Promise.race([asked, aborted]);
    if (typeof answer?.chain !== 'string' || typeof answer.bundle !== 'string') {
      throw new MeshError('protocol_error', 'the authority answered without chain and bundle');
    }
    return { chain: answer.chain, bundle: answer.bundle, privateKey: key.privateKey };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

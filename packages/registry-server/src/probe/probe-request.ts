import { request } from 'node:http';
import type { Clock } from '@inmesh/core';
import { checkAddress } from './address-policy.ts';

/** What one probe found out. `unclear`: the fault may be ours, so it counts for nothing. */
export type ProbeResult = 'healthy' | 'unhealthy' | 'unclear';

export interface ProbeTarget {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly timeoutMs: number;
}

/** A timer that fires this late says that our own event loop was stalled, not the target. */
const stallMs = 250;

/** A head larger than this is no health answer. */
const maxHeaderBytes = 8_192;

export interface ProbeInFlight {
  readonly result: Promise<ProbeResult>;
  cancel(): void;
}

/**
 * One GET on a connection of its own. Only the head is read; 2xx and 3xx are healthy, and a
 * redirect is never followed: its location is the target's to choose, and the way to addresses
 * that only the registry reaches (CVE-2022-29153).
 */
export function sendProbe(target: ProbeTarget, clock: Clock): ProbeInFlight {
  const verdict = checkAddress(target.address);
  if (!verdict.ok) return { result: Promise.resolve('unhealthy'), cancel: () => {} };
  let settle: (result: ProbeResult) => void = () => {};
  const result = new Promise<ProbeResult>((resolve) => {
    settle = resolve;
  });
  const outgoing = request({
    host: verdict.address,
    port: target.port,
    path: target.path,
    agent: false,
    maxHeaderSize: maxHeaderBytes,
    headers: { 'user-agent': 'inmesh-registry-probe', accept: '*/*', connection: 'close' },
  });
  const deadline = clock.now() + target.timeoutMs;
  const timer = clock.setTimer(() => {
    finish(clock.now() - deadline > stallMs ? 'unclear' : 'unhealthy');
  }, target.timeoutMs);
  const finish = (found: ProbeResult): void => {
    timer.cancel();
    settle(found);
    outgoing.destroy();
  };
  outgoing.on('response', ({ statusCode = 0 }) => {
    finish(statusCode >= 200 && statusCode < 400 ? 'healthy' : 'unhealthy');
  });
  // After `finish` a late error has nobody to tell: settling twice does nothing.
  outgoing.on('error', () => finish('unhealthy'));
  // An upgrade nobody asked for is no answer.
  outgoing.on('upgrade', (_response, socket) => {
    socket.destroy();
    finish('unhealthy');
  });
  outgoing.end();
  return { result, cancel: () => finish('unclear') };
}

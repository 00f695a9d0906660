import { newSpanId, newTraceId, type RequestContext, runInContext } from '@inmesh/core';
import type { Side } from './call-sides.ts';
import { type Compared, compare } from './harness.ts';

export interface CallLoad {
  /** Of one measurement. */
  readonly calls: number;
  /** In flight. */
  readonly concurrency: number;
  readonly rounds: number;
}

/** This process' CPU per call of one side against the other, in turn. Closes both. */
export async function compareCalls(
  { subject, baseline }: { subject: Side; baseline: Side },
  { calls, concurrency, rounds }: CallLoad,
): Promise<Compared> {
  const sides = {
    subject: () => cpuPerCall(subject, calls, concurrency),
    baseline: () => cpuPerCall(baseline, calls, concurrency),
  };
  // Once through without counting: connections open, code compiles.
  await sides.subject();
  await sides.baseline();
  const compared = await compare(sides, rounds);
  await subject.close();
  await baseline.close();
  return compared;
}

/** Microseconds of CPU, user and system, per call, each made while a request is served. */
export async function cpuPerCall(side: Side, calls: number, concurrency: number): Promise<number> {
  const before = process.cpuUsage();
  let left = calls;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await runInContext(servedRequest(), side.call);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

function servedRequest(): RequestContext {
  return {
    trace: { traceId: newTraceId(), spanId: newSpanId(), sampled: true, state: '' },
    deadline: performance.now() + 30_000,
    identity: undefined,
    baggage: '',
    passOn: [],
  };
}

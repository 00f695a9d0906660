import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type Case, callCases } from './call-cases.ts';
import { startUpstream } from './call-upstream.ts';
import { type BenchOptions, type BenchResult, type Compared, compare } from './harness.ts';

/**
 * Client CPU per call of everything that Inmesh stands in for, both sides of each pair in turn, each
 * in a process of its own: a service has one HTTP client, and what the engine learns from another
 * one's calls (shapes of objects, of arguments) would count in both.
 */
export async function* run(options: BenchOptions): AsyncGenerator<BenchResult> {
  for (const [i, one] of callCases().entries()) {
    const { subject, baseline, concurrency } = one;
    if (options.only !== undefined && !`${subject} c=${concurrency}`.includes(options.only))
      continue;
    const compared = await measure(i, options.rounds ?? one.rounds);
    const { ratio, low, high, subject: value } = compared;
    const metric = 'client CPU per call';
    const named = { bench: 'call', subject, baseline, concurrency, metric };
    yield { ...named, ratio, low, high, value, unit: 'µs' };
  }
}

async function measure(number: number, rounds: number): Promise<Compared> {
  const upstream = await startUpstream(8);
  const ports = upstream.ports.join();
  const sides = {
    subject: startSide(`${number}`, 'subject', ports),
    baseline: startSide(`${number}`, 'baseline', ports),
  };
  try {
    // Once through without counting: connections open, code compiles.
    await sides.subject.measure();
    await sides.baseline.measure();
    return await compare(
      { subject: sides.subject.measure, baseline: sides.baseline.measure },
      rounds,
    );
  } finally {
    sides.subject.stop();
    sides.baseline.stop();
    upstream.stop();
  }
}

interface SideProcess {
  /** Microseconds of CPU per call. */
  measure(): Promise<number>;
  stop(): void;
}

function startSide(...[number, side, ports]: [string, keyof Case['sides'], string]): SideProcess {
  // Beside this file once it is compiled.
  const child = fork(new URL('./call-side.js', import.meta.url), [number, side, ports]);
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the ${side} of case ${number} ended with ${code} before it was measured`);
  });
  ended.catch(() => {}); // that it ends in the end is right
  return {
    async measure() {
      child.send('measure');
      const [cpu] = await Promise.race([once(child, 'message'), ended]);
      return cpu as number;
    },
    stop: () => child.disconnect(),
  };
}

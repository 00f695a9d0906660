import { fork } from 'node:child_process';
import { once } from 'node:events';
import { callCases } from './call-cases.ts';
import type { BenchOptions, BenchResult, Compared } from './harness.ts';

/**
 * Client CPU per call of everything that Inmesh stands in for, each pair in one process, in turn. A
 * process of its own for each pair: which code the engine compiled for the pairs before would count in it.
 */
export async function* run(options: BenchOptions): AsyncGenerator<BenchResult> {
  for (const [i, { subject, baseline, concurrency, rounds }] of callCases().entries()) {
    if (options.only !== undefined && !`${subject} c=${concurrency}`.includes(options.only))
      continue;
    const compared = await measure(i, options.rounds ?? rounds);
    const { ratio, low, high, subject: value } = compared;
    const metric = 'client CPU per call';
    const named = { bench: 'call', subject, baseline, concurrency, metric };
    yield { ...named, ratio, low, high, value, unit: 'µs' };
  }
}

async function measure(number: number, rounds: number): Promise<Compared> {
  // Beside this file once it is compiled.
  const child = fork(new URL('./call-case.js', import.meta.url), [`${number}`, `${rounds}`]);
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`case ${number} of the bench call ended with ${code} before it had a result`);
  });
  const [compared] = await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => {}); // that it ends now is right
  return compared as Compared;
}

import type { Recorder } from '../simulation/recorder.ts';

/** A span of seconds of a recording, in the figures that matter. */
export interface Summary {
  /** Per second. */
  readonly offered: number;
  /** Calls that ended well, per second. */
  readonly goodput: number;
  /** Of the calls that ended, 0..1. */
  readonly errorRatio: number;
  /** Attempts sent to the recorded service, per second. */
  readonly load: number;
  /** The same per call offered. */
  readonly amplification: number;
  /** Milliseconds, of calls that ended well; `undefined` when none did. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly p999: number | undefined;
}

/** @param from First second. @param to The second after the last. */
export function summarize({ seconds }: Recorder, from: number, to: number): Summary {
  const span = seconds.slice(from, to);
  const sum = (count: (second: (typeof span)[number]) => number): number =>
    span.reduce((total, second) => total + count(second), 0);
  const offered = sum((second) => second.offered);
  const ok = sum((second) => second.ok);
  const ended = ok + sum((second) => second.failed);
  const attempts = sum((second) => second.attempts);
  const latencies = Float64Array.from(span.flatMap((second) => second.latencies)).sort();
  return {
    offered: offered / span.length,
    goodput: ok / span.length,
    errorRatio: ended === 0 ? 0 : 1 - ok / ended,
    load: attempts / span.length,
    amplification: offered === 0 ? 0 : attempts / offered,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    p999: percentile(latencies, 0.999),
  };
}

/** Nearest rank. */
function percentile(sorted: Float64Array, share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** The first second from `from` on after which `holds` is true for every later one; the end when there is none. */
export function settledAt(
  recorder: Recorder,
  { from, to }: { from: number; to: number },
  holds: (second: Summary) => boolean,
): number {
  let settled = to;
  while (settled > from && holds(summarize(recorder, settled - 1, settled))) settled -= 1;
  return settled;
}

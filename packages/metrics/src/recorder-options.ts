import { type Clock, MeshError, systemClock, type Workload } from '@inmesh/core';

export interface RecorderOptions {
  /** Who this process is: the source of its calls and the destination of its requests. */
  readonly workload: Workload;
  /** @default systemClock */
  readonly clock?: Clock;
  /**
   * Series of calls, of requests and of attempts each; a traffic series takes about 1.5 KB. What
   * comes beyond is counted in one series called `other`. 1..100,000.
   * @default 2_000
   */
  readonly maxSeries?: number;
  /**
   * Live windows of called versions, of endpoints and of peers each; one takes 22 KB once it has
   * traffic. What comes beyond shares one called `other`. 1..100,000.
   * @default 512
   */
  readonly maxEdges?: number;
  /**
   * When the room is used up, what was idle for this long gives way. Longer than any scrape interval.
   * @default 900_000
   */
  readonly idleMs?: number;
}

export interface ResolvedRecorderOptions {
  readonly workload: Workload;
  readonly clock: Clock;
  readonly maxSeries: number;
  readonly maxEdges: number;
  readonly idleMs: number;
}

/** Throws `invalid_argument`. */
export function resolveRecorderOptions(options: RecorderOptions): ResolvedRecorderOptions {
  if (options.workload === undefined) {
    throw new MeshError(
      'invalid_argument',
      'recorder: workload is missing: pass createWorkload(…)',
    );
  }
  return Object.freeze({
    workload: options.workload,
    clock: options.clock ?? systemClock,
    maxSeries: within('maxSeries', options.maxSeries ?? 2_000, 1, 100_000),
    maxEdges: within('maxEdges', options.maxEdges ?? 512, 1, 100_000),
    idleMs: within('idleMs', options.idleMs ?? 900_000, 1_000, 2 ** 31 - 1),
  });
}

/** `value` when it is a whole number from `least` to `most`. Throws `invalid_argument` that names both. */
export function within(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new MeshError(
    'invalid_argument',
    `${name} must be a whole number within ${least}..${most}, got ${value}`,
  );
}

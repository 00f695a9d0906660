/** One line of the benchmarks' table: a subject against a baseline, measured in one process run. */
export interface BenchResult {
  readonly bench: string;
  readonly subject: string;
  readonly baseline: string;
  /** Operations in flight; 0 where it says nothing. */
  readonly concurrency: number;
  readonly metric: string;
  /** Subject over baseline: the median of the rounds' ratios. */
  readonly ratio: number;
  /** The ratio's 95 % interval. */
  readonly low: number;
  readonly high: number;
  /** The subject's own median, where it says something by itself. */
  readonly value?: number;
  readonly unit?: string;
}

export interface BenchOptions {
  /** Print one JSON line per result instead of a table. */
  readonly json: boolean;
  readonly rounds?: number;
  /** Run only what has this in its subject. */
  readonly only?: string;
}

/** What is compared: two functions that each measure once. */
export interface Comparison {
  readonly subject: () => Promise<number> | number;
  readonly baseline: () => Promise<number> | number;
}

export interface Compared {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  /** Medians. */
  readonly subject: number;
  readonly baseline: number;
}

/**
 * Measures both sides in turn, round by round, so that what the machine does besides falls on both.
 * The side that goes first changes with every round.
 */
export async function compare(comparison: Comparison, rounds: number): Promise<Compared> {
  const subjects: number[] = [];
  const baselines: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round % 2 === 0) baselines.push(await comparison.baseline());
    subjects.push(await comparison.subject());
    if (round % 2 === 1) baselines.push(await comparison.baseline());
  }
  return comparedOf(subjects, baselines);
}

/** @param baselines Of the same rounds as `subjects`. */
export function comparedOf(subjects: readonly number[], baselines: readonly number[]): Compared {
  const ratios = subjects.map((value, i) => value / (baselines[i] as number));
  const { low, high } = bootstrapInterval(ratios);
  return {
    ratio: median(ratios),
    low,
    high,
    subject: median(subjects),
    baseline: median(baselines),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

const resamples = 2_000;

/** The 95 % interval of the median, by drawing the rounds again with replacement. */
export function bootstrapInterval(values: readonly number[]): { low: number; high: number } {
  const medians: number[] = [];
  for (let i = 0; i < resamples; i += 1) {
    medians.push(
      median(values.map(() => values[Math.floor(Math.random() * values.length)] as number)),
    );
  }
  medians.sort((a, b) => a - b);
  return {
    low: medians[Math.floor(resamples * 0.025)] as number,
    high: medians[Math.floor(resamples * 0.975)] as number,
  };
}

/** A figure that stands by itself. */
export function absolute(
  bench: string,
  subject: string,
  concurrency: number,
  value: number,
  unit: string,
): BenchResult {
  const nothingToCompare = { baseline: '-', ratio: 1, low: 1, high: 1 };
  return { bench, subject, concurrency, metric: unit, ...nothingToCompare, value, unit };
}

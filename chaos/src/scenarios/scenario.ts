import type { Recorder } from '../simulation/recorder.ts';

/** A stretch of a scenario that reads as one: before, during, after. In seconds, `to` excluded. */
interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** The same disaster with one set of policies. */
interface Variant {
  readonly name: string;
  /** Plays it. All chance comes from `seed`. */
  readonly play: (seed: number) => Recorder;
}

/** What a scenario measures, and what it must come to where a bound was promised. */
interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly bound?: { readonly kind: 'at most' | 'at least'; readonly value: number };
  /** Plays the variants that it needs. */
  readonly measure: () => number;
}

/** A measure that was taken. */
export interface Figure extends Omit<Measure, 'measure'> {
  readonly value: number;
}

export interface Scenario {
  /** Also the names of its files. */
  readonly name: string;
  readonly title: string;
  /** What is played, for the page: a paragraph or two of Markdown. */
  readonly story: string;
  readonly phases: readonly Phase[];
  readonly variants: readonly Variant[];
  /** @param record Plays a variant, or gives what it came to before. */
  readonly figures: (record: (variant: string) => Recorder) => readonly Measure[];
}

export function holds({ value, bound }: Figure): boolean {
  if (bound === undefined) return true;
  return bound.kind === 'at most' ? value <= bound.value : value >= bound.value;
}

/** The length of a scenario in seconds. */
export function lengthOf({ phases }: Pick<Scenario, 'phases'>): number {
  return Math.max(...phases.map(({ to }) => to));
}

import type { TrafficColumns } from '@inmesh/core';
import {
  addInPlace,
  mergeLatencies,
  type SparseLatencies,
  sparseQuantile,
} from './sparse-latencies.ts';
import type { TrafficTotal } from './traffic-total.ts';

export interface TrafficRingOptions {
  /** What one step takes together. */
  readonly stepSeconds: number;
  /** The newest steps, to which reports may still add. */
  readonly openSteps: number;
  /** All steps that are kept, the open ones included. */
  readonly keptSteps: number;
}

/** A step that is still added to: all that is known of it. */
interface OpenStep {
  step: number;
  calls: number;
  errors: number;
  /** Of a report while it is the only one; the ring's own, and added to in place, from the second on. */
  latencies: SparseLatencies;
  own: number[] | undefined;
}

/** Of a sealed step: calls, errors, p50, p90 and p99. */
const columns = 5;

/**
 * Traffic by steps of time, in bounded memory: the newest steps have all their latencies, so that
 * the reports of several processes add up, and the older ones only what charts show. No timer moves
 * it on: a step gives its place to the one that comes a round later.
 */
export class TrafficRing {
  readonly #options: TrafficRingOptions;
  readonly #open: OpenStep[] = [];
  /** The step that each place holds, and its columns. Nothing until a step was sealed. */
  #sealedSteps: Int32Array | undefined;
  #sealed: Float32Array | undefined;

  constructor(options: TrafficRingOptions) {
    this.#options = options;
  }

  /** What is too old to be added to is left out. */
  add(second: number, calls: number, errors: number, latencies: SparseLatencies): void {
    const { stepSeconds, openSteps } = this.#options;
    const step = Math.floor(second / stepSeconds);
    const place = step % openSteps;
    const open = this.#open[place];
    if (open === undefined) {
      this.#open[place] = { step, calls, errors, latencies, own: undefined };
      return;
    }
    if (open.step > step) return;
    if (open.step < step) {
      this.#seal(open);
      open.step = step;
      open.calls = calls;
      open.errors = errors;
      open.latencies = latencies;
      open.own = undefined;
      return;
    }
    open.calls += calls;
    open.errors += errors;
    if (open.own !== undefined && addInPlace(open.own, latencies)) return;
    open.own = mergeLatencies(open.latencies, latencies);
    open.latencies = open.own;
  }

  /** Adds the open steps from `first` to `last` (both included) to `sum`. */
  addTo(sum: TrafficTotal, first: number, last: number): void {
    for (const open of this.#open) {
      if (open === undefined || open.step < first || open.step > last) continue;
      sum.add(open.calls, open.errors, open.latencies);
    }
  }

  /** Every step that is kept, up to `last`. */
  read(last: number): TrafficColumns {
    const { keptSteps } = this.#options;
    const rows = Array.from({ length: keptSteps }, (_, i) => this.#row(last - keptSteps + 1 + i));
    const column = (index: number): number[] => rows.map((row) => row[index] as number);
    const latency = (index: number): (number | null)[] =>
      rows.map((row) => (row[0] === 0 ? null : Math.round((row[index] as number) * 100) / 100));
    return {
      calls: column(0),
      errors: column(1),
      p50Ms: latency(2),
      p90Ms: latency(3),
      p99Ms: latency(4),
    };
  }

  #row(step: number): ArrayLike<number> {
    const open = this.#open[step % this.#options.openSteps];
    if (open?.step === step) return summary(open);
    const place = step % this.#options.keptSteps;
    if (this.#sealed === undefined || this.#sealedSteps?.[place] !== step) return noTraffic;
    return this.#sealed.subarray(place * columns, (place + 1) * columns);
  }

  #seal(open: OpenStep): void {
    const { keptSteps } = this.#options;
    this.#sealedSteps ??= new Int32Array(keptSteps).fill(-1);
    this.#sealed ??= new Float32Array(keptSteps * columns);
    const place = open.step % keptSteps;
    this.#sealedSteps[place] = open.step;
    this.#sealed.set(summary(open), place * columns);
  }
}

const noTraffic: readonly number[] = Object.freeze([0, 0, 0, 0, 0]);

function summary({ calls, errors, latencies }: OpenStep): number[] {
  const quantile = (ratio: number): number => sparseQuantile(latencies, calls, ratio);
  return [calls, errors, quantile(0.5), quantile(0.9), quantile(0.99)];
}

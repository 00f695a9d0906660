import type { TrafficColumns } from '@inmesh/core';
import { OpenSteps, rowLength } from './open-steps.ts';
import type { SparseLatencies } from './sparse-latencies.ts';
import type { TrafficTotal } from './traffic-total.ts';

export interface TrafficRingOptions {
  /** What one step takes together. */
  readonly stepSeconds: number;
  /** The newest steps, to which reports may still add. */
  readonly openSteps: number;
  /** All steps that are kept, the open ones included. */
  readonly keptSteps: number;
}

/**
 * Traffic by steps of time, in bounded memory: the newest steps have all their latencies, so that
 * the reports of several processes add up, and the older ones only what charts show. No timer moves
 * it on: a step gives its place to the one that comes a round later.
 */
export class TrafficRing {
  readonly #options: TrafficRingOptions;
  readonly #open: OpenSteps;
  /** The step that each place holds, and its row. Nothing until a step was sealed. */
  #sealedSteps: Int32Array | undefined;
  #sealed: Float32Array | undefined;

  constructor(options: TrafficRingOptions) {
    this.#options = options;
    this.#open = new OpenSteps(options.openSteps);
  }

  /** What is too old to be added to is left out. */
  add(second: number, calls: number, errors: number, latencies: SparseLatencies): void {
    const step = Math.floor(second / this.#options.stepSeconds);
    const held = this.#open.inPlaceOf(step);
    if (held !== undefined && held > step) return;
    if (held !== step) {
      if (held !== undefined) this.#seal(held);
      this.#open.begin(step);
    }
    this.#open.add(step, calls, errors, latencies);
  }

  /** Adds the open steps from `first` to `last` (both included) to `total`. */
  addTo(total: TrafficTotal, first: number, last: number): void {
    for (let step = first; step <= last; step += 1) this.#open.addTo(total, step);
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

  #row(step: number): Float32Array {
    if (this.#open.has(step)) {
      const row = new Float32Array(rowLength);
      this.#open.readRow(step, row, 0);
      return row;
    }
    const place = step % this.#options.keptSteps;
    if (this.#sealed === undefined || this.#sealedSteps?.[place] !== step) return noTraffic;
    return this.#sealed.subarray(place * rowLength, (place + 1) * rowLength);
  }

  #seal(step: number): void {
    const { keptSteps } = this.#options;
    this.#sealedSteps ??= new Int32Array(keptSteps).fill(-1);
    this.#sealed ??= new Float32Array(keptSteps * rowLength);
    const place = step % keptSteps;
    this.#sealedSteps[place] = step;
    this.#open.readRow(step, this.#sealed, place * rowLength);
  }
}

const noTraffic = new Float32Array(rowLength);

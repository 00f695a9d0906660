/**
 * The last minute of one edge, second by second: calls, errors and latencies fine enough for
 * quantiles. No timer moves it on: a slot that a second finds stamped with an older one is emptied.
 */

import { latencyBucket, latencyBuckets, latencyQuantile } from '@inmesh/core';
import { measured } from './histogram.ts';

/** Seconds kept; a power of two makes the slot a mask. The newest is under way, and one is spare. */
const slots = 64;
export const slotMs = 1_000;
/** The longest window that can be asked for, milliseconds. */
export const maxWindowMs = 60_000;

/** A slot's bucket stops at this, rather than start again from 0: 65,535 answers of one latency a second. */
const fullBucket = 2 ** 16 - 1;

export class LatencyWindow {
  /** The second that each slot holds, since the clock's origin; -1 is none yet. */
  readonly #stamps: Int32Array = new Int32Array(slots).fill(-1);
  /** Calls, errors and the sum of latencies of each slot, side by side. */
  readonly #sums: Float64Array = new Float64Array(slots * 3);
  /** 21 KB: the reason why windows are capped apart from series. */
  readonly #latencies: Uint16Array = new Uint16Array(slots * latencyBuckets);
  /** Monotonic milliseconds of the last record. */
  lastAt = 0;

  /** What is older than the window holds is left out. Times in the clock's milliseconds. */
  record(ended: { readonly startedAt: number; readonly endedAt: number }, failed: boolean): void {
    const now = ended.endedAt;
    const latencyMs = measured(now - ended.startedAt);
    const second = (now / slotMs) | 0;
    const slot = second & (slots - 1);
    if (this.#stamps[slot] !== second && !this.#turnTo(slot, second)) return;
    this.lastAt = now;
    const sums = this.#sums;
    (sums[slot * 3] as number) += 1;
    if (failed) (sums[slot * 3 + 1] as number) += 1;
    (sums[slot * 3 + 2] as number) += latencyMs;
    const at = slot * latencyBuckets + latencyBucket(latencyMs);
    const count = this.#latencies[at] as number;
    if (count < fullBucket) this.#latencies[at] = count + 1;
  }

  /** Empties the slot for a new second; `false` when the slot belongs to a later one already. */
  #turnTo(slot: number, second: number): boolean {
    if ((this.#stamps[slot] as number) > second) return false;
    this.#stamps[slot] = second;
    this.#sums.fill(0, slot * 3, slot * 3 + 3);
    this.#latencies.fill(0, slot * latencyBuckets, (slot + 1) * latencyBuckets);
    return true;
  }

  /** Adds the seconds `from` to `to` (both included) to `total`. */
  addTo(total: WindowTotal, from: number, to: number): void {
    for (let slot = 0; slot < slots; slot += 1) {
      const second = this.#stamps[slot] as number;
      if (second < from || second > to) continue;
      total.calls += this.#sums[slot * 3] as number;
      total.errors += this.#sums[slot * 3 + 1] as number;
      total.totalMs += this.#sums[slot * 3 + 2] as number;
      total.addLatencies(this.#latencies, slot * latencyBuckets);
    }
  }
}

/** The sum of seconds and of windows, which quantiles are read from. */
export class WindowTotal {
  calls = 0;
  errors = 0;
  totalMs = 0;
  readonly #latencies: Float64Array = new Float64Array(latencyBuckets);

  addLatencies(from: Uint16Array, offset: number): void {
    for (let i = 0; i < latencyBuckets; i += 1) {
      (this.#latencies[i] as number) += from[offset + i] as number;
    }
  }

  clear(): void {
    this.calls = 0;
    this.errors = 0;
    this.totalMs = 0;
    this.#latencies.fill(0);
  }

  /** Milliseconds, or `undefined` when there was no call. `ratio` is 0..1. */
  quantile(ratio: number): number | undefined {
    return latencyQuantile(this.#latencies, ratio);
  }
}

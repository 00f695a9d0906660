/**
 * The last minute of one edge, second by second: calls, errors and latencies fine enough for
 * quantiles. No timer moves it on: a slot that a second finds stamped with an older one is emptied.
 */

import {
  latencyBucket,
  latencyBuckets,
  latencyQuantile,
  type MeshError,
  type ResponseFlag,
} from '@inmesh/core';
import { measured } from './histogram.ts';

/** Seconds kept; a power of two makes the slot a mask. The newest is under way, and one is spare. */
const slots = 64;
export const slotMs = 1_000;
/** The longest window that can be asked for, milliseconds. */
export const maxWindowMs = 60_000;

/** What is summed up of each second, see `#sums`. */
const sums = 7;
/** A slot's bucket stops at this, rather than start again from 0: 65,535 answers of one latency a second. */
const fullBucket = 2 ** 16 - 1;

/** What a window takes of something that ended. Times in the clock's milliseconds. */
interface Ended {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly flag: ResponseFlag;
  /** Attempts do not tell. */
  readonly mutualTls?: boolean;
  /** Requests do not tell. */
  readonly error?: MeshError | undefined;
}

/** One second of a window, told apart from the others. */
export interface WindowSecond {
  /** Since the clock's origin. */
  readonly second: number;
  readonly calls: number;
  readonly errors: number;
  readonly mutualTls: number;
  /** A bucket of `latencyBucket` and its count in turn, buckets ascending. */
  readonly latencies: readonly number[];
}

export class LatencyWindow {
  /** The second that each slot holds, since the clock's origin; -1 is none yet. */
  readonly #stamps: Int32Array = new Int32Array(slots).fill(-1);
  /** Calls, errors, the sum of latencies, calls over mutual TLS, and what `countWhy` counts, of each slot, side by side. */
  readonly #sums: Float64Array = new Float64Array(slots * sums);
  /** 21 KB: the reason why windows are capped apart from series. */
  readonly #latencies: Uint16Array = new Uint16Array(slots * latencyBuckets);
  /** Monotonic milliseconds of the last record. */
  lastAt = 0;

  /** What is older than the window holds is left out. */
  record(ended: Ended, failed: boolean): void {
    const now = ended.endedAt;
    const latencyMs = measured(now - ended.startedAt);
    const second = (now / slotMs) | 0;
    const slot = second & (slots - 1);
    if (this.#stamps[slot] !== second && !this.#turnTo(slot, second)) return;
    this.lastAt = now;
    const first = slot * sums;
    (this.#sums[first] as number) += 1;
    if (failed) (this.#sums[first + 1] as number) += 1;
    (this.#sums[first + 2] as number) += latencyMs;
    if (ended.mutualTls === true) (this.#sums[first + 3] as number) += 1;
    if (ended.flag !== '-') this.#countWhy(first, ended);
    const at = slot * latencyBuckets + latencyBucket(latencyMs);
    const count = this.#latencies[at] as number;
    if (count < fullBucket) this.#latencies[at] = count + 1;
  }

  /** Time-outs, calls that an open breaker refused, and those that a full destination did. */
  #countWhy(first: number, { flag, error }: Ended): void {
    const refused = error?.code === 'circuit_open' ? 5 : 6;
    const which = flag === 'UT' ? 4 : flag === 'UO' ? refused : undefined;
    if (which !== undefined) (this.#sums[first + which] as number) += 1;
  }

  /** The seconds from `first` to `last` (both included) that had traffic, oldest first. */
  seconds(first: number, last: number): WindowSecond[] {
    const found: WindowSecond[] = [];
    for (let second = Math.max(first, last - slots + 1); second <= last; second += 1) {
      const slot = second & (slots - 1);
      if (this.#stamps[slot] === second) found.push(this.#second(slot, second));
    }
    return found;
  }

  #second(slot: number, second: number): WindowSecond {
    const latencies: number[] = [];
    let counted = 0;
    for (let bucket = 0; bucket < latencyBuckets; bucket += 1) {
      const count = this.#latencies[slot * latencyBuckets + bucket] as number;
      if (count === 0) continue;
      latencies.push(bucket, count);
      counted += count;
    }
    const [calls = 0, errors = 0, , mutualTls = 0] = this.#sums.subarray(slot * sums);
    // A bucket that is full stopped counting: what is missing was of the fullest.
    if (counted < calls) addToFullest(latencies, calls - counted);
    return { second, calls, errors, mutualTls, latencies };
  }

  /** Empties the slot for a new second; `false` when the slot belongs to a later one already. */
  #turnTo(slot: number, second: number): boolean {
    if ((this.#stamps[slot] as number) > second) return false;
    this.#stamps[slot] = second;
    this.#sums.fill(0, slot * sums, (slot + 1) * sums);
    this.#latencies.fill(0, slot * latencyBuckets, (slot + 1) * latencyBuckets);
    return true;
  }

  /** Adds the seconds `from` to `to` (both included) to `total`. */
  addTo(total: WindowTotal, from: number, to: number): void {
    for (let slot = 0; slot < slots; slot += 1) {
      const second = this.#stamps[slot] as number;
      if (second < from || second > to) continue;
      total.calls += this.#sums[slot * sums] as number;
      total.errors += this.#sums[slot * sums + 1] as number;
      total.totalMs += this.#sums[slot * sums + 2] as number;
      total.timeouts += this.#sums[slot * sums + 4] as number;
      total.shortCircuited += this.#sums[slot * sums + 5] as number;
      total.rejected += this.#sums[slot * sums + 6] as number;
      total.addLatencies(this.#latencies, slot * latencyBuckets);
    }
  }
}

function addToFullest(latencies: number[], missing: number): void {
  let fullest = 1;
  for (let i = 3; i < latencies.length; i += 2) {
    if ((latencies[i] as number) > (latencies[fullest] as number)) fullest = i;
  }
  latencies[fullest] = (latencies[fullest] as number) + missing;
}

/** The sum of seconds and of windows, which quantiles are read from. */
export class WindowTotal {
  calls = 0;
  errors = 0;
  totalMs = 0;
  timeouts = 0;
  shortCircuited = 0;
  rejected = 0;
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
    this.timeouts = 0;
    this.shortCircuited = 0;
    this.rejected = 0;
    this.#latencies.fill(0);
  }

  /** Milliseconds, or `undefined` when there was no call. `ratio` is 0..1. */
  quantile(ratio: number): number | undefined {
    return latencyQuantile(this.#latencies, ratio);
  }
}

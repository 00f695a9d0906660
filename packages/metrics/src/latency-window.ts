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

/** Calls are counted by whether they failed (1) and whether they went over mutual TLS (2), added up. */
const kinds = 4;
const failedKind = 1;
const tlsKind = 2;
/** Reasons of failures, see `#reasons`. */
const reasons = 3;
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
  /** Of each slot, one number for each of the four kinds: a record is one addition. */
  readonly #calls: Float64Array = new Float64Array(slots * kinds);
  /** Of each slot, the sum of latencies. */
  readonly #totalMs: Float64Array = new Float64Array(slots);
  /** Of each slot: time-outs, refused by an open breaker, refused because it was full. */
  readonly #reasons: Float64Array = new Float64Array(slots * reasons);
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
    const kind = (failed ? failedKind : 0) + (ended.mutualTls === true ? tlsKind : 0);
    (this.#calls[slot * kinds + kind] as number) += 1;
    (this.#totalMs[slot] as number) += latencyMs;
    if (ended.flag !== '-') this.#countWhy(slot, ended);
    const at = slot * latencyBuckets + latencyBucket(latencyMs);
    const count = this.#latencies[at] as number;
    if (count < fullBucket) this.#latencies[at] = count + 1;
  }

  /** Apart from `record`, which has to stay small enough to be inlined whole. */
  #countWhy(slot: number, { flag, error }: Ended): void {
    const refused = error?.code === 'circuit_open' ? 1 : 2;
    const which = flag === 'UT' ? 0 : flag === 'UO' ? refused : undefined;
    if (which !== undefined) (this.#reasons[slot * reasons + which] as number) += 1;
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
    const [good = 0, bad = 0, goodTls = 0, badTls = 0] = this.#calls.subarray(slot * kinds);
    const calls = good + bad + goodTls + badTls;
    const errors = bad + badTls;
    const mutualTls = goodTls + badTls;
    // A bucket that is full stopped counting: what is missing was of the fullest.
    if (counted < calls) addToFullest(latencies, calls - counted);
    return { second, calls, errors, mutualTls, latencies };
  }

  /** Empties the slot for a new second; `false` when the slot belongs to a later one already. */
  #turnTo(slot: number, second: number): boolean {
    if ((this.#stamps[slot] as number) > second) return false;
    this.#stamps[slot] = second;
    this.#calls.fill(0, slot * kinds, (slot + 1) * kinds);
    this.#totalMs[slot] = 0;
    this.#reasons.fill(0, slot * reasons, (slot + 1) * reasons);
    this.#latencies.fill(0, slot * latencyBuckets, (slot + 1) * latencyBuckets);
    return true;
  }

  /** Adds the seconds `from` to `to` (both included) to `total`. */
  addTo(total: WindowTotal, from: number, to: number): void {
    for (let slot = 0; slot < slots; slot += 1) {
      const second = this.#stamps[slot] as number;
      if (second < from || second > to) continue;
      for (let kind = 0; kind < kinds; kind += 1) {
        const calls = this.#calls[slot * kinds + kind] as number;
        total.calls += calls;
        if ((kind & failedKind) !== 0) total.errors += calls;
      }
      total.totalMs += this.#totalMs[slot] as number;
      total.timeouts += this.#reasons[slot * reasons] as number;
      total.shortCircuited += this.#reasons[slot * reasons + 1] as number;
      total.rejected += this.#reasons[slot * reasons + 2] as number;
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

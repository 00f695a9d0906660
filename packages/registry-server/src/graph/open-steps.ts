import { latencyBucketMiddle, latencyBuckets } from '@inmesh/core';
import type { SparseLatencies } from './sparse-latencies.ts';
import type { TrafficTotal } from './traffic-total.ts';

/** The quantiles that charts show. */
const shownRatios: readonly number[] = [0.5, 0.9, 0.99];

/** What charts show of a step: calls, errors, and these quantiles in milliseconds. */
export const rowLength: number = 2 + shownRatios.length;

/** Of each place: its calls, its errors, how many buckets follow, and these with their counts, ascending. */
const head = 3;
/** Buckets that a place has room for at first: a second of one edge rarely has more than ten, of 168. */
const firstRoom = 4;
const maxCount = 2 ** 32 - 1;
const none = -1;

/**
 * The newest steps of a history with all their latencies, so that the reports of several processes
 * add up. They lie in one typed array: ten thousand edges by sixty seconds as objects of their own
 * are what the garbage collector would copy all day.
 */
export class OpenSteps {
  /** The step that each place holds. */
  readonly #steps: Int32Array;
  #room = firstRoom;
  #places: Uint32Array;

  /** @param size How many steps there are; each has the place of the one `size` before it. */
  constructor(size: number) {
    this.#steps = new Int32Array(size).fill(none);
    this.#places = new Uint32Array(size * widthOf(firstRoom));
  }

  has(step: number): boolean {
    return this.#steps[step % this.#steps.length] === step;
  }

  /** The step in the place of `step`: that one itself, one before or after it, or `undefined`. */
  inPlaceOf(step: number): number | undefined {
    const held = this.#steps[step % this.#steps.length] as number;
    return held === none ? undefined : held;
  }

  /** Gives `step` its place, empty. */
  begin(step: number): void {
    this.#steps[step % this.#steps.length] = step;
    const at = this.#at(step);
    for (let i = at; i < at + head; i += 1) this.#places[i] = 0;
  }

  /** Adds to `step`, which has its place. */
  add(step: number, calls: number, errors: number, latencies: SparseLatencies): void {
    let at = this.#at(step);
    this.#count(at, calls);
    this.#count(at + 1, errors);
    // Both lists ascend: one walk finds all.
    let i = at + head;
    for (let j = 0; j < latencies.length; j += 2) {
      const bucket = latencies[j] as number;
      const end = at + head + 2 * (this.#places[at + 2] as number);
      while (i < end && (this.#places[i] as number) < bucket) i += 2;
      if (i === end || this.#places[i] !== bucket) {
        if (this.#places[at + 2] === this.#room) {
          const walked = i - at;
          this.#grow();
          at = this.#at(step);
          i = at + walked;
        }
        this.#insert(at, i, bucket);
      }
      this.#count(i + 1, latencies[j + 1] as number);
    }
  }

  /** Adds `step` to `total` if it has its place. */
  addTo(total: TrafficTotal, step: number): void {
    if (!this.has(step)) return;
    const at = this.#at(step);
    const places = this.#places;
    total.calls += places[at] as number;
    total.errors += places[at + 1] as number;
    const end = at + head + 2 * (places[at + 2] as number);
    for (let i = at + head; i < end; i += 2) {
      (total.latencies[places[i] as number] as number) += places[i + 1] as number;
    }
  }

  /** Writes what charts show of `step`, which has its place, into `row` from `to` on. */
  readRow(step: number, row: Float32Array, to: number): void {
    const at = this.#at(step);
    const places = this.#places;
    const calls = places[at] as number;
    row[to] = calls;
    row[to + 1] = places[at + 1] as number;
    const end = at + head + 2 * (places[at + 2] as number);
    let passed = 0;
    let found = 0;
    for (let i = at + head; i < end; i += 2) {
      passed += places[i + 1] as number;
      while (found < shownRatios.length && passed >= (shownRatios[found] as number) * calls) {
        row[to + 2 + found] = latencyBucketMiddle(places[i] as number);
        found += 1;
      }
    }
  }

  /** Where the place of `step` begins. */
  #at(step: number): number {
    return (step % this.#steps.length) * widthOf(this.#room);
  }

  /** Makes `bucket` at `i`, of the place at `at`, before those that are larger. */
  #insert(at: number, i: number, bucket: number): void {
    const places = this.#places;
    const used = places[at + 2] as number;
    for (let last = at + head + 2 * used; last > i; last -= 2) {
      places[last] = places[last - 2] as number;
      places[last + 1] = places[last - 1] as number;
    }
    places[i] = bucket;
    places[i + 1] = 0;
    places[at + 2] = used + 1;
  }

  #grow(): void {
    const [room, old] = [this.#room, this.#places];
    this.#room = Math.min(2 * room, latencyBuckets);
    this.#places = new Uint32Array(this.#steps.length * widthOf(this.#room));
    for (let place = 0; place < this.#steps.length; place += 1) {
      const from = place * widthOf(room);
      this.#places.set(old.subarray(from, from + widthOf(room)), place * widthOf(this.#room));
    }
  }

  /** Counts that are out of all measure stay at the largest that there is room for. */
  #count(i: number, count: number): void {
    this.#places[i] = Math.min((this.#places[i] as number) + count, maxCount);
  }
}

function widthOf(room: number): number {
  return head + 2 * room;
}

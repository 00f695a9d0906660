import type { Random } from '@inmesh/core';

/** How often the second draw may fall on the first one's endpoint before any other is taken. */
const redraws = 4;

/** Draws an index as often as its weight says, in constant time (Walker's alias method, as built by Vose). */
export class WeightedDraw {
  /** All weights are the same: no table is needed. */
  readonly uniform: boolean;
  readonly #count: number;
  readonly #random: Random;
  /** Below its threshold a column means its own index, above it its alias. */
  readonly #threshold: Float64Array;
  readonly #alias: Uint32Array;

  /** @param weights At least one, each above 0. */
  constructor(weights: Float64Array, random: Random) {
    this.#count = weights.length;
    this.#random = random;
    this.uniform = weights.every((weight) => weight === weights[0]);
    const columns = this.uniform ? 0 : weights.length;
    this.#threshold = new Float64Array(columns).fill(1);
    this.#alias = new Uint32Array(columns);
    if (!this.uniform) this.#fill(weights);
  }

  next(): number {
    const at = this.#random() * this.#count;
    const column = Math.floor(at);
    if (this.uniform || at - column < (this.#threshold[column] as number)) return column;
    return this.#alias[column] as number;
  }

  /** One that is not `index`; there must be two. */
  other(index: number): number {
    if (!this.uniform) {
      for (let i = 0; i < redraws; i += 1) {
        const drawn = this.next();
        if (drawn !== index) return drawn;
      }
    }
    const drawn = Math.floor(this.#random() * (this.#count - 1));
    return drawn < index ? drawn : drawn + 1;
  }

  #fill(weights: Float64Array): void {
    const scale = weights.length / weights.reduce((sum, weight) => sum + weight, 0);
    const left = weights.map((weight) => weight * scale);
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < left.length; i += 1) ((left[i] as number) < 1 ? small : large).push(i);
    while (small.length > 0 && large.length > 0) {
      const low = small.pop() as number;
      const high = large.pop() as number;
      this.#threshold[low] = left[low] as number;
      this.#alias[low] = high;
      left[high] = (left[high] as number) - (1 - (left[low] as number));
      ((left[high] as number) < 1 ? small : large).push(high);
    }
  }
}

import type { Random } from '@inmesh/core';
import { invalidResource } from './invalid-resource.ts';

/** Shares of a split, as cumulative sums: one random number and one pass decide. */
export interface WeightedPick {
  /** Index of the chosen share. */
  pick(random: Random): number;
  /** Of 0..1, by index. */
  readonly ratios: readonly number[];
}

/**
 * Compiles relative weights. One entry takes all whatever its weight; of several, an absent weight
 * is 0 and is never picked. Throws `invalid_resource` for weights that are negative or no numbers,
 * and when several add up to 0.
 */
export function createWeightedPick(
  weights: readonly (number | undefined)[],
  path: string,
): WeightedPick {
  if (weights.length === 1) return { pick: () => 0, ratios: [1] };
  const sums: number[] = [];
  let total = 0;
  weights.forEach((weight = 0, i) => {
    if (!(Number.isFinite(weight) && weight >= 0)) {
      throw invalidResource(`${path}/${i}/weight`, `weight must be 0 or more, got ${weight}`);
    }
    total += weight;
    sums.push(total);
  });
  if (!(total > 0 && Number.isFinite(total))) {
    throw invalidResource(path, `weights must add up to more than 0, got ${total}`);
  }
  return {
    pick(random) {
      const point = random() * total;
      let i = 0;
      while (point >= (sums[i] as number) && i < sums.length - 1) i += 1;
      return i;
    },
    ratios: weights.map((weight = 0) => weight / total),
  };
}

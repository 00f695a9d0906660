import { murmur3 } from './murmur3.ts';

/** A weighted choice that depends on nothing but the key, the versions' names and the weights. */
export interface Rendezvous {
  /** Index of the version that `key` belongs to. */
  pick(key: string): number;
}

const encoder = new TextEncoder();

/**
 * Weighted rendezvous hashing. Each version draws `-ln(u) / weight` with
 * `u = (murmur3(utf8(key), murmur3(utf8(name), 0)) + 0.5) / 2^32`, and the least draw wins. A
 * version's draw changes with its own weight only, so raising one moves keys to it and nowhere
 * else, and nobody leaves it. The numbers are part of the public contract: see the README.
 * `weights` are as `createWeightedPick` accepted them.
 */
export function createRendezvous(names: readonly string[], weights: readonly number[]): Rendezvous {
  const seeds = names.map((name) => murmur3(encoder.encode(name), 0));
  return {
    pick(key) {
      const bytes = encoder.encode(key);
      let best = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < seeds.length; i += 1) {
        const weight = weights[i] as number;
        if (weight === 0) continue;
        const uniform = (murmur3(bytes, seeds[i] as number) + 0.5) / 2 ** 32;
        const draw = -Math.log(uniform) / weight;
        if (draw < least) {
          least = draw;
          best = i;
        }
      }
      return best;
    },
  };
}

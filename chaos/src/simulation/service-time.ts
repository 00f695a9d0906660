import type { Random } from '@inmesh/core';

/** Draws how long one request is worked on, in milliseconds. */
export type ServiceTime = (random: Random) => number;

export function exponential(meanMs: number): ServiceTime {
  return (random) => -Math.log(1 - random()) * meanMs;
}

/**
 * What real handlers look like: a hump and a tail.
 *
 * @param sigma Width of the logarithm's normal distribution; 0.5 puts p99 at 3.2 times the median.
 */
export function logNormal(medianMs: number, sigma: number): ServiceTime {
  return (random) => medianMs * Math.exp(sigma * standardNormal(random));
}

/** Box and Muller's. */
function standardNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

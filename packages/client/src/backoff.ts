import type { Random } from '@inmesh/core';

/**
 * Exponential back-off with full jitter, Envoy's: before the n-th retry uniform in
 * [0, min(max, (2^n - 1) x base)). Without jitter those who failed together would come back together.
 */
export function fullJitterMs(
  retryNumber: number,
  baseMs: number,
  maxMs: number,
  random: Random,
): number {
  return random() * Math.min(maxMs, (2 ** retryNumber - 1) * baseMs);
}

import type { BalancerPolicy, HashKey } from '@inmesh/core';

/** The lesser of two random endpoints by recent latency times requests in flight; slow and failing ones get little. */
export function peakEwma(options: { readonly decayMs?: number } = {}): BalancerPolicy {
  return { kind: 'peak-ewma', ...options };
}

/** The least loaded of `choices` random endpoints. @param options.choices 2 unless said */
export function leastRequest(options: { readonly choices?: number } = {}): BalancerPolicy {
  return { kind: 'least-request', ...options };
}

/** Every endpoint in turn, as often as its weight says. */
export function roundRobin(): BalancerPolicy {
  return { kind: 'round-robin' };
}

/** Any endpoint, as likely as its weight says. */
export function random(): BalancerPolicy {
  return { kind: 'random' };
}

/** Consistent hashing on a ring: equal keys reach one endpoint, and few keys move when endpoints come and go. */
export function ringHash(
  hashOn: HashKey,
  options: { readonly minRingSize?: number } = {},
): BalancerPolicy {
  return { kind: 'ring-hash', hashOn, ...options };
}

/** Consistent hashing by a look-up table: more even than a ring, and a few more keys move. */
export function maglev(
  hashOn: HashKey,
  options: { readonly tableSize?: number } = {},
): BalancerPolicy {
  return { kind: 'maglev', hashOn, ...options };
}

import type { AdaptiveLimitPolicy } from '@inmesh/core';
import type { ClientOptions } from './client-options.ts';

/**
 * Options under a name, as values: `createClient({ ...interactive, source })`. What is said after
 * them stands over them, whole parts at a time.
 */
export type ClientPreset = Pick<
  ClientOptions,
  'timeoutMs' | 'priority' | 'retry' | 'hedge' | 'throttle' | 'breaker' | 'pool'
> & { readonly limit?: Partial<AdaptiveLimitPolicy> | null };

/** Somebody waits in front of a screen: an answer soon or none, slow attempts raced, little queueing. */
export const interactive: ClientPreset = Object.freeze({
  timeoutMs: 2_000,
  retry: Object.freeze({ maxRetries: 1, perTryTimeoutMs: 1_000 }),
  hedge: Object.freeze({ percentile: 0.95, maxRatio: 0.05 }),
  pool: Object.freeze({ maxPending: 128 }),
});

/** Nobody waits: patient, first to be shed, and it slows itself down rather than its upstreams. */
export const batch: ClientPreset = Object.freeze({
  timeoutMs: 60_000,
  priority: 'batch',
  retry: Object.freeze({ maxRetries: 5, backoffBaseMs: 250, backoffMaxMs: 10_000 }),
  limit: Object.freeze({}),
  throttle: Object.freeze({}),
  pool: Object.freeze({ maxPending: 10_000 }),
});

/** Must get through: last to be shed, tried longer, and a breaker that is slow to give up and quick to try again. */
export const critical: ClientPreset = Object.freeze({
  timeoutMs: 10_000,
  priority: 'critical',
  retry: Object.freeze({ maxRetries: 3, perTryTimeoutMs: 3_000 }),
  hedge: Object.freeze({ percentile: 0.99, maxRatio: 0.02 }),
  breaker: Object.freeze({ minCalls: 50, failureRatio: 0.8, sleepMs: 1_000 }),
});

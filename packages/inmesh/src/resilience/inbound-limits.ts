import { type Clock, MeshError, type TakeQuota } from '@inmesh/core';
import { type InboundStep, loadLimits, rateLimit } from '@inmesh/inbound';
import { definedOnly } from '../shared-options.ts';
import type { ResilienceOptions } from './resilience-options.ts';

/** Steps that shed load, before anything else is done for a request. */
export function shedding({ shed }: ResilienceOptions, clock: Clock): readonly InboundStep[] {
  if (shed === undefined) return [];
  const { adaptive, maxInFlight, maxEventLoopDelayMs, retryAfterSeconds, priorityOf } = shed;
  // With both, the number found by latency stays below the one that was said.
  const maxLimit = definedOnly({ maxLimit: maxInFlight });
  const limits = adaptive === true ? { maxInFlight: maxLimit } : definedOnly({ maxInFlight });
  const rest = definedOnly({ maxEventLoopDelayMs, retryAfterSeconds, priorityOf });
  return [loadLimits({ ...limits, ...rest, clock })];
}

/**
 * Steps that limit each caller, after it is known who calls.
 *
 * @param take Counts for the whole fleet; `undefined` where no registry can.
 */
export function rateLimiting(
  { rateLimit: limit }: ResilienceOptions,
  clock: Clock,
  take: TakeQuota | undefined,
): readonly InboundStep[] {
  if (limit?.perSecond === undefined) return [];
  const { perSecond, burst, key, shared } = limit;
  if (shared === true && take === undefined) {
    throw new MeshError(
      'invalid_argument',
      'rateLimit.shared needs a registry of Inmesh to count at: set registry, or leave it out',
    );
  }
  const counted = definedOnly({ shared: shared === true ? take : undefined });
  return [rateLimit({ perSecond, ...definedOnly({ burst, key }), ...counted, clock })];
}

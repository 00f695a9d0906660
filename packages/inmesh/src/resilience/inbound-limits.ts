import { type Clock, MeshError, type TakeQuota } from '@inmesh/core';
import {
  type LoadLimits,
  type LoadLimitsInspection,
  loadLimits,
  type Pipeline,
  type RateLimit,
  type RateLimitInspection,
  rateLimit,
} from '@inmesh/inbound';
import { definedOnly } from '../shared-options.ts';
import type { ResilienceOptions } from './resilience-options.ts';

/** The step that sheds load, before anything else is done for a request; `undefined` unless it is asked for. */
export function shedding({ shed }: ResilienceOptions, clock: Clock): LoadLimits | undefined {
  if (shed === undefined) return undefined;
  const { adaptive, maxInFlight, maxEventLoopDelayMs, retryAfterSeconds, priorityOf } = shed;
  // With both, the number found by latency stays below the one that was said.
  const maxLimit = definedOnly({ maxLimit: maxInFlight });
  const limits = adaptive === true ? { maxInFlight: maxLimit } : definedOnly({ maxInFlight });
  const rest = definedOnly({ maxEventLoopDelayMs, retryAfterSeconds, priorityOf });
  return loadLimits({ ...limits, ...rest, clock });
}

/**
 * The step that limits each caller, after it is known who calls; `undefined` unless it is asked for.
 *
 * @param take Counts for the whole fleet; `undefined` where no registry can.
 */
export function rateLimiting(
  { rateLimit: limit }: ResilienceOptions,
  clock: Clock,
  take: TakeQuota | undefined,
): RateLimit | undefined {
  if (limit?.perSecond === undefined) return undefined;
  const { perSecond, burst, key, shared } = limit;
  if (shared === true && take === undefined) {
    throw new MeshError(
      'invalid_argument',
      'rateLimit.shared needs a registry of Inmesh to count at: set registry, or leave it out',
    );
  }
  const counted = definedOnly({ shared: shared === true ? take : undefined });
  return rateLimit({ perSecond, ...definedOnly({ burst, key }), ...counted, clock });
}

/** What the inbound side holds and did, at one moment. Reading it changes nothing. */
export interface InboundInspection {
  readonly requestsInFlight: number;
  /** `undefined` when nothing is shed. */
  readonly shed: LoadLimitsInspection | undefined;
  /** `undefined` without one. */
  readonly rateLimit: RateLimitInspection | undefined;
}

export function inspectInbound(
  { inFlight }: Pick<Pipeline, 'inFlight'>,
  limits: LoadLimits | undefined,
  rates: RateLimit | undefined,
): InboundInspection {
  return { requestsInFlight: inFlight, shed: limits?.inspect(), rateLimit: rates?.inspect() };
}

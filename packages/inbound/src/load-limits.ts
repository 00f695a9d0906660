import {
  type AdaptiveLimitPolicy,
  type Clock,
  type ConcurrencyLimiter,
  createGradientLimit,
  defaultAdaptiveLimit,
  type EndedRequest,
  MeshError,
  meshHeaders,
  type Priority,
  systemClock,
} from '@inmesh/core';
import { createEventLoopDelay, type EventLoopDelay } from './event-loop-delay.ts';
import type { Exchange } from './exchange.ts';
import type { InboundStep } from './inbound-step.ts';
import { type Refusal, refuse } from './refusal.ts';

export interface LoadLimitsOptions {
  /** Requests served at once; `'adaptive'` or an object finds the number by latency. @default Infinity */
  readonly maxInFlight?: number | 'adaptive' | Partial<AdaptiveLimitPolicy>;
  /** @default Infinity */
  readonly maxEventLoopDelayMs?: number;
  /** What `retry-after` tells the caller, in whole seconds. @default 1 */
  readonly retryAfterSeconds?: number;
  /**
   * How much a request matters. The header is the caller's own word: where callers are not trusted,
   * decide by who they are. Must not throw.
   * @default `inmesh-priority`
   */
  readonly priorityOf?: (exchange: Exchange) => Priority;
  /** @default systemClock */
  readonly clock?: Clock;
}

/** What the limits are and did, at one moment. Reading it changes nothing. */
export interface LoadLimitsInspection {
  /** Requests served at once, as it is now; `undefined` is no limit. */
  readonly limit: number | undefined;
  readonly inFlight: number;
  /** By how much the event loop is behind; `undefined` where nobody measures it. */
  readonly eventLoopDelayMs: number | undefined;
  /** Requests refused since the start, by what there was too much of. */
  readonly shed: { readonly inFlight: number; readonly eventLoopDelay: number };
}

export interface LoadLimits extends InboundStep {
  inspect(): LoadLimitsInspection;
}

/** Up to which share of a limit each is let in: the last tenth is for what is critical, and batch work gets half. */
const shares: Readonly<Record<Priority, number>> = { critical: 1, default: 0.9, batch: 0.5 };

/**
 * A step that answers 503 `overloaded` beyond its limits, batch work first:
 * `createPipeline({ limits: [loadLimits({ maxInFlight: 500 })] })`. The answer says that nothing was
 * done, so clients of the mesh try another instance and leave this one alone for `retry-after`.
 */
export function loadLimits(options: LoadLimitsOptions): LoadLimits {
  const {
    maxEventLoopDelayMs = Number.POSITIVE_INFINITY,
    retryAfterSeconds = 1,
    priorityOf = ({ context }) => context.priority ?? 'default',
    clock = systemClock,
  } = options;
  const limiter = createLimiter(options.maxInFlight ?? Number.POSITIVE_INFINITY);
  checkAbove('maxEventLoopDelayMs', maxEventLoopDelayMs, 0);
  if (!Number.isSafeInteger(retryAfterSeconds) || retryAfterSeconds < 0) {
    throw new MeshError(
      'invalid_argument',
      `retryAfterSeconds must be a whole number from 0, got ${retryAfterSeconds}`,
    );
  }
  const loop: EventLoopDelay | undefined =
    maxEventLoopDelayMs === Number.POSITIVE_INFINITY ? undefined : createEventLoopDelay(clock);
  const overloaded = refuse(503, 'overloaded', 'this instance has more work than it can do', {
    headers: ['retry-after', String(retryAfterSeconds), meshHeaders.overloaded, '1'],
    flag: 'UO',
  });
  let inFlight = 0;
  const shed = { inFlight: 0, eventLoopDelay: 0 };
  const refused = (reason: keyof typeof shed): Refusal => {
    shed[reason] += 1;
    return overloaded;
  };
  return {
    name: 'load-limits',
    run(_request, exchange) {
      const share = shares[priorityOf(exchange)] ?? shares.default;
      // Rounded up, so that a small limit is one for everybody.
      if (inFlight >= Math.ceil(limiter.limit * share)) return refused('inFlight');
      if (loop !== undefined && loop.delayMs > maxEventLoopDelayMs * share)
        return refused('eventLoopDelay');
      inFlight += 1;
      return undefined;
    },
    ended(_exchange, ended) {
      limiter.record(ended.endedAt - ended.startedAt, inFlight, isCut(ended), ended.endedAt);
      inFlight -= 1;
    },
    close: () => loop?.close(),
    inspect: () => ({
      limit: limiter.limit === Number.POSITIVE_INFINITY ? undefined : limiter.limit,
      inFlight,
      eventLoopDelayMs: loop?.delayMs,
      shed: { ...shed },
    }),
  };
}

/** Nobody got an answer, or only that it took too long: such a latency is not that of the work. */
function isCut({ status }: EndedRequest): boolean {
  return status === 0 || status === 504;
}

function createLimiter(
  maxInFlight: number | 'adaptive' | Partial<AdaptiveLimitPolicy>,
): ConcurrencyLimiter {
  if (typeof maxInFlight === 'number') {
    checkAbove('maxInFlight', maxInFlight, 0);
    return { limit: maxInFlight, record() {} };
  }
  const over = maxInFlight === 'adaptive' ? {} : maxInFlight;
  const policy = { ...defaultAdaptiveLimit, ...over };
  checkAbove('maxInFlight.minLimit', policy.minLimit, 0);
  checkAbove('maxInFlight.initialLimit', policy.initialLimit, 0);
  checkAbove('maxInFlight.windowMs', policy.windowMs, 0);
  if (!(policy.maxLimit >= policy.minLimit)) {
    throw new MeshError(
      'invalid_argument',
      `maxInFlight.maxLimit must be at least maxInFlight.minLimit (${policy.minLimit}), got ${policy.maxLimit}`,
    );
  }
  if (!(policy.tolerance >= 1)) {
    throw new MeshError(
      'invalid_argument',
      `maxInFlight.tolerance must be 1 or more, got ${policy.tolerance}`,
    );
  }
  return createGradientLimit(policy);
}

function checkAbove(name: string, value: number, limit: number): void {
  if (value > limit) return;
  throw new MeshError('invalid_argument', `${name} must be above ${limit}, got ${value}`);
}

import { type Clock, MeshError, systemClock } from '@inmesh/core';
import { createEventLoopDelay, type EventLoopDelay } from './event-loop-delay.ts';
import type { InboundStep } from './inbound-step.ts';
import { refuse } from './refusal.ts';

export interface LoadLimitsOptions {
  /** Requests served at once. @default Infinity */
  readonly maxInFlight?: number;
  /** @default Infinity */
  readonly maxEventLoopDelayMs?: number;
  /** What `retry-after` tells the caller, in whole seconds. @default 1 */
  readonly retryAfterSeconds?: number;
  /** @default systemClock */
  readonly clock?: Clock;
}

/**
 * A step that answers 503 `overloaded` beyond fixed limits:
 * `createPipeline({ limits: [loadLimits({ maxInFlight: 500 })] })`.
 */
export function loadLimits(options: LoadLimitsOptions): InboundStep {
  const {
    maxInFlight = Number.POSITIVE_INFINITY,
    maxEventLoopDelayMs = Number.POSITIVE_INFINITY,
    retryAfterSeconds = 1,
    clock = systemClock,
  } = options;
  checkAbove('maxInFlight', maxInFlight, 0);
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
    headers: ['retry-after', String(retryAfterSeconds)],
    flag: 'UO',
  });
  let inFlight = 0;
  return {
    name: 'load-limits',
    run() {
      if (inFlight >= maxInFlight) return overloaded;
      if (loop !== undefined && loop.delayMs > maxEventLoopDelayMs) return overloaded;
      inFlight += 1;
      return undefined;
    },
    ended: () => {
      inFlight -= 1;
    },
    close: () => loop?.close(),
  };
}

function checkAbove(name: string, value: number, limit: number): void {
  if (value > limit) return;
  throw new MeshError('invalid_argument', `${name} must be above ${limit}, got ${value}`);
}

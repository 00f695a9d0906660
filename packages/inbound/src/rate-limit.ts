import { type Clock, MeshError, systemClock, type TakeQuota } from '@inmesh/core';
import type { Exchange } from './exchange.ts';
import type { InboundStep } from './inbound-step.ts';
import { type Refusal, refuse } from './refusal.ts';
import { SharedAllowance } from './shared-allowance.ts';
import { TokenBuckets } from './token-buckets.ts';

export interface RateLimitOptions {
  /** Requests a second for each key, in the long run. */
  readonly perSecond: number;
  /** Requests at once after a pause. @default perSecond, at least 1 */
  readonly burst?: number;
  /**
   * Whose limit a request counts on; `undefined` lets it pass uncounted. Must not throw.
   * @default the end user, else the caller's proven identity, else its address
   */
  readonly key?: (exchange: Exchange) => string | undefined;
  /** Beyond it the key unused longest is forgotten, and starts with a full burst again. @default 10_000 */
  readonly maxKeys?: number;
  /** Where the limit is counted for all processes of the service together. @default each counts for itself */
  readonly shared?: TakeQuota;
  /** @default systemClock */
  readonly clock?: Clock;
}

/** What the limit is and did, at one moment. Reading it changes nothing. */
export interface RateLimitInspection {
  readonly perSecond: number;
  readonly burst: number;
  /** Whether it is counted for all processes of the service together. */
  readonly shared: boolean;
  /** Callers that something is remembered of; at most `maxKeys`. */
  readonly keys: number;
  /** Requests refused since the start. */
  readonly refused: number;
}

export interface RateLimit extends InboundStep {
  inspect(): RateLimitInspection;
}

/**
 * A step that answers 429 `rate_limited` to callers above their rate, each for itself, in this
 * process or, `shared`, in all of the service's together. By default it goes by who the caller is, so it belongs after authentication:
 * `createPipeline({ authorization: [rateLimit({ perSecond: 50 })] })`.
 */
export function rateLimit(options: RateLimitOptions): RateLimit {
  const { perSecond, key = callerOf, maxKeys = 10_000, shared, clock = systemClock } = options;
  const burst = options.burst ?? Math.max(1, perSecond);
  check(perSecond > 0 && Number.isFinite(perSecond), 'perSecond', 'above 0', perSecond);
  check(burst >= 1 && Number.isFinite(burst), 'burst', '1 or more', burst);
  check(Number.isSafeInteger(maxKeys) && maxKeys >= 1, 'maxKeys', 'a whole number from 1', maxKeys);
  const buckets =
    shared === undefined
      ? new TokenBuckets(perSecond, burst, maxKeys)
      : new SharedAllowance({ perSecond, burst, maxKeys, take: shared, clock });
  let refused = 0;
  const verdict = (waitMs: number): Refusal | undefined => {
    if (waitMs === 0) return undefined;
    refused += 1;
    return refuse(429, 'rate_limited', `more than ${perSecond} requests a second`, {
      headers: ['retry-after', String(Math.ceil(waitMs / 1_000))],
      flag: 'RL',
    });
  };
  return {
    name: 'rate-limit',
    run(_request, exchange) {
      const caller = key(exchange);
      if (caller === undefined) return undefined;
      const waitMs = buckets.take(caller, clock.now());
      return typeof waitMs === 'number' ? verdict(waitMs) : waitMs.then(verdict);
    },
    inspect: () => ({
      perSecond,
      burst,
      shared: shared !== undefined,
      keys: buckets.size,
      refused,
    }),
  };
}

/** Only what was proven, and the address: what a caller says of itself would be a new key at will. */
function callerOf({ context, peer, request }: Exchange): string | undefined {
  const principal = context.identity?.principal;
  if (principal !== undefined) return `user ${principal}`;
  if (peer.identity !== undefined) return `workload ${peer.identity.spiffeId}`;
  return `address ${request.socket.remoteAddress ?? ''}`;
}

function check(holds: boolean, name: string, expected: string, value: number): void {
  if (holds) return;
  throw new MeshError('invalid_argument', `${name} must be ${expected}, got ${value}`);
}

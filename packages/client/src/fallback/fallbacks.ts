import type { Clock, Interceptor } from '@inmesh/core';
import { systemClock } from '@inmesh/core';
import { type ByService, madeByService, type SaidOver } from '../by-service.ts';
import { LastGoodStore } from '../last-good-store.ts';
import type { CallFallback } from './call-fallback.ts';
import { FallbackCall } from './fallback-call.ts';
import type { KeptResponse } from './kept-response.ts';

export interface FallbacksOptions {
  /** Which answers count as failed. @default 500 and above */
  readonly isFailure?: (status: number) => boolean;
  /** Stands over what is said by service. @default nothing */
  readonly over?: SaidOver<SeveralFallbacks>;
  /** The client's. @default systemClock */
  readonly clock?: Clock;
}

/** One, or several that are asked in turn. */
export type SeveralFallbacks = CallFallback | readonly CallFallback[];

/** What the fallbacks of one service share. */
export interface FallbackPlan {
  readonly fallbacks: readonly CallFallback[];
  readonly stores: ReadonlyMap<CallFallback, LastGoodStore<KeptResponse>>;
  readonly isFailure: (status: number) => boolean;
  readonly clock: Clock;
}

/**
 * An interceptor that answers calls which failed for good, by service:
 * `fallbacks({ 'reviews.default': respondWith({ body: '[]' }) })`. Several for one service are asked
 * in turn. Calls that the caller gave up or made wrongly, and changes of protocol, have none.
 */
export function fallbacks(
  byService: ByService<SeveralFallbacks>,
  options: FallbacksOptions = {},
): Interceptor {
  const { isFailure = (status) => status >= 500, clock = systemClock } = options;
  const planOf = madeByService(byService, options.over, (given): FallbackPlan => {
    const list = 'kind' in given ? [given] : [...given];
    const stores = new Map<CallFallback, LastGoodStore<KeptResponse>>();
    for (const one of list) if (one.kind === 'last-good') stores.set(one, new LastGoodStore(one));
    return { fallbacks: list, stores, isFailure, clock };
  });
  return (next) => (call, sink) => {
    const plan = call.upgrade === undefined ? planOf(call) : undefined;
    if (plan === undefined) next(call, sink);
    else new FallbackCall(plan, next, call, sink).start();
  };
}

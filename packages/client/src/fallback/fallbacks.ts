import type { Clock, Interceptor, ServiceName } from '@inmesh/core';
import { systemClock } from '@inmesh/core';
import { LastGoodStore } from '../last-good-store.ts';
import type { CallFallback } from './call-fallback.ts';
import { FallbackCall } from './fallback-call.ts';
import type { KeptResponse } from './kept-response.ts';

export interface FallbacksOptions {
  /** Which answers count as failed. @default 500 and above */
  readonly isFailure?: (status: number) => boolean;
  /** The client's. @default systemClock */
  readonly clock?: Clock;
}

/** What the fallbacks of one service share. */
export interface FallbackPlan {
  readonly fallbacks: readonly CallFallback[];
  readonly stores: ReadonlyMap<CallFallback, LastGoodStore<KeptResponse>>;
  readonly isFailure: (status: number) => boolean;
  readonly clock: Clock;
}

/**
 * An interceptor that answers calls which failed for good, by canonical service name:
 * `fallbacks({ 'reviews.default': respondWith({ body: '[]' }) })`. Several for one service are asked
 * in turn. Calls that the caller gave up or made wrongly, and changes of protocol, have none.
 */
export function fallbacks(
  byService: Readonly<Record<ServiceName, CallFallback | readonly CallFallback[]>>,
  options: FallbacksOptions = {},
): Interceptor {
  const { isFailure = (status) => status >= 500, clock = systemClock } = options;
  const plans = new Map<ServiceName, FallbackPlan>();
  for (const [service, given] of Object.entries(byService)) {
    const list = 'kind' in given ? [given] : [...given];
    const stores = new Map<CallFallback, LastGoodStore<KeptResponse>>();
    for (const one of list) if (one.kind === 'last-good') stores.set(one, new LastGoodStore(one));
    plans.set(service, { fallbacks: list, stores, isFailure, clock });
  }
  return (next) => (call, sink) => {
    const plan = plans.get(call.service);
    if (plan === undefined || call.upgrade !== undefined) next(call, sink);
    else new FallbackCall(plan, next, call, sink).start();
  };
}

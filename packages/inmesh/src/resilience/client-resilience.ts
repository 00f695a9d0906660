import { type ByService, type ClientOptions, fallbacks, requestCache } from '@inmesh/client';
import type { Clock, Interceptor, ServiceName } from '@inmesh/core';
import type { CompiledRouter } from '@inmesh/router';
import type { ResilienceOptions } from './resilience-options.ts';

/** Envoy's start of a slow start, and a straight line from there. */
const warmupShape = { minRatio: 0.1, aggression: 1 } as const;

/** What the client calls otherwise than the mesh does. */
export function clientResilience({
  preferNear,
  warmupMs,
}: ResilienceOptions): Pick<ClientOptions, 'locality' | 'warmup'> {
  return {
    ...(preferNear === true ? { locality: { enabled: true } } : {}),
    ...(warmupMs === undefined || warmupMs === 0
      ? {}
      : { warmup: { durationMs: warmupMs, ...warmupShape } }),
  };
}

/**
 * Around every call: what its inbound request has asked already is not asked again; what failed for
 * good is answered otherwise. What a ResiliencePolicy says of a service stands over the options.
 *
 * @param onShared Told of calls that the request cache answered.
 * @param serviceOf Gives the canonical name of a service; throws `invalid_argument` for what is none.
 */
export function callInterceptors(
  options: ResilienceOptions,
  router: { readonly current: Pick<CompiledRouter, 'servicePolicy'> },
  serviceOf: (name: string) => string,
  onShared: (service: ServiceName, calls: number) => void,
  clock: Clock,
): readonly Interceptor[] {
  const canonical = <Value>(byService: Readonly<Record<string, Value>> = {}): ByService<Value> =>
    Object.fromEntries(Object.entries(byService).map(([name, value]) => [serviceOf(name), value]));
  return [
    requestCache(canonical(options.requestCache), {
      over: (call) => router.current.servicePolicy(call)?.requestCache,
      onShared,
    }),
    fallbacks(canonical(options.fallbacks), {
      over: (call) => router.current.servicePolicy(call)?.fallbacks,
      clock,
    }),
  ];
}

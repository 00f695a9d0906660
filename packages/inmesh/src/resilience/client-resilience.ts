import { type ClientOptions, fallbacks } from '@inmesh/client';
import type { Clock, Interceptor } from '@inmesh/core';
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

/** @param serviceOf Gives the canonical name of a service; throws `invalid_argument` for what is none. */
export function fallbackInterceptors(
  { fallbacks: byService }: ResilienceOptions,
  serviceOf: (name: string) => string,
  clock: Clock,
): readonly Interceptor[] {
  if (byService === undefined) return [];
  const entries = Object.entries(byService).map(([name, list]) => [serviceOf(name), list] as const);
  return [fallbacks(Object.fromEntries(entries), { clock })];
}

import type { createClient } from '@inmesh/client';
import type { MeshOptions } from './options.ts';

/** The options that client and mesh share by name. */
const shared = [
  'outbound',
  'timeoutMs',
  'maxBodyBytes',
  'sourceWaitMs',
  'balancer',
  'pool',
  'outlier',
  'breaker',
  'retry',
  'retryBudget',
  'priority',
  'hedge',
  'limit',
  'throttle',
  'silence',
  'aperture',
  'interceptors',
] as const satisfies readonly (keyof MeshOptions)[];

export function clientOptions(options: MeshOptions): Partial<Parameters<typeof createClient>[0]> {
  const chosen = Object.fromEntries(shared.map((name) => [name, options[name]]));
  return { ...definedOnly(chosen), ...seams(options) };
}

/** What tests and embedders inject. */
export function seams({
  clock,
  random,
  logger,
}: MeshOptions): Pick<MeshOptions, 'clock' | 'random' | 'logger'> {
  return definedOnly({ clock, random, logger });
}

/** An option that was not given must not stand in the way of a default. */
export function definedOnly<T extends object>(
  values: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as never;
}

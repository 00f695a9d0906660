import type { Clock } from '@inmesh/core';
import { type CallTap, createCallTap } from '@inmesh/metrics';
import type { MeshRegistry } from '../discovery.ts';
import type { MeshOptions } from '../options.ts';
import { definedOnly } from '../shared-options.ts';

/**
 * What shows this process' calls to operators who look at them; nothing without a registry of ours,
 * or with `tap.enabled: false`. Throws `invalid_argument` for headers that must not be shown.
 */
export function registryTap(
  { tap = {}, random }: MeshOptions,
  registry: MeshRegistry | undefined,
  clock: Clock,
): CallTap | undefined {
  const send = registry?.showCalls;
  if (send === undefined || tap.enabled === false) return undefined;
  const { headers, redactPath } = tap;
  const shown = createCallTap({ send, clock, ...definedOnly({ headers, redactPath, random }) });
  registry?.taps?.onChange(shown.use);
  return shown;
}

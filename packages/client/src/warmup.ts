import type { WarmupPolicy } from '@inmesh/core';

/** The part of its weight that an endpoint of `ageMs` gets (Envoy's slow start), 1 once it is warm. */
export function warmth(policy: WarmupPolicy, ageMs: number): number {
  if (ageMs >= policy.durationMs) return 1;
  const grown = Math.max(0, ageMs / policy.durationMs) ** (1 / policy.aggression);
  return Math.max(policy.minRatio, grown);
}

import type { Random, RouteDecision, RouteRequest } from '@inmesh/core';
import type { CompiledMatch } from './match.ts';

/** One of several places that a route may send to. */
export interface ExplainedDestination {
  readonly service: string;
  readonly subset: string;
  /** What endpoints must carry. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of 0..1. */
  readonly ratio: number;
  /** `false`: no DestinationRule defines the subset, so it has no endpoints. */
  readonly defined: boolean;
  /** The DestinationRules and the ResiliencePolicy that its policy comes from, as ids. */
  readonly rules: readonly string[];
  /** Where the draw or the sticky key leads this request. */
  readonly chosen: boolean;
}

/** What a route does with the requests it takes. */
export interface RouteAction {
  /** Never throws. Makes nothing but the decision, and that only where it depends on the request. */
  decide(request: RouteRequest, match: CompiledMatch, random: Random): RouteDecision;
  /** The destinations with their shares; empty for an answer without upstream. */
  destinations(request: RouteRequest): readonly ExplainedDestination[];
  /** What else is worth knowing, as sentences. */
  notes(request: RouteRequest): readonly string[];
}

/** An answer of our own: a redirect or a direct response. */
export function respondAction(
  decide: (request: RouteRequest, match: CompiledMatch) => RouteDecision,
): RouteAction {
  return { decide, destinations: () => [], notes: () => [] };
}

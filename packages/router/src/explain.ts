import { type ResourceId, resourceId } from '@inmesh/config';
import type { RouteDecision, RouteRequest } from '@inmesh/core';
import type { Condition } from './condition.ts';
import {
  type Explanation,
  explanationText,
  type MissedMatch,
  type RouteVerdict,
} from './explanation.ts';
import type { HostPattern } from './host-index.ts';
import { requestHost } from './host-name.ts';
import { type CompiledMatch, matches } from './match.ts';
import type { ExplainedDestination } from './route-action.ts';
import type { Tables } from './tables.ts';
import { UnlistedHost } from './unlisted-hosts.ts';
import type { CompiledRoute, CompiledVirtualService } from './virtual-service.ts';

/**
 * Goes the way of `route` once more and writes down what it sees. It asks the same conditions and
 * the same actions, so it cannot tell another story than what happens.
 */
export function explain(
  tables: Tables,
  request: RouteRequest,
  found: CompiledVirtualService | UnlistedHost,
): Explanation {
  const { method, authority, path, service } = request;
  const virtualService = found instanceof UnlistedHost ? found.virtualService : found;
  const outcome = virtualService
    ? walk(virtualService, request)
    : unrouted(found as UnlistedHost, request);
  const explanation: Omit<Explanation, 'text'> = {
    request: { method, authority, path },
    service,
    resource: virtualService?.id,
    foundBy:
      virtualService === undefined ? 'none' : found === virtualService ? 'exact' : 'wildcard',
    ignored: virtualService === undefined ? [] : ignored(tables, request, virtualService),
    ...outcome,
  };
  return { ...explanation, text: explanationText(explanation) };
}

interface Outcome {
  readonly routes: readonly RouteVerdict[];
  readonly decision: RouteDecision;
  readonly destinations: readonly ExplainedDestination[];
  readonly notes: readonly string[];
}

function walk({ routes, noRoute }: CompiledVirtualService, request: RouteRequest): Outcome {
  const verdicts: RouteVerdict[] = [];
  let taken: { route: CompiledRoute; match: CompiledMatch } | undefined;
  for (const route of routes) {
    if (taken !== undefined) {
      verdicts.push({ route: route.name, verdict: 'not-reached' });
      continue;
    }
    const match = route.matches.find((candidate) => matches(candidate, request));
    if (match === undefined) {
      verdicts.push({ route: route.name, verdict: 'passed-over', misses: misses(route, request) });
      continue;
    }
    taken = { route, match };
    const conditions = match.conditions.map((condition) => condition.describe());
    verdicts.push({ route: route.name, verdict: 'matched', match: match.index, conditions });
  }
  if (taken === undefined)
    return { routes: verdicts, decision: noRoute, destinations: [], notes: [] };
  const { action } = taken.route;
  const destinations = action.destinations(request);
  return {
    routes: verdicts,
    decision: action.decide(request, taken.match, () => middleOfLargest(destinations)),
    destinations,
    notes: action.notes(request),
  };
}

/** The number that, drawn at random, leads to the destination with the largest share. */
function middleOfLargest(destinations: readonly ExplainedDestination[]): number {
  let start = 0;
  let middle = 0;
  let largest = 0;
  for (const { ratio } of destinations) {
    if (ratio > largest) {
      largest = ratio;
      middle = start + ratio / 2;
    }
    start += ratio;
  }
  return middle;
}

function misses(route: CompiledRoute, request: RouteRequest): readonly MissedMatch[] {
  const missed = route.matches.map(({ index, name, conditions }) => ({
    match: index,
    name,
    reasons: conditions.filter((one) => !one.test(request)).map((one) => reason(one, request)),
  }));
  const excluded = route.excluded.map(({ index, name, reason: why }) => ({
    match: index,
    name,
    reasons: [`not for this workload: ${why}`],
  }));
  return [...missed, ...excluded].sort((a, b) => a.match - b.match);
}

function reason(condition: Condition, request: RouteRequest): string {
  const actual = condition.actual(request);
  const has = actual === undefined ? 'none' : JSON.stringify(actual);
  return `${condition.describe()}: the request has ${has}`;
}

function unrouted(host: UnlistedHost, request: RouteRequest): Outcome {
  const destination: ExplainedDestination = {
    service: host.destinations.host.key,
    subset: '',
    labels: {},
    ratio: 1,
    defined: true,
    rules: host.destinations.policyResources,
    chosen: true,
  };
  return { routes: [], decision: host.forward(request), destinations: [destination], notes: [] };
}

function ignored(
  { virtualServices, scope }: Tables,
  { service, authority }: RouteRequest,
  winner: CompiledVirtualService,
): readonly ResourceId[] {
  const { full } = requestHost(service, authority, scope.hosts);
  const patterns: HostPattern[] = [{ kind: 'exact', text: service }];
  const wildcard = virtualServices.hosts.byWildcard(full);
  if (wildcard !== undefined) patterns.push({ kind: 'wildcard', text: wildcard.suffix });
  const ids = patterns.flatMap((pattern) => virtualServices.claimants(pattern).map(resourceId));
  return [...new Set(ids)].filter((id) => id !== winner.id);
}

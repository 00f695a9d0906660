import type { ResourceId } from '@inmesh/config';
import type { RouteDecision } from '@inmesh/core';
import type { ExplainedDestination } from './route-action.ts';

/** Why one match of a route did not take the request. */
export interface MissedMatch {
  readonly match: number;
  readonly name: string | undefined;
  /** Sentences such as `header end-user is "jason": the request has none`. */
  readonly reasons: readonly string[];
}

/** What became of one route. */
export type RouteVerdict =
  | {
      readonly route: string;
      readonly verdict: 'matched';
      readonly match: number;
      readonly conditions: readonly string[];
    }
  | {
      readonly route: string;
      readonly verdict: 'passed-over';
      readonly misses: readonly MissedMatch[];
    }
  /** An earlier route took the request already. */
  | { readonly route: string; readonly verdict: 'not-reached' };

/** The reason for a decision, for programs; `text` is the same for people. */
export interface Explanation {
  readonly request: { readonly method: string; readonly authority: string; readonly path: string };
  /** The service that was asked for. */
  readonly service: string;
  /** The VirtualService that decides; `undefined` when none speaks for the host. */
  readonly resource: ResourceId | undefined;
  /** How it was found: by name, by the longest of its wildcards, or not at all. */
  readonly foundBy: 'exact' | 'wildcard' | 'none';
  /** Others for the same host, which are not used. */
  readonly ignored: readonly ResourceId[];
  /** In the order in which they were looked at. */
  readonly routes: readonly RouteVerdict[];
  /** Where weights split the traffic without a key, `destination` is the largest share's. */
  readonly decision: RouteDecision;
  readonly destinations: readonly ExplainedDestination[];
  readonly notes: readonly string[];
  readonly text: string;
}

/** Lines with the reason, from the host to the retries. */
export function explanationText(explanation: Omit<Explanation, 'text'>): string {
  const { request, service, routes, notes } = explanation;
  return [
    `${request.method} ${request.path} to ${request.authority} (service ${service})`,
    `resource: ${resourceText(explanation)}`,
    ...routes.flatMap(routeLines),
    ...decisionLines(explanation),
    ...notes.map((note) => `note: ${note}`),
  ].join('\n');
}

function resourceText({ resource, foundBy, ignored }: Omit<Explanation, 'text'>): string {
  if (resource === undefined) return 'no VirtualService for this host';
  const others = ignored.length === 0 ? '' : `; not used: ${ignored.join(', ')}`;
  return `${resource}, found by ${foundBy === 'exact' ? 'the exact host' : 'a wildcard host'}${others}`;
}

function routeLines(verdict: RouteVerdict): readonly string[] {
  switch (verdict.verdict) {
    case 'matched': {
      const why =
        verdict.conditions.length === 0 ? 'takes everything' : verdict.conditions.join(' and ');
      return [`route ${verdict.route}: matched (${why})`];
    }
    case 'not-reached':
      return [`route ${verdict.route}: not reached`];
    default:
      return verdict.misses.map(
        ({ match, reasons }) =>
          `route ${verdict.route}: passed over, match ${match}: ${reasons.join('; ')}`,
      );
  }
}

function decisionLines({ decision, destinations }: Omit<Explanation, 'text'>): readonly string[] {
  if (decision.kind === 'no-route') return ['answer: 404, no route matches'];
  if (decision.kind === 'respond') return [`answer: ${decision.status} without an upstream`];
  const { timeoutMs, retries, fault } = decision;
  return [
    ...destinations.map(destinationLine),
    `time-out: ${timeoutText(timeoutMs)}`,
    `retries: ${retriesText(retries)}`,
    ...(fault === undefined ? [] : [`fault: ${JSON.stringify(fault)}`]),
  ];
}

function destinationLine(destination: ExplainedDestination): string {
  const { service, subset, labels, ratio, defined, rules, chosen } = destination;
  const selected = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  const endpoints = defined
    ? selected.join(', ') || 'all endpoints'
    : 'no endpoints: undefined subset';
  const name = subset === '' ? service : `${service} subset ${subset}`;
  const policy = rules.length === 0 ? 'none' : rules.join(', ');
  return `destination: ${name} (${endpoints}), ${percent(ratio)}${chosen ? ', chosen' : ''}; policy: ${policy}`;
}

function timeoutText(timeoutMs: number | undefined): string {
  if (timeoutMs === undefined) return "not said, the client's own";
  return timeoutMs === 0 ? 'none' : `${timeoutMs} ms`;
}

function retriesText(
  retries:
    | { maxRetries?: number; on?: readonly string[]; statusCodes?: readonly number[] }
    | undefined,
): string {
  if (retries?.maxRetries === undefined) return "not said, the client's own";
  if (retries.maxRetries === 0) return 'none';
  const on = [...(retries.on ?? []), ...(retries.statusCodes ?? [])];
  return `${retries.maxRetries} on ${on.join(', ')}`;
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toFixed(2))} %`;
}

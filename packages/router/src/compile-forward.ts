import {
  annotations,
  type HttpRoute,
  parseDurationMs,
  parseStickyKey,
  routeAnnotation,
} from '@inmesh/config';
import type { Fault, RetryPolicy } from '@inmesh/core';
import { ratioOf } from './fault.ts';
import {
  ForwardAction,
  type ForwardTarget,
  type MirrorTarget,
  type Sticky,
} from './forward-action.ts';
import { checkHeaderValue, compileHeaders, composeHeaders } from './header-operations.ts';
import { invalidResource } from './invalid-resource.ts';
import type { CompiledMatch } from './match.ts';
import { compilePathRewrite } from './path-rewrite.ts';
import { createRendezvous } from './rendezvous.ts';
import { compileRetries } from './retries.ts';
import type { RouteContext } from './route-context.ts';
import { stickySource } from './sticky-key.ts';
import { createWeightedPick } from './weighted-pick.ts';

/** Compiles a route with destinations. Throws `invalid_resource`. */
export function compileForward(
  route: HttpRoute,
  {
    label,
    matches,
    fault,
  }: {
    readonly label: string;
    readonly matches: readonly CompiledMatch[];
    readonly fault: Fault | undefined;
  },
  context: RouteContext,
  path: string,
): ForwardAction {
  const destinations = route.route ?? [];
  if (destinations.length === 0) {
    throw invalidResource(path, 'give one of route, redirect and directResponse');
  }
  if (route.rewrite?.authority !== undefined) {
    checkHeaderValue(route.rewrite.authority, `${path}/rewrite/authority`);
  }
  const rewrites: ReturnType<typeof compilePathRewrite>[] = [];
  for (const match of matches) {
    rewrites[match.index] = compilePathRewrite(route.rewrite, match, `${path}/rewrite`);
  }
  const weights = createWeightedPick(
    destinations.map(({ weight }) => weight),
    `${path}/route`,
  );
  return new ForwardAction({
    route: label,
    targets: compileTargets(route, context, path),
    weights,
    sticky: compileSticky(route, context, path),
    rewrites,
    ...compilePatience(route, fault, context, path),
    fault,
    mirrors: compileMirrors(route, context, path),
    mirrorsAllMethods: mirrorsAllMethods(route, context),
  });
}

function compileTargets(route: HttpRoute, context: RouteContext, path: string): ForwardTarget[] {
  const request = compileHeaders(route.headers?.request, `${path}/headers/request`);
  const response = compileHeaders(route.headers?.response, `${path}/headers/response`);
  return (route.route ?? []).map(({ destination, headers }, i) => {
    const place = `${path}/route/${i}`;
    const ownRequest = compileHeaders(headers?.request, `${place}/headers/request`);
    const ownResponse = compileHeaders(headers?.response, `${place}/headers/response`);
    return {
      ...context.target(destination, `${place}/destination`),
      // The destination's come last: what is said of one of several places is the more precise.
      requestHeaders: composeHeaders(request.operations, ownRequest.operations),
      responseHeaders: composeHeaders(response.operations, ownResponse.operations),
      authority: route.rewrite?.authority ?? ownRequest.authority ?? request.authority,
    };
  });
}

/**
 * Istio's scope of a fault switches both off for the whole route, since the fault acts outside of
 * them; with the scope `attempt` they work on it.
 */
function compilePatience(
  route: HttpRoute,
  fault: Fault | undefined,
  { resource }: RouteContext,
  path: string,
): { timeoutMs: number | undefined; retries: Partial<RetryPolicy> | undefined } {
  const timeoutMs = route.timeout === undefined ? undefined : parseDurationMs(route.timeout);
  const retries = compileRetries(resource, route, `${path}/retries`);
  return fault?.scope === 'call'
    ? { timeoutMs: 0, retries: { maxRetries: 0 } }
    : { timeoutMs, retries };
}

function compileSticky(
  route: HttpRoute,
  { resource, hostOf }: RouteContext,
  path: string,
): Sticky | undefined {
  const text = routeAnnotation(resource.metadata, annotations.sticky, route.name);
  const destinations = route.route ?? [];
  if (text === undefined || destinations.length < 2) return undefined;
  const source = stickySource(parseStickyKey(text), '/metadata/annotations');
  // Subsets name versions the same for every service, so that hops agree on the version too.
  const names = destinations.map(
    ({ destination }) => destination.subset ?? hostOf(destination.host).key,
  );
  if (new Set(names).size < names.length) {
    throw invalidResource(
      `${path}/route`,
      `a sticky split tells destinations apart by subset, or by host without one, and these repeat: ${names.join(', ')}`,
    );
  }
  const weights = destinations.map(({ weight = 0 }) => weight);
  return { source, rendezvous: createRendezvous(names, weights) };
}

function compileMirrors(
  { mirror, mirrorPercentage, mirrors = [] }: HttpRoute,
  context: RouteContext,
  path: string,
): MirrorTarget[] {
  const single =
    mirror === undefined
      ? []
      : [{ place: `${path}/mirror`, destination: mirror, percentage: mirrorPercentage }];
  const several = mirrors.map((entry, i) => ({ place: `${path}/mirrors/${i}`, ...entry }));
  return [...single, ...several]
    .map(({ place, destination, percentage = { value: 100 } }) => ({
      ...context.target(destination, place),
      ratio: ratioOf(percentage, place),
    }))
    .filter(({ ratio }) => ratio > 0);
}

function mirrorsAllMethods({ name }: HttpRoute, { resource }: RouteContext): boolean {
  const methods = routeAnnotation(resource.metadata, annotations.mirrorMethods, name) ?? 'safe';
  if (methods === 'safe' || methods === 'all') return methods === 'all';
  throw invalidResource(
    '/metadata/annotations',
    `${annotations.mirrorMethods} must be safe or all, got ${JSON.stringify(methods)}`,
  );
}

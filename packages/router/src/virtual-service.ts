import {
  annotations,
  type HttpRoute,
  parseStickyKey,
  type ResourceId,
  resourceId,
  type VirtualService,
} from '@inmesh/config';
import type { NoRouteDecision, ServiceName, Workload } from '@inmesh/core';
import { compileForward } from './compile-forward.ts';
import { type CompiledCors, compileCors } from './cors.ts';
import { compileFault } from './fault.ts';
import { compileHeaders } from './header-operations.ts';
import { type HostName, type HostScope, resolveHost } from './host-name.ts';
import {
  type CompiledMatch,
  compileMatch,
  type ExcludedMatch,
  exclusion,
  matchAll,
} from './match.ts';
import { compileDirectResponse, compileRedirect } from './respond.ts';
import { type RouteAction, respondAction } from './route-action.ts';
import type { RouteContext } from './route-context.ts';
import type { ServiceDestinations } from './service-destinations.ts';
import { type StickySource, stickySource } from './sticky-key.ts';

export interface CompiledRoute {
  readonly name: string;
  /** Any of them; none (all are excluded) takes nothing. */
  readonly matches: readonly CompiledMatch[];
  readonly excluded: readonly ExcludedMatch[];
  readonly action: RouteAction;
  readonly cors: CompiledCors | undefined;
}

/** A VirtualService as this workload sees it. */
export interface CompiledVirtualService {
  readonly id: ResourceId;
  readonly resource: VirtualService;
  readonly routes: readonly CompiledRoute[];
  /** The matches of all routes in order, and in the same places what each of them leads to: what a call walks. */
  readonly matches: readonly CompiledMatch[];
  readonly actions: readonly RouteAction[];
  /** The answer when none of them matches. */
  readonly noRoute: NoRouteDecision;
  /** Every service that it may send to: when one of their policies changes it is compiled anew. */
  readonly services: ReadonlySet<ServiceName>;
  /** What deserves a warning, as sentences. */
  readonly problems: readonly string[];
}

export interface VirtualServiceOptions {
  /** Whose calls it routes; `undefined` on the inbound side, where callers are not known. */
  readonly workload: Workload | undefined;
  readonly scope: Omit<HostScope, 'namespace'>;
  readonly servicesOf: (host: HostName) => ServiceDestinations;
}

/** Throws `invalid_resource` with the path of the mistake. */
export function compileVirtualService(
  resource: VirtualService,
  { workload, scope, servicesOf }: VirtualServiceOptions,
): CompiledVirtualService {
  const { name, namespace } = resource.metadata;
  const services = new Set<ServiceName>();
  const problems: string[] = [];
  const ownScope = { ...scope, namespace };
  const hostOf = (host: string): HostName => resolveHost(host, ownScope);
  const context: RouteContext = {
    resource,
    workload,
    problems,
    hostOf,
    target({ host, subset = '', port }, path) {
      const service = servicesOf(hostOf(host));
      services.add(service.host.key);
      if (!service.defines(subset)) {
        problems.push(
          `${path}: no DestinationRule that this workload sees defines subset ${subset} of ${service.host.key}: it has no endpoints`,
        );
      }
      return { service, subset, port: port?.number };
    },
  };
  const routes = (resource.spec.http ?? []).map((route, i) => compileRoute(route, i, context));
  return {
    id: resourceId(resource),
    resource,
    routes,
    matches: routes.flatMap((route) => route.matches),
    actions: routes.flatMap((route) => route.matches.map(() => route.action)),
    noRoute: Object.freeze({ kind: 'no-route', route: `${name}.${namespace}` }),
    services,
    problems,
  };
}

function compileRoute(route: HttpRoute, index: number, context: RouteContext): CompiledRoute {
  const path = `/spec/http/${index}`;
  const { name, namespace } = context.resource.metadata;
  const label = route.name ?? `${name}.${namespace}/http/${index}`;
  const matches: CompiledMatch[] = [];
  const excluded: ExcludedMatch[] = [];
  const listed = route.match ?? [];
  listed.forEach((match, i) => {
    const reason = exclusion(match, context.workload);
    // Compiled even when it is not for us: a mistake is refused everywhere or nowhere.
    const compiled = compileMatch(match, i, `${path}/match/${i}`);
    if (reason === undefined) matches.push(compiled);
    else excluded.push({ index: i, name: match.name, reason });
  });
  if (listed.length === 0) matches.push(matchAll);
  const action = compileAction(route, label, matches, context, path);
  return { name: label, matches, excluded, action, cors: compileRouteCors(route, context, path) };
}

function compileAction(
  route: HttpRoute,
  label: string,
  matches: readonly CompiledMatch[],
  context: RouteContext,
  path: string,
): RouteAction {
  const fault = compileFault(context.resource, route, `${path}/fault`);
  const response = compileHeaders(route.headers?.response, `${path}/headers/response`);
  const answer = { route: label, fault, responseHeaders: response.operations };
  if (route.redirect !== undefined) {
    return respondAction(compileRedirect(route.redirect, answer, `${path}/redirect`));
  }
  if (route.directResponse !== undefined) {
    const decision = compileDirectResponse(route.directResponse, answer, `${path}/directResponse`);
    return respondAction(() => decision);
  }
  return compileForward(route, { label, matches, fault }, context, path);
}

function compileRouteCors(
  { corsPolicy }: HttpRoute,
  { problems }: RouteContext,
  path: string,
): CompiledCors | undefined {
  if (corsPolicy === undefined) return undefined;
  const cors = compileCors(corsPolicy, `${path}/corsPolicy`);
  if (cors.anyOrigin && corsPolicy.allowCredentials === true) {
    problems.push(`${path}/corsPolicy: credentials are not allowed together with the origin *`);
  }
  return cors;
}

/** The sticky sources that a resource's annotations name. Throws `invalid_argument` or `invalid_resource`. */
export function stickySourcesOf({ metadata }: VirtualService): readonly StickySource[] {
  return Object.entries(metadata.annotations ?? {})
    .filter(([key]) => key === annotations.sticky || key.startsWith(`${annotations.sticky}.`))
    .map(([, text]) => stickySource(parseStickyKey(text), '/metadata/annotations'));
}

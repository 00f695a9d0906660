import type {
  DestinationRule,
  DestinationRuleSpec,
  HttpRoute,
  Resource,
  ResourceMetadata,
  ServiceEntry,
  ServiceEntrySpec,
  VirtualService,
  VirtualServiceSpec,
} from '@inmesh/config';
import {
  createWorkload,
  type ForwardDecision,
  type RespondDecision,
  type RouteDecision,
  type RouteRequest,
} from '@inmesh/core';
import { type CompiledRouter, type CompileOptions, compile } from '@inmesh/router';

export const workload = createWorkload({ service: 'orders', labels: { app: 'orders' } });

type Meta = Partial<ResourceMetadata>;

export function virtualService(
  spec: Partial<VirtualServiceSpec>,
  metadata: Meta = {},
): VirtualService {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'reviews', namespace: 'default', ...metadata },
    spec: { hosts: ['reviews'], ...spec },
  };
}

export function destinationRule(
  spec: Partial<DestinationRuleSpec>,
  metadata: Meta = {},
): DestinationRule {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'reviews', namespace: 'default', ...metadata },
    spec: { host: 'reviews', ...spec },
  };
}

export function serviceEntry(spec: Partial<ServiceEntrySpec>, metadata: Meta = {}): ServiceEntry {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'outside', namespace: 'default', ...metadata },
    spec: { hosts: ['api.example.com'], ...spec },
  };
}

export const versions: DestinationRule = destinationRule({
  subsets: ['v1', 'v2', 'v3'].map((name) => ({ name, labels: { version: name } })),
});

/** A route to one subset of reviews, or to the whole service. */
export function to(subset?: string, weight?: number): NonNullable<HttpRoute['route']>[0] {
  return {
    destination: subset === undefined ? { host: 'reviews' } : { host: 'reviews', subset },
    ...(weight === undefined ? {} : { weight }),
  };
}

export function request(overrides: Partial<RouteRequest> = {}): RouteRequest {
  return {
    service: 'reviews.default',
    scheme: 'http',
    authority: 'reviews',
    port: undefined,
    method: 'GET',
    path: '/',
    headers: [],
    context: undefined,
    ...overrides,
  };
}

export function compiled(
  resources: readonly Resource[],
  options: Partial<CompileOptions> = {},
): CompiledRouter {
  return compile(resources, { workload, ...options });
}

/** A router whose only VirtualService has these routes for reviews. */
export function routes(...http: HttpRoute[]): CompiledRouter {
  return compiled([virtualService({ http }), versions]);
}

export function forwarded(decision: RouteDecision): ForwardDecision {
  if (decision.kind !== 'forward') throw new Error(`expected forward, got ${decision.kind}`);
  return decision;
}

export function responded(decision: RouteDecision): RespondDecision {
  if (decision.kind !== 'respond') throw new Error(`expected respond, got ${decision.kind}`);
  return decision;
}

export const half = (): number => 0.5;

/** Where a request goes: the subset, or the kind of what is no forward. */
export function subsetOf(router: CompiledRouter, overrides: Partial<RouteRequest> = {}): string {
  const decision = router.route(request(overrides), half);
  return decision.kind === 'forward' ? decision.destination.subset : decision.kind;
}

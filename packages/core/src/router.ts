import type { HeaderPairs, RouteRequest } from './call.ts';
import type { Random } from './clock.ts';
import type { DestinationPolicy, RetryPolicy } from './destination-policy.ts';
import type { Unsubscribe } from './endpoint-source.ts';
import type { ServiceName } from './service-name.ts';

/** Where a call goes: a service, or one subset of it. One object per destination and configuration, so it may key a map. */
export interface Destination {
  /** A mesh service; an outside host of a ServiceEntry has its full name here. */
  readonly service: ServiceName;
  /** '' is the whole service. */
  readonly subset: string;
  /** Endpoints must carry all of them. */
  readonly labels: Readonly<Record<string, string>>;
  /** The port to connect to, in the sense of a URL's port. */
  readonly port: number | undefined;
  readonly policy: DestinationPolicy;
}

/** Changes to headers in Istio's order: remove, then set, then add. Names lower-case. */
export interface HeaderOperations {
  readonly remove: readonly string[];
  readonly set: HeaderPairs;
  readonly add: HeaderPairs;
}

/** A fault that a resource asks for. Ratios are 0..1; a part with ratio 0 is left out. */
export interface Fault {
  readonly delay?: { readonly ratio: number; readonly delayMs: number };
  readonly abort?: { readonly ratio: number; readonly status: number };
  /** `call`: once, before the loop, with retries and time-out off (Istio). `attempt`: at every try. */
  readonly scope: 'call' | 'attempt';
}

export interface Mirror {
  readonly destination: Destination;
  readonly ratio: number;
}

interface DecisionBase {
  /** The route's name, or its resource and place (`reviews.default/http/1`): for metrics and logs. */
  readonly route: string;
}

export interface ForwardDecision extends DecisionBase {
  readonly kind: 'forward';
  /** Chosen already where weights split the traffic. */
  readonly destination: Destination;
  /** `undefined`: nothing said. 0: none, as Istio's default is. */
  readonly timeoutMs: number | undefined;
  readonly retries: Partial<RetryPolicy> | undefined;
  /** Gives the path to send from the path that came. */
  readonly rewritePath: ((path: string) => string) | undefined;
  readonly rewriteAuthority: string | undefined;
  readonly requestHeaders: HeaderOperations | undefined;
  readonly responseHeaders: HeaderOperations | undefined;
  readonly fault: Fault | undefined;
  readonly mirrors: readonly Mirror[];
}

/** Answered without an upstream: a redirect or a direct response. */
export interface RespondDecision extends DecisionBase {
  readonly kind: 'respond';
  readonly status: number;
  readonly headers: HeaderPairs;
  readonly body: Uint8Array;
  readonly fault: Fault | undefined;
}

/** Resources cover the host, and none of their routes matches: 404 with the flag NR. */
export interface NoRouteDecision extends DecisionBase {
  readonly kind: 'no-route';
}

export type RouteDecision = ForwardDecision | RespondDecision | NoRouteDecision;

/** One consistent, compiled configuration. Immutable; pure but for `random`. */
export interface Router {
  readonly revision: string;
  route(request: RouteRequest, random: Random): RouteDecision;
}

/** Where the current router is read, once a call. */
export interface RouterSource {
  readonly current: Router;
  onChange(listener: (router: Router) => void): Unsubscribe;
}

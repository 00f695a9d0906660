import type { Duration, Percent, PortSelector, StringMatch } from './common.ts';
import type { ResourceOf } from './resource.ts';

/** How calls to some hosts are routed: ordered rules, the first that matches decides. */
export type VirtualService = ResourceOf<'VirtualService', VirtualServiceSpec>;

export interface VirtualServiceSpec {
  /** Short names are of the resource's namespace; `*.suffix` is a wildcard. At least one. */
  readonly hosts: readonly string[];
  /** The resource speaks to mesh clients when this is absent or contains `mesh`. */
  readonly gateways?: readonly string[];
  readonly http?: readonly HttpRoute[];
  /** Not honoured: level 4. */
  readonly tls?: readonly unknown[];
  /** Not honoured: level 4. */
  readonly tcp?: readonly unknown[];
  /** Namespaces that see it: `.` its own, `*` all. @default ['*'] */
  readonly exportTo?: readonly string[];
}

/** Exactly one of `route`, `redirect` and `directResponse`. */
export interface HttpRoute {
  /** For metrics, logs and annotations that name one route. */
  readonly name?: string;
  /** One of these must match; none listed matches everything. */
  readonly match?: readonly HttpMatchRequest[];
  readonly route?: readonly HttpRouteDestination[];
  readonly redirect?: HttpRedirect;
  readonly directResponse?: HttpDirectResponse;
  readonly rewrite?: HttpRewrite;
  /** Of the whole call with its retries. @default none */
  readonly timeout?: Duration;
  readonly retries?: HttpRetry;
  readonly fault?: HttpFaultInjection;
  readonly mirror?: Destination;
  /** @default 100 % */
  readonly mirrorPercentage?: Percent;
  readonly mirrors?: readonly HttpMirrorPolicy[];
  /** Answered by the inbound side. */
  readonly corsPolicy?: CorsPolicy;
  readonly headers?: Headers;
}

/** All that is given must match. */
export interface HttpMatchRequest {
  readonly name?: string;
  /** The path without the query; a prefix is a plain text prefix. */
  readonly uri?: StringMatch;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  /** By lower-case name; `@request.auth.claims.NAME` is a claim of the verified token. */
  readonly headers?: Readonly<Record<string, StringMatch>>;
  /** None of these may match. A missing header counts as empty text. */
  readonly withoutHeaders?: Readonly<Record<string, StringMatch>>;
  readonly queryParams?: Readonly<Record<string, StringMatch>>;
  /** Of the request's URL. */
  readonly port?: number;
  /** Selects the calling workload, once; not a condition on requests. */
  readonly sourceLabels?: Readonly<Record<string, string>>;
  /** Selects the calling workload, once. */
  readonly sourceNamespace?: string;
  /** Selects the calling side, once: overrides the resource's own `gateways`. */
  readonly gateways?: readonly string[];
  /** Of `uri`'s exact and prefix. @default false */
  readonly ignoreUriCase?: boolean;
  /** Not honoured. */
  readonly statPrefix?: string;
}

export interface HttpRouteDestination {
  readonly destination: Destination;
  /** Relative to the sum. With a single destination it does not count. @default 0 */
  readonly weight?: number;
  readonly headers?: Headers;
}

export interface Destination {
  readonly host: string;
  /** Defined by the host's DestinationRule. */
  readonly subset?: string;
  readonly port?: PortSelector;
}

export interface Headers {
  readonly request?: HeaderOperationsSpec;
  readonly response?: HeaderOperationsSpec;
}

export interface HeaderOperationsSpec {
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

export interface HttpRedirect {
  /** The whole path. */
  readonly uri?: string;
  /** Instead of the prefix that matched; every match must be by prefix. */
  readonly prefixRewrite?: string;
  readonly authority?: string;
  readonly port?: number;
  readonly derivePort?: 'FROM_PROTOCOL_DEFAULT' | 'FROM_REQUEST_PORT';
  readonly scheme?: string;
  /** 301, 302, 303, 307 or 308. @default 301 */
  readonly redirectCode?: number;
}

export interface HttpDirectResponse {
  readonly status: number;
  readonly body?: HttpBody;
}

export interface HttpBody {
  readonly string?: string;
  /** Base64. */
  readonly bytes?: string;
}

export interface HttpRewrite {
  /** Instead of the matched prefix, or of the whole path for other matches. */
  readonly uri?: string;
  readonly authority?: string;
  readonly uriRegexRewrite?: RegexRewrite;
}

export interface RegexRewrite {
  readonly match: string;
  /** `\1` is the first group. */
  readonly rewrite: string;
}

export interface HttpRetry {
  /** Further tries at most; 0 never retries. @default 0, and 2 where `retries` is absent altogether */
  readonly attempts?: number;
  /** @default the route's time-out */
  readonly perTryTimeout?: Duration;
  /** Envoy's conditions and status codes, separated by commas. @default 'connect-failure,refused-stream,unavailable,cancelled' */
  readonly retryOn?: string;
  /** Not honoured: fail-over between localities is the balancer's. */
  readonly retryRemoteLocalities?: boolean;
  /** @default true */
  readonly retryIgnorePreviousHosts?: boolean;
  /** Base of the exponential wait. @default 25ms */
  readonly backoff?: Duration;
}

/** At least one of the two. Scope: see the annotation `inmesh.dev/fault-scope`. */
export interface HttpFaultInjection {
  readonly delay?: FaultDelay;
  readonly abort?: FaultAbort;
}

export interface FaultDelay {
  readonly fixedDelay: Duration;
  /** @default 0 % */
  readonly percentage?: Percent;
}

export interface FaultAbort {
  /** 200..599. One of the two. */
  readonly httpStatus?: number;
  /** Answered as the HTTP status that Envoy maps it to. */
  readonly grpcStatus?: GrpcStatus;
  /** @default 0 % */
  readonly percentage?: Percent;
}

export type GrpcStatus =
  | 'OK'
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

export interface HttpMirrorPolicy {
  readonly destination: Destination;
  /** @default 100 % */
  readonly percentage?: Percent;
}

export interface CorsPolicy {
  readonly allowOrigins?: readonly StringMatch[];
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly maxAge?: Duration;
  readonly allowCredentials?: boolean;
  /** Preflights that no origin matches. @default 'FORWARD' */
  readonly unmatchedPreflights?: 'UNSPECIFIED' | 'FORWARD' | 'IGNORE';
}

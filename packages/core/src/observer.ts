import type { Endpoint } from './endpoint.ts';
import type { Identity } from './identity.ts';
import type { MeshError, MeshErrorCode } from './mesh-error.ts';
import type { ConfigRevision } from './registry-protocol.ts';
import type { ServiceName } from './service-name.ts';

/**
 * Envoy's response flags that Inmesh sets; '-' is none. UH no healthy endpoint, UF connect failure,
 * UO overflow or open breaker, NR no route, URX retries used up, UT time-out, UC connection cut,
 * UR upstream reset, DC caller went away, FI fault abort, DI fault delay, RL rate limited, UAEX
 * refused by an external authorizer. RBAC, refused by an authorization policy, is our own: Envoy
 * tells it in its response code details only.
 */
export type ResponseFlag =
  | '-'
  | 'UH'
  | 'UF'
  | 'UO'
  | 'NR'
  | 'URX'
  | 'UT'
  | 'UC'
  | 'UR'
  | 'DC'
  | 'FI'
  | 'DI'
  | 'RL'
  | 'UAEX'
  | 'RBAC';

/** A call that ended, body and all. Valid only during the observer's method: copy what you keep. */
export interface EndedCall {
  readonly service: ServiceName;
  readonly subset: string;
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly scheme: 'http' | 'https';
  /** The `Host` header: the name that was called, with its port when it has one. */
  readonly authority: string;
  /** The endpoint that answered, or the last that was tried. */
  readonly endpoint: Endpoint | undefined;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly flag: ResponseFlag;
  /** At least 1 unless the call was refused before it was sent. */
  readonly attempts: number;
  readonly startedAt: number;
  readonly headAt: number;
  readonly endedAt: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly error: MeshError | undefined;
  /** Whether the connection was mutual TLS. */
  readonly mutualTls: boolean;
  readonly traceId: string;
  /** Of the call; its attempts have spans of their own where spans are exported. */
  readonly spanId: string;
  /** '' where the call began the trace. */
  readonly parentSpanId: string;
  readonly sampled: boolean;
  /** A request header as the caller gave it, by its lower-case name; repeats are joined. */
  header(name: string): string | undefined;
}

/** What an attempt tells of the call that it belongs to, which may not have ended yet. */
export type AttemptedCall = Pick<
  EndedCall,
  'route' | 'path' | 'scheme' | 'authority' | 'traceId' | 'spanId' | 'sampled' | 'header'
>;

/** One try of a call that ended. Valid only during the observer's method. */
export interface EndedAttempt {
  readonly call: AttemptedCall;
  readonly service: ServiceName;
  readonly subset: string;
  readonly method: string;
  readonly endpoint: Endpoint;
  /** From 1. */
  readonly number: number;
  readonly status: number;
  readonly flag: ResponseFlag;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly error: MeshError | undefined;
  /** What went along as parent: a span of its own where spans are exported, else the call's. */
  readonly spanId: string;
}

/** Why the mesh refused an inbound request. Its caller may have been told less. */
export interface RequestRefusal {
  readonly code: MeshErrorCode;
  /** For operators: what decided, in words. */
  readonly reason: string;
  /** The resource and the rule of it that decided (`AuthorizationPolicy/default/ratings#0`); '' where none did. */
  readonly rule: string;
}

/** An inbound request that ended. Valid only during the observer's method. */
export interface EndedRequest {
  readonly method: string;
  /** Path without query, as it came. Never a metric label: use `route`. */
  readonly path: string;
  /** The pattern of the route that ran (`/ratings/:id`), or 'unknown'. */
  readonly route: string;
  readonly status: number;
  readonly flag: ResponseFlag;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** The caller's workload as its certificate or its peer header says; '' where it said nothing. */
  readonly peerService: ServiceName;
  readonly peerVersion: string;
  readonly peer: Identity | undefined;
  readonly mutualTls: boolean;
  readonly principal: string | undefined;
  /** `undefined` for a request that its handler answered. */
  readonly refusal?: RequestRefusal | undefined;
  readonly traceId: string;
  /** The request's own span where spans are exported, else its caller's. */
  readonly spanId: string;
  /** '' where the request began the trace, or has no span of its own. */
  readonly parentSpanId: string;
  readonly sampled: boolean;
  /** A request header by its lower-case name. */
  header(name: string): string | undefined;
}

/** Changes worth telling, off the hot path. */
export type MeshEvent =
  | { readonly kind: 'endpoint-added'; readonly endpoint: Endpoint }
  | { readonly kind: 'endpoint-removed'; readonly endpoint: Endpoint }
  | {
      readonly kind: 'endpoint-ejected';
      readonly endpoint: Endpoint;
      readonly reason: string;
      readonly forMs: number;
    }
  | { readonly kind: 'endpoint-restored'; readonly endpoint: Endpoint }
  | {
      readonly kind: 'breaker-changed';
      readonly service: ServiceName;
      readonly subset: string;
      readonly from: BreakerState;
      readonly to: BreakerState;
    }
  | { readonly kind: 'registry-lost'; readonly error: MeshError }
  | { readonly kind: 'registry-found'; readonly server: string }
  /** Calls that start from now on go by this configuration. */
  | {
      readonly kind: 'config-changed';
      readonly revision: ConfigRevision;
      readonly resources: number;
    }
  /** A configuration that cannot be used: the one in use goes on. */
  | {
      readonly kind: 'config-rejected';
      readonly revision: ConfigRevision;
      readonly error: MeshError;
    }
  /** This process has a new certificate. `expiresAt` is in milliseconds since the Unix epoch. */
  | {
      readonly kind: 'identity-renewed';
      readonly identity: Identity;
      readonly revision: string;
      readonly expiresAt: number;
    }
  /** The one in use goes on; it is tried again. `attempts` failed in a row. */
  | {
      readonly kind: 'identity-renewal-failed';
      readonly error: MeshError;
      readonly attempts: number;
      /** `undefined` while there is no certificate at all. */
      readonly expiresInMs: number | undefined;
    }
  /** An alarm: under a quarter of the certificate's life is left (or, again, none) and nothing has renewed it. */
  | {
      readonly kind: 'identity-expiring';
      readonly identity: Identity;
      readonly expiresInMs: number;
      readonly error: MeshError | undefined;
    }
  /** A connection, or the rest of one, was refused for what its peer's certificate says. */
  | {
      readonly kind: 'peer-refused';
      readonly error: MeshError;
      readonly address: string | undefined;
    };

export type BreakerState = 'closed' | 'open' | 'half-open';

/**
 * What metrics, traces, logs and events hang on: plain method calls, no emitter. A method that
 * throws is counted and logged by the caller and never disturbs the call.
 */
export interface Observer {
  callEnded?(call: EndedCall): void;
  attemptEnded?(attempt: EndedAttempt): void;
  requestEnded?(request: EndedRequest): void;
  event?(event: MeshEvent): void;
}

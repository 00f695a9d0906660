/**
 * What processes tell the registry of their traffic and state, every few seconds.
 *
 *   POST   /v1/sessions/:session/reports    Report → 200 ReportAccepted
 */
import type { BreakerState } from './observer.ts';
import type { ServiceName } from './service-name.ts';

/**
 * What a process did since its last report, and how it is now. Everything counted is a delta: a
 * report that is lost loses only itself. A process speaks for itself only: `service` must be the
 * service of its session, and it is one end of each of the edges.
 */
export interface Report {
  readonly service: ServiceName;
  /** '' is none. At most 63 characters. */
  readonly version: string;
  /**
   * The newest whole second told, on the reporter's own clock, which counts from anywhere. The
   * registry pins it to its own at the first report of a session: one that runs ahead of the time
   * that passed since is from the future, and refused.
   */
  readonly second: number;
  /** At most 200: whoever has more sends several reports of the same second. */
  readonly edges: readonly EdgeReport[];
  /** Absent: it is still as it was told last. */
  readonly state?: ReporterState;
  /** New since the last report; at most 20, the newest ones. */
  readonly refusals?: readonly RefusalReport[];
}

/** The calls between the reporter and one version of a peer. */
export interface EdgeReport {
  /** Who saw the calls: their `source` calls the peer, their `destination` was called by it. */
  readonly seenBy: 'source' | 'destination';
  /**
   * A service of the mesh, the host of an outside service, `other` for what the reporter could not
   * tell apart, or '' for a caller that did not say who it is. At most 253 characters.
   */
  readonly peer: string;
  /** '' is none, or nobody was reached. At most 63 characters. */
  readonly peerVersion: string;
  /** Those of all calls below that went over mutual TLS. */
  readonly mutualTls: number;
  /** Seconds with traffic, oldest first, each once; at most 60. */
  readonly seconds: readonly SecondReport[];
}

/** One second of an edge. */
export interface SecondReport {
  /** How many seconds before the report's `second`, 0..59. */
  readonly ago: number;
  readonly calls: number;
  /** Server errors, and calls without an answer; at most `calls`. */
  readonly errors: number;
  /**
   * Of all calls: a bucket of `latencyBucket` and how many fell into it, in turn
   * (`[40, 3, 48, 1]`), buckets ascending. The counts come to `calls`.
   */
  readonly latencies: readonly number[];
}

/** How a process is, as far as others should see it. Only what is out of the ordinary or in use; lists are cut, not refused, by the sender. */
export interface ReporterState {
  /** Breakers that are not closed; at most 50. */
  readonly breakers: readonly {
    readonly service: ServiceName;
    /** '' is the whole service. */
    readonly subset: string;
    readonly state: BreakerState;
  }[];
  /** Endpoints that this process has ejected; at most 50. */
  readonly ejections: readonly {
    readonly service: ServiceName;
    readonly endpoint: string;
    readonly reason: string;
  }[];
  /** Limits of the destinations that were called lately; at most 50. */
  readonly limits: readonly {
    readonly service: ServiceName;
    readonly subset: string;
    readonly inFlight: number;
    readonly pending: number;
    readonly maxRequests: number;
    /** The adaptive limit now; `null` when off. */
    readonly adaptiveLimit: number | null;
  }[];
  /** `null` without an identity. Times are how long from now: below 0 is over. */
  readonly certificate: {
    readonly spiffeId: string;
    readonly expiresInMs: number;
    /** Since the process got it. Absent: it does not tell. */
    readonly heldForMs?: number;
  } | null;
}

/** A request, or a whole connection, that this process refused for who sent it. */
export interface RefusalReport {
  /** Milliseconds before the report was sent. */
  readonly agoMs: number;
  readonly kind: 'request' | 'connection';
  /** Who asked: a SPIFFE ID, or the service that it says it is, or an address; '' is not known. */
  readonly peer: string;
  /** Of a request; '' of a connection. The route's pattern, never the path. */
  readonly method: string;
  readonly route: string;
  /** 0 of a connection. */
  readonly status: number;
  /** One of the error codes. */
  readonly code: string;
  /** For operators: what decided, in words. At most 512 characters. */
  readonly reason: string;
  /** The resource and the rule of it that decided (`AuthorizationPolicy/default/ratings#0`); '' where none did. */
  readonly rule: string;
}

export interface ReportAccepted {
  /** When the next report should come: the registry slows its reporters down as they become more. */
  readonly nextInMs: number;
}

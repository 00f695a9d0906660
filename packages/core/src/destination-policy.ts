/** How an endpoint is chosen. A value, so that options, resources and the wire share it. */
export type BalancerPolicy =
  /** The lesser of two random choices by latency (peak EWMA, decay 10 s) times requests in flight. Ours, and the default. */
  | { readonly kind: 'peak-ewma'; readonly decayMs?: number }
  /** The least loaded of `choices` random choices, drawn by weight and compared by requests in flight per weight; Envoy's choice of two. */
  | { readonly kind: 'least-request'; readonly choices?: number }
  | { readonly kind: 'round-robin' }
  | { readonly kind: 'random' }
  | { readonly kind: 'ring-hash'; readonly hashOn: HashKey; readonly minRingSize?: number }
  | { readonly kind: 'maglev'; readonly hashOn: HashKey; readonly tableSize?: number };

/** What consistent hashing goes by. `call` is `CallOptions.hashKey`. A request without the key goes to a random endpoint. */
export type HashKey =
  | { readonly kind: 'header'; readonly name: string }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      readonly path?: string;
      readonly ttlMs?: number;
    }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'source' }
  | { readonly kind: 'call' };

/** Envoy's connection pool and circuit-breaking limits, per destination. */
export interface PoolPolicy {
  /** Connections per endpoint. @default 64 */
  readonly maxConnections: number;
  /** Calls in flight over the destination. @default 1024 */
  readonly maxRequests: number;
  /** Calls waiting for a place. @default 1024 */
  readonly maxPending: number;
  /** @default 10_000 */
  readonly connectTimeoutMs: number;
  /** Idle connections close after it; before the server's own limit where the server tells one. @default 60_000 */
  readonly idleTimeoutMs: number;
  /** 0 is no limit; 1 switches keep-alive off. @default 0 */
  readonly maxRequestsPerConnection: number;
  /** A connection older than it takes no new request; 0 is no limit. @default 0 */
  readonly maxConnectionAgeMs: number;
}

/** Envoy's outlier detection: single endpoints leave the pick set. */
export interface OutlierPolicy {
  /** 5xx answers (and local failures, unless split) in a row that eject; 0 never. @default 5 */
  readonly consecutive5xx: number;
  /** The same for 502, 503, 504 only. @default 0 */
  readonly consecutiveGatewayErrors: number;
  /** Failures before an answer (connect, reset, time-out) in a row, counted apart when split. @default 3 of ours, 5 from Istio resources */
  readonly consecutiveLocalFailures: number;
  /** Whether failures before an answer are counted apart from 5xx answers. @default true of ours, false from Istio resources */
  readonly splitLocalFailures: boolean;
  /** Sweep that restores endpoints. @default 10_000 */
  readonly intervalMs: number;
  /** Times the number of ejections so far. @default 30_000 */
  readonly baseEjectionMs: number;
  /** @default 300_000 */
  readonly maxEjectionMs: number;
  /** Ejects who fails so many standard deviations more than the mean of all; 0 never. @default 1.9 of ours, 0 from Istio resources */
  readonly successRateFactor: number;
  /** Ejects who fails at least this share of its requests; 0 never. @default 0.85 of ours, 0 from Istio resources */
  readonly failureRatio: number;
  /** Both need so many endpoints with enough requests. @default 5 */
  readonly rateMinEndpoints: number;
  /** Enough requests of one endpoint, within 5 to 10 seconds. @default 100 */
  readonly rateMinRequests: number;
  /** How often an ejected endpoint is asked whether it is well, to come back before its time; 0 never. @default 0 */
  readonly probeIntervalMs: number;
  /** What is asked for; any answer below 500 is one. @default '/healthz' */
  readonly probePath: string;
  /** Largest share ejected at once; one may always be when there are at least two. @default 0.5 of ours, 0.1 from Istio resources */
  readonly maxEjectedRatio: number;
  /** Below this share of healthy endpoints all are used again (panic); 0 never. @default 0.5 of ours, 0 from Istio resources */
  readonly minHealthyRatio: number;
}

/** Hystrix's breaker for one destination and version. */
export interface BreakerPolicy {
  /** Calls within the window before it may open. @default 20 */
  readonly minCalls: number;
  /** @default 0.5 */
  readonly failureRatio: number;
  /** @default 10_000 */
  readonly windowMs: number;
  /** How long it stays open before a probe. @default 5_000 */
  readonly sleepMs: number;
  /** Probes at once while half-open. @default 1 */
  readonly probes: number;
  /** Successful probes that close it. @default 1 */
  readonly successesToClose: number;
}

/** Which failures of an attempt may be tried again; Envoy's words. */
export type RetryCondition =
  | '5xx'
  | 'gateway-error'
  | 'reset'
  | 'reset-before-request'
  | 'connect-failure'
  | 'retriable-4xx'
  | 'refused-stream'
  | 'retriable-status-codes'
  | 'envoy-ratelimited'
  | 'cancelled'
  | 'deadline-exceeded'
  | 'internal'
  | 'resource-exhausted'
  | 'unavailable';

export interface RetryPolicy {
  /** Further tries at most. @default 2 */
  readonly maxRetries: number;
  readonly on: readonly RetryCondition[];
  /** Statuses that `retriable-status-codes` means. */
  readonly statusCodes: readonly number[];
  /** 0 is none but the call's. @default 0 */
  readonly perTryTimeoutMs: number;
  /** Full jitter: the n-th wait is uniform in [0, min(max, (2^n - 1) * base)). @default 25 */
  readonly backoffBaseMs: number;
  /** @default 250 */
  readonly backoffMaxMs: number;
  /** Pick an endpoint that was not tried yet, while there is one. @default true */
  readonly avoidTried: boolean;
  /**
   * Whether a request that is not idempotent may be sent again though it may have been processed.
   * @default false
   */
  readonly nonIdempotent: boolean;
}

/** How much retrying a destination bears, over all its callers in this process (Finagle's budget). */
export interface RetryBudgetPolicy {
  /** Retries per call. @default 0.2 */
  readonly ratio: number;
  /** Retries a second that are allowed where the ratio would allow fewer: the larger of the two counts, not the sum. @default 10 */
  readonly minPerSecond: number;
  /** How long a deposit counts. @default 10_000 */
  readonly ttlMs: number;
}

/** When a second attempt races the first one: for safe requests without a body that flows. Exactly one of `delayMs` and `percentile` is there. */
export interface HedgePolicy {
  /** The second starts when the first has had no answer for so long. */
  readonly delayMs?: number;
  /** It starts after the time within which this share of the destination's calls was answered lately. @default 0.95 */
  readonly percentile?: number;
  /** Second attempts per call, over 10 s. @default 0.05 */
  readonly maxRatio: number;
}

/** A limit on calls in flight that finds itself: it falls while latency rises above what it is without a queue. */
export interface AdaptiveLimitPolicy {
  /** @default 4 */
  readonly minLimit: number;
  /** @default 1_000 */
  readonly maxLimit: number;
  /** @default 20 */
  readonly initialLimit: number;
  /** From so many times the latency without a queue on it falls. @default 1.5 */
  readonly tolerance: number;
  /** How often it is adjusted, at least 10 answers later. @default 250 */
  readonly windowMs: number;
}

/** SRE's client-side throttling: refuses calls here with probability (calls - factor x accepted) / (calls + 1). */
export interface ThrottlePolicy {
  /** A destination that accepts 1 of so many calls is still sent all of them. @default 2 */
  readonly factor: number;
  /** Never a larger share, or nobody would notice for many windows that the destination is well again. @default 0.9 */
  readonly maxRatio: number;
  /** SRE's two minutes recover as slowly as they forget. @default 10_000 */
  readonly windowMs: number;
}

/** Which part of a large service one caller uses: so connections do not grow as callers times endpoints. */
export interface AperturePolicy {
  /** At least so many; a service that has no more is used whole. @default 20 */
  readonly endpoints: number;
}

/**
 * When an endpoint counts as silent: requests wait there, and it answers none. It is ejected, and
 * those that may be sent again go elsewhere; no call fails by it.
 */
export interface SilencePolicy {
  /** At least so long without any answer. @default 500 */
  readonly afterMs: number;
  /** And so many times its usual latency. @default 4 */
  readonly latencyFactor: number;
  /** And so many requests waiting that long. @default 3 */
  readonly minWaiting: number;
}

export interface LocalityPolicy {
  readonly enabled: boolean;
  /** From a locality pattern (`region/zone/*`) to shares by pattern. */
  readonly distribute?: readonly {
    readonly from: string;
    readonly to: Readonly<Record<string, number>>;
  }[];
  readonly failover?: readonly { readonly from: string; readonly to: string }[];
  /** Labels (or `key=value`) that order endpoints by how many leading ones agree. */
  readonly failoverPriority?: readonly string[];
}

/** Slow start: weight × max(minRatio, (age / duration)^(1 / aggression)). */
export interface WarmupPolicy {
  readonly durationMs: number;
  readonly minRatio: number;
  readonly aggression: number;
}

/** TLS towards a destination, when a resource says so. */
export interface UpstreamTlsPolicy {
  readonly mode: 'disable' | 'simple' | 'mutual' | 'mesh';
  readonly sni?: string;
  readonly subjectAltNames?: readonly string[];
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly insecureSkipVerify?: boolean;
}

/** What resources say about one destination; what is absent comes from the client's options. */
export interface DestinationPolicy {
  readonly balancer?: BalancerPolicy;
  readonly pool?: Partial<PoolPolicy>;
  /** `null` switches it off. */
  readonly outlier?: Partial<OutlierPolicy> | null;
  readonly breaker?: Partial<BreakerPolicy> | null;
  readonly retryBudget?: Partial<RetryBudgetPolicy>;
  readonly hedge?: Partial<HedgePolicy> | null;
  readonly limit?: Partial<AdaptiveLimitPolicy> | null;
  readonly throttle?: Partial<ThrottlePolicy> | null;
  readonly silence?: Partial<SilencePolicy> | null;
  readonly aperture?: Partial<AperturePolicy> | null;
  readonly locality?: LocalityPolicy;
  readonly warmup?: WarmupPolicy;
  readonly tls?: UpstreamTlsPolicy;
}

import type {
  AdaptiveLimitPolicy,
  AperturePolicy,
  BalancerPolicy,
  BreakerPolicy,
  DestinationPolicy,
  HedgePolicy,
  LocalityPolicy,
  OutlierPolicy,
  PoolPolicy,
  RetryBudgetPolicy,
  RetryPolicy,
  SilencePolicy,
  ThrottlePolicy,
  WarmupPolicy,
} from '@inmesh/core';
import { defaultAdaptiveLimit } from '@inmesh/core';
import { overrideHedge } from './hedge/hedge-policy.ts';
import {
  checkAdaptiveLimit,
  checkAperture,
  checkBalancer,
  checkBreaker,
  checkLocality,
  checkOutlier,
  checkPool,
  checkRetry,
  checkRetryBudget,
  checkSilence,
  checkThrottle,
  checkWarmup,
} from './policy-checks.ts';

/** Every policy of one destination, resolved: nothing is left to default. */
export interface ClientPolicy {
  readonly balancer: BalancerPolicy;
  readonly pool: PoolPolicy;
  /** `null` is off. */
  readonly outlier: OutlierPolicy | null;
  /** `null` is off. */
  readonly breaker: BreakerPolicy | null;
  readonly retry: RetryPolicy;
  readonly retryBudget: RetryBudgetPolicy;
  /** `null` is off, and so for the four below. */
  readonly hedge: HedgePolicy | null;
  readonly limit: AdaptiveLimitPolicy | null;
  readonly throttle: ThrottlePolicy | null;
  readonly silence: SilencePolicy | null;
  readonly aperture: AperturePolicy | null;
  readonly locality: LocalityPolicy;
  readonly warmup: WarmupPolicy | undefined;
}

/** What a client's options may say of its policies; what is absent takes its default. */
export interface PolicyOptions {
  /** @default peakEwma() */
  readonly balancer?: BalancerPolicy;
  readonly pool?: Partial<PoolPolicy>;
  /** `null` switches ejection off. */
  readonly outlier?: Partial<OutlierPolicy> | null;
  /** `null` switches the breaker off. */
  readonly breaker?: Partial<BreakerPolicy> | null;
  readonly retry?: Partial<RetryPolicy>;
  readonly retryBudget?: Partial<RetryBudgetPolicy>;
  /** Second attempts that race slow first ones; `{}` is on with the defaults. @default off */
  readonly hedge?: Partial<HedgePolicy> | null;
  /** `'adaptive'`: calls in flight are limited by latency, within `pool.maxRequests`. @default off */
  readonly limit?: 'adaptive' | Partial<AdaptiveLimitPolicy> | null;
  /** Refuses here what the destination would refuse anyway; `{}` is on with the defaults. @default off */
  readonly throttle?: Partial<ThrottlePolicy> | null;
  /** When an endpoint counts as silent; `null` switches the watch off. */
  readonly silence?: Partial<SilencePolicy> | null;
  /** Uses a part of a large service; `{}` is on with the defaults. @default off */
  readonly aperture?: Partial<AperturePolicy> | null;
  /** @default off */
  readonly locality?: LocalityPolicy;
  /** Slow start of endpoints that join later. @default none */
  readonly warmup?: WarmupPolicy;
}

export const defaultPolicy: ClientPolicy = Object.freeze({
  balancer: Object.freeze({ kind: 'peak-ewma' }),
  pool: Object.freeze({
    maxConnections: 64,
    maxRequests: 1024,
    maxPending: 1024,
    connectTimeoutMs: 10_000,
    idleTimeoutMs: 60_000,
    maxRequestsPerConnection: 0,
    maxConnectionAgeMs: 0,
  }),
  outlier: Object.freeze({
    consecutive5xx: 5,
    consecutiveGatewayErrors: 0,
    // Counted apart and fewer than Envoy's 5: three errors of the application are no reason, three
    // times no answer is one, and a refused connection ejects at once, so a killed process is out.
    consecutiveLocalFailures: 3,
    splitLocalFailures: true,
    intervalMs: 10_000,
    baseEjectionMs: 30_000,
    maxEjectionMs: 300_000,
    successRateFactor: 1.9,
    failureRatio: 0.85,
    rateMinEndpoints: 5,
    rateMinRequests: 100,
    probeIntervalMs: 0,
    probePath: '/healthz',
    maxEjectedRatio: 0.5,
    minHealthyRatio: 0.5,
  }),
  breaker: Object.freeze({
    minCalls: 20,
    failureRatio: 0.5,
    windowMs: 10_000,
    sleepMs: 5_000,
    probes: 1,
    successesToClose: 1,
  }),
  retry: Object.freeze({
    maxRetries: 2,
    // What was certainly not processed goes again whatever its method; the rest only when idempotent.
    on: Object.freeze(['connect-failure', 'refused-stream', 'reset', 'gateway-error'] as const),
    statusCodes: Object.freeze([]),
    perTryTimeoutMs: 0,
    backoffBaseMs: 25,
    backoffMaxMs: 250,
    avoidTried: true,
    nonIdempotent: false,
  }),
  retryBudget: Object.freeze({ ratio: 0.2, minPerSecond: 10, ttlMs: 10_000 }),
  hedge: null,
  limit: null,
  throttle: null,
  // Long enough for a pause of the other side's event loop or a collection of its garbage, short
  // enough that callers who wait a second still get an answer from elsewhere.
  silence: Object.freeze({ afterMs: 500, latencyFactor: 4, minWaiting: 3 }),
  aperture: null,
  locality: Object.freeze({ enabled: false }),
  warmup: undefined,
});

const defaultAperture: AperturePolicy = Object.freeze({ endpoints: 20 });

const defaultThrottle: ThrottlePolicy = Object.freeze({
  factor: 2,
  maxRatio: 0.9,
  windowMs: 10_000,
});

/** Options over defaults, checked and frozen. Throws `invalid_argument` with the option's name and value. */
export function resolvePolicy(options: PolicyOptions = {}): ClientPolicy {
  const { retry, limit, ...rest } = options;
  return overridePolicy(
    { ...defaultPolicy, retry: overrideRetry(defaultPolicy.retry, retry) },
    limit === undefined ? rest : { ...rest, limit: limit === 'adaptive' ? {} : limit },
  );
}

/** What a resource says of one destination, over the client's own policy. Throws like `resolvePolicy`. */
export function overridePolicy(base: ClientPolicy, over: DestinationPolicy): ClientPolicy {
  return Object.freeze({
    balancer: checkBalancer(over.balancer ?? base.balancer),
    pool: checkPool(merge(base.pool, over.pool)),
    outlier: mergeNullable(defaultPolicy.outlier, base.outlier, over.outlier, checkOutlier),
    breaker: mergeNullable(defaultPolicy.breaker, base.breaker, over.breaker, checkBreaker),
    retry: base.retry,
    retryBudget: checkRetryBudget(merge(base.retryBudget, over.retryBudget)),
    hedge: overrideHedge(base.hedge, over.hedge),
    limit: mergeNullable(defaultAdaptiveLimit, base.limit, over.limit, checkAdaptiveLimit),
    throttle: mergeNullable(defaultThrottle, base.throttle, over.throttle, checkThrottle),
    silence: mergeNullable(defaultPolicy.silence, base.silence, over.silence, checkSilence),
    aperture: mergeNullable(defaultAperture, base.aperture, over.aperture, checkAperture),
    locality: checkLocality(over.locality ?? base.locality),
    warmup: checkWarmup(over.warmup ?? base.warmup),
  });
}

/** A route's retry policy over the client's. Throws like `resolvePolicy`. */
export function overrideRetry(
  base: RetryPolicy,
  over: Partial<RetryPolicy> | undefined,
): RetryPolicy {
  return checkRetry(merge(base, over));
}

/** An explicit `undefined` says nothing: it must not erase a default. */
function merge<T extends object>(base: T, over: Partial<T> | undefined): T {
  if (over === undefined) return base;
  const merged = { ...base };
  for (const key of Object.keys(over) as (keyof T)[]) {
    if (over[key] !== undefined && Object.hasOwn(base, key)) merged[key] = over[key] as T[keyof T];
  }
  return Object.freeze(merged);
}

/** `null` switches off; a part given over an off base switches on again, with the defaults below it. */
function mergeNullable<T extends object>(
  defaults: T | null,
  base: T | null,
  over: Partial<T> | null | undefined,
  check: (policy: T) => T,
): T | null {
  if (over === null) return null;
  const below = over === undefined ? base : (base ?? defaults);
  return below === null ? null : check(merge(below, over));
}

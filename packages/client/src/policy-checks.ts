import type {
  AdaptiveLimitPolicy,
  AperturePolicy,
  BalancerPolicy,
  BreakerPolicy,
  LocalityPolicy,
  OutlierPolicy,
  PoolPolicy,
  RetryBudgetPolicy,
  RetryPolicy,
  SilencePolicy,
  ThrottlePolicy,
  WarmupPolicy,
} from '@inmesh/core';
import { MeshError, maxTimerDelayMs } from '@inmesh/core';

/** Envoy's bounds of a hash ring and of a Maglev table. */
const maxRingSize = 8 * 1024 * 1024;
const maxTableSize = 5_000_011;

export function checkBalancer(balancer: BalancerPolicy): BalancerPolicy {
  switch (balancer.kind) {
    case 'peak-ewma':
      if (balancer.decayMs !== undefined) duration('balancer.decayMs', balancer.decayMs, 1);
      break;
    case 'least-request':
      if (balancer.choices !== undefined) whole('balancer.choices', balancer.choices, 2, 1024);
      break;
    case 'ring-hash':
      if (balancer.minRingSize !== undefined)
        whole('balancer.minRingSize', balancer.minRingSize, 1, maxRingSize);
      break;
    case 'maglev':
      if (balancer.tableSize !== undefined) prime('balancer.tableSize', balancer.tableSize);
      break;
    case 'round-robin':
    case 'random':
      break;
    default:
      throw refusal('balancer.kind', 'a known balancer', (balancer as { kind: unknown }).kind);
  }
  return balancer;
}

export function checkPool(pool: PoolPolicy): PoolPolicy {
  whole('pool.maxConnections', pool.maxConnections, 1);
  whole('pool.maxRequests', pool.maxRequests, 1);
  whole('pool.maxPending', pool.maxPending, 0);
  duration('pool.connectTimeoutMs', pool.connectTimeoutMs, 1);
  duration('pool.idleTimeoutMs', pool.idleTimeoutMs, 1);
  whole('pool.maxRequestsPerConnection', pool.maxRequestsPerConnection, 0);
  duration('pool.maxConnectionAgeMs', pool.maxConnectionAgeMs, 0);
  return pool;
}

export function checkOutlier(outlier: OutlierPolicy): OutlierPolicy {
  whole('outlier.consecutive5xx', outlier.consecutive5xx, 0);
  whole('outlier.consecutiveGatewayErrors', outlier.consecutiveGatewayErrors, 0);
  whole('outlier.consecutiveLocalFailures', outlier.consecutiveLocalFailures, 0);
  duration('outlier.intervalMs', outlier.intervalMs, 1);
  duration('outlier.baseEjectionMs', outlier.baseEjectionMs, 1);
  duration('outlier.maxEjectionMs', outlier.maxEjectionMs, 1);
  if (!(outlier.successRateFactor >= 0 && Number.isFinite(outlier.successRateFactor)))
    throw refusal('outlier.successRateFactor', '0 or more', outlier.successRateFactor);
  ratio('outlier.failureRatio', outlier.failureRatio);
  whole('outlier.rateMinEndpoints', outlier.rateMinEndpoints, 1);
  whole('outlier.rateMinRequests', outlier.rateMinRequests, 1);
  duration('outlier.probeIntervalMs', outlier.probeIntervalMs, 0);
  if (!/^\/[\x21-\x7e]*$/.test(outlier.probePath))
    throw refusal('outlier.probePath', "a path that starts with '/'", outlier.probePath);
  ratio('outlier.maxEjectedRatio', outlier.maxEjectedRatio);
  ratio('outlier.minHealthyRatio', outlier.minHealthyRatio);
  return outlier;
}

export function checkBreaker(breaker: BreakerPolicy): BreakerPolicy {
  whole('breaker.minCalls', breaker.minCalls, 1);
  // 0 would open on nothing at all: a breaker that no call can close.
  if (!(breaker.failureRatio > 0 && breaker.failureRatio <= 1))
    throw refusal('breaker.failureRatio', 'above 0 and at most 1', breaker.failureRatio);
  duration('breaker.windowMs', breaker.windowMs, 10);
  duration('breaker.sleepMs', breaker.sleepMs, 1);
  whole('breaker.probes', breaker.probes, 1, 1_000);
  whole('breaker.successesToClose', breaker.successesToClose, 1);
  return breaker;
}

export function checkRetry(retry: RetryPolicy): RetryPolicy {
  whole('retry.maxRetries', retry.maxRetries, 0, 100);
  duration('retry.perTryTimeoutMs', retry.perTryTimeoutMs, 0);
  duration('retry.backoffBaseMs', retry.backoffBaseMs, 0);
  duration('retry.backoffMaxMs', retry.backoffMaxMs, 0);
  if (retry.backoffMaxMs < retry.backoffBaseMs)
    throw refusal(
      'retry.backoffMaxMs',
      `at least retry.backoffBaseMs (${retry.backoffBaseMs})`,
      retry.backoffMaxMs,
    );
  for (const status of retry.statusCodes) whole('retry.statusCodes', status, 100, 999);
  return retry;
}

export function checkRetryBudget(budget: RetryBudgetPolicy): RetryBudgetPolicy {
  // Above 1 every call may be retried more than once in the long run: that is no budget.
  ratio('retryBudget.ratio', budget.ratio);
  if (!(budget.minPerSecond >= 0 && Number.isFinite(budget.minPerSecond)))
    throw refusal('retryBudget.minPerSecond', '0 or more', budget.minPerSecond);
  duration('retryBudget.ttlMs', budget.ttlMs, 10);
  return budget;
}

export function checkAdaptiveLimit(limit: AdaptiveLimitPolicy): AdaptiveLimitPolicy {
  whole('limit.minLimit', limit.minLimit, 1);
  whole('limit.maxLimit', limit.maxLimit, 1);
  if (limit.minLimit > limit.maxLimit)
    throw refusal('limit.minLimit', `at most limit.maxLimit (${limit.maxLimit})`, limit.minLimit);
  whole('limit.initialLimit', limit.initialLimit, 1);
  if (!(limit.tolerance >= 1 && limit.tolerance <= 100))
    throw refusal('limit.tolerance', 'within 1..100', limit.tolerance);
  duration('limit.windowMs', limit.windowMs, 10);
  return limit;
}

export function checkThrottle(throttle: ThrottlePolicy): ThrottlePolicy {
  // At 1 and below calls would be refused while the destination takes every one of them.
  if (!(throttle.factor > 1 && Number.isFinite(throttle.factor)))
    throw refusal('throttle.factor', 'above 1', throttle.factor);
  ratio('throttle.maxRatio', throttle.maxRatio);
  duration('throttle.windowMs', throttle.windowMs, 10);
  return throttle;
}

export function checkSilence(silence: SilencePolicy): SilencePolicy {
  duration('silence.afterMs', silence.afterMs, 1);
  if (!(silence.latencyFactor >= 1 && Number.isFinite(silence.latencyFactor)))
    throw refusal('silence.latencyFactor', '1 or more', silence.latencyFactor);
  whole('silence.minWaiting', silence.minWaiting, 1);
  return silence;
}

export function checkAperture(aperture: AperturePolicy): AperturePolicy {
  whole('aperture.endpoints', aperture.endpoints, 1);
  return aperture;
}

export function checkLocality(locality: LocalityPolicy): LocalityPolicy {
  const given = [locality.distribute, locality.failover, locality.failoverPriority];
  if (given.filter((part) => part !== undefined && part.length > 0).length > 1)
    throw refusal(
      'locality',
      'only one of distribute, failover and failoverPriority',
      Object.keys(locality).join(', '),
    );
  return locality;
}

export function checkWarmup(warmup: WarmupPolicy | undefined): WarmupPolicy | undefined {
  if (warmup === undefined) return undefined;
  duration('warmup.durationMs', warmup.durationMs, 1);
  ratio('warmup.minRatio', warmup.minRatio);
  if (!(warmup.aggression > 0 && Number.isFinite(warmup.aggression)))
    throw refusal('warmup.aggression', 'above 0', warmup.aggression);
  return warmup;
}

/** Node fires longer timers at once, so a longer duration is refused rather than misread. */
export function duration(
  name: string,
  value: number,
  min: number,
  max: number = maxTimerDelayMs,
): void {
  if (!(value >= min && value <= max))
    throw refusal(name, `within ${min}..${max} milliseconds`, value);
}

export function whole(name: string, value: number, min: number, max: number = 2 ** 32): void {
  if (!(Number.isInteger(value) && value >= min && value <= max))
    throw refusal(name, `a whole number within ${min}..${max}`, value);
}

export function ratio(name: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw refusal(name, 'within 0..1', value);
}

function prime(name: string, value: number): void {
  whole(name, value, 2, maxTableSize);
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) {
    if (value % divisor === 0) throw refusal(name, 'a prime number', value);
  }
}

export function refusal(name: string, expected: string, value: unknown): MeshError {
  return new MeshError('invalid_argument', `${name} must be ${expected}, got ${String(value)}`);
}

import type { BreakerState } from '@inmesh/core';
import type { ServiceStats } from '../snapshot.ts';

/** Hystrix's default, and the window that counts and latencies are of. */
export const commandWindowMs = 10_000;
const percentiles = ['0', '25', '50', '75', '90', '95', '99', '99.5', '100'] as const;
/** What a command's `quantilesMs` must be of. */
export const commandRatios: readonly number[] = percentiles.map((text) => Number(text) / 100);

/** What the breakers of a process go by. */
export interface BreakerThresholds {
  /** 0 where there is no breaker. */
  readonly minCalls: number;
  /** 0..1. */
  readonly failureRatio: number;
  readonly sleepMs: number;
}

/** Hystrix's defaults, and ours. */
export const defaultThresholds: BreakerThresholds = Object.freeze({
  minCalls: 20,
  failureRatio: 0.5,
  sleepMs: 5_000,
});

interface CommandState {
  readonly breaker: BreakerState;
  readonly inFlight: number;
  readonly thresholds: BreakerThresholds;
}

/**
 * One event's data with every key that Hystrix's dashboard and Turbine look for: a key that is
 * missing or null makes the dashboard throw, so what has no counterpart here is 0 or `false`.
 */
export function commandFrame(
  stats: ServiceStats,
  { breaker, inFlight, thresholds }: CommandState,
  wallNow: number,
): string {
  const { service, version } = stats;
  const byPercentile = Object.fromEntries(
    percentiles.map((percentile, index) => [percentile, Math.round(stats.quantilesMs[index] ?? 0)]),
  );
  const mean = Math.round(stats.meanMs ?? 0);
  return JSON.stringify({
    type: 'HystrixCommand',
    name: version === '' ? service : `${service}:${version}`,
    group: service,
    currentTime: Math.round(wallNow),
    isCircuitBreakerOpen: breaker === 'open',
    errorPercentage: Math.round(stats.errorRatio * 100),
    errorCount: stats.errors,
    requestCount: stats.calls,
    ...rollingCounts(stats),
    currentConcurrentExecutionCount: inFlight,
    rollingMaxConcurrentExecutionCount: inFlight,
    latencyExecute_mean: mean,
    latencyExecute: byPercentile,
    latencyTotal_mean: mean,
    latencyTotal: byPercentile,
    ...properties(thresholds),
    reportingHosts: 1,
    threadPool: service,
  });
}

function rollingCounts(stats: ServiceStats): Record<string, number> {
  const { errors, timeouts, shortCircuited, rejected } = stats;
  return {
    rollingCountBadRequests: 0,
    rollingCountCollapsedRequests: 0,
    rollingCountEmit: 0,
    rollingCountExceptionsThrown: 0,
    rollingCountFailure: errors - timeouts - shortCircuited - rejected,
    rollingCountFallbackEmit: 0,
    rollingCountFallbackFailure: 0,
    rollingCountFallbackMissing: 0,
    rollingCountFallbackRejection: 0,
    rollingCountFallbackSuccess: 0,
    rollingCountResponsesFromCache: 0,
    rollingCountSemaphoreRejected: rejected,
    rollingCountShortCircuited: shortCircuited,
    rollingCountSuccess: stats.calls - errors,
    rollingCountThreadPoolRejected: 0,
    rollingCountTimeout: timeouts,
  };
}

const properties = (thresholds: BreakerThresholds) => ({
  propertyValue_circuitBreakerRequestVolumeThreshold: thresholds.minCalls,
  propertyValue_circuitBreakerSleepWindowInMilliseconds: thresholds.sleepMs,
  propertyValue_circuitBreakerErrorThresholdPercentage: Math.round(thresholds.failureRatio * 100),
  propertyValue_circuitBreakerForceOpen: false,
  propertyValue_circuitBreakerForceClosed: false,
  propertyValue_circuitBreakerEnabled: thresholds.minCalls > 0,
  // There are no threads to isolate by: Hystrix's own word for counting instead.
  propertyValue_executionIsolationStrategy: 'SEMAPHORE',
  propertyValue_executionIsolationThreadTimeoutInMilliseconds: 0,
  propertyValue_executionTimeoutInMilliseconds: 0,
  propertyValue_executionIsolationThreadInterruptOnTimeout: false,
  propertyValue_executionIsolationThreadPoolKeyOverride: '',
  propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: 1_024,
  propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests: 0,
  propertyValue_metricsRollingStatisticalWindowInMilliseconds: commandWindowMs,
  propertyValue_requestCacheEnabled: false,
  propertyValue_requestLogEnabled: false,
});

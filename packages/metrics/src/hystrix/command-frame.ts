import type { BreakerState } from '@inmesh/core';
import type { ServiceStats } from '../snapshot.ts';

/** Hystrix's default, and the window that counts and latencies are of. */
export const commandWindowMs = 10_000;
const percentiles = ['0', '25', '50', '75', '90', '95', '99', '99.5', '100'] as const;
/** What a command's `quantilesMs` must be of. */
export const commandRatios: readonly number[] = percentiles.map((text) => Number(text) / 100);

/**
 * One event's data with every key that Hystrix's dashboard and Turbine look for: a key that is
 * missing or null makes the dashboard throw, so what has no counterpart here is 0 or `false`.
 */
export function commandFrame(stats: ServiceStats, breaker: BreakerState, wallNow: number): string {
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
    currentConcurrentExecutionCount: 0,
    rollingMaxConcurrentExecutionCount: 0,
    latencyExecute_mean: mean,
    latencyExecute: byPercentile,
    latencyTotal_mean: mean,
    latencyTotal: byPercentile,
    ...properties,
    reportingHosts: 1,
    threadPool: service,
  });
}

function rollingCounts(stats: ServiceStats): Record<string, number> {
  return {
    rollingCountBadRequests: 0,
    rollingCountCollapsedRequests: 0,
    rollingCountEmit: 0,
    rollingCountExceptionsThrown: 0,
    rollingCountFailure: stats.errors,
    rollingCountFallbackEmit: 0,
    rollingCountFallbackFailure: 0,
    rollingCountFallbackMissing: 0,
    rollingCountFallbackRejection: 0,
    rollingCountFallbackSuccess: 0,
    rollingCountResponsesFromCache: 0,
    rollingCountSemaphoreRejected: 0,
    rollingCountShortCircuited: 0,
    rollingCountSuccess: stats.calls - stats.errors,
    rollingCountThreadPoolRejected: 0,
    rollingCountTimeout: 0,
  };
}

const properties = {
  propertyValue_circuitBreakerRequestVolumeThreshold: 20,
  propertyValue_circuitBreakerSleepWindowInMilliseconds: 5_000,
  propertyValue_circuitBreakerErrorThresholdPercentage: 50,
  propertyValue_circuitBreakerForceOpen: false,
  propertyValue_circuitBreakerForceClosed: false,
  propertyValue_circuitBreakerEnabled: true,
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
};

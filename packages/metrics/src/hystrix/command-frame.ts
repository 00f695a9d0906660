import { type HystrixCommand, percentiles } from './hystrix-command.ts';

/**
 * One event's data with every key that Hystrix's dashboard and Turbine look for: a key that is
 * missing or null makes the dashboard throw, so what has no counterpart here is 0 or `false`.
 */
export function commandFrame(command: HystrixCommand, wallNow: number): string {
  const { name, group, isOpen, inFlight, counts } = command;
  const byPercentile = Object.fromEntries(
    percentiles.map((percentile, index) => [
      percentile,
      Math.round(command.quantilesMs[index] ?? 0),
    ]),
  );
  const mean = Math.round(command.meanMs);
  const errors = counts.failure + counts.timeout + counts.shortCircuited + counts.rejected;
  const requests = counts.success + errors;
  return JSON.stringify({
    type: 'HystrixCommand',
    name,
    group,
    currentTime: Math.round(wallNow),
    isCircuitBreakerOpen: isOpen,
    errorPercentage: requests === 0 ? 0 : Math.round((errors / requests) * 100),
    errorCount: errors,
    requestCount: requests,
    ...rollingCounts(counts),
    currentConcurrentExecutionCount: inFlight,
    rollingMaxConcurrentExecutionCount: inFlight,
    latencyExecute_mean: mean,
    latencyExecute: byPercentile,
    latencyTotal_mean: mean,
    latencyTotal: byPercentile,
    ...properties(command),
    reportingHosts: 1,
    threadPool: group,
  });
}

function rollingCounts(counts: HystrixCommand['counts']): Record<string, number> {
  return {
    rollingCountBadRequests: 0,
    rollingCountCollapsedRequests: counts.collapsed,
    rollingCountEmit: 0,
    rollingCountExceptionsThrown: 0,
    rollingCountFailure: counts.failure,
    rollingCountFallbackEmit: 0,
    rollingCountFallbackFailure: 0,
    rollingCountFallbackMissing: 0,
    rollingCountFallbackRejection: 0,
    rollingCountFallbackSuccess: counts.fallbackSuccess,
    rollingCountResponsesFromCache: counts.fromCache,
    rollingCountSemaphoreRejected: counts.rejected,
    rollingCountShortCircuited: counts.shortCircuited,
    rollingCountSuccess: counts.success,
    rollingCountThreadPoolRejected: 0,
    rollingCountTimeout: counts.timeout,
  };
}

function properties(command: HystrixCommand): Record<string, number | string | boolean> {
  const { thresholds, forced, timeoutMs, capacity, windowMs, isCached } = command;
  return {
    propertyValue_circuitBreakerRequestVolumeThreshold: thresholds.minCalls,
    propertyValue_circuitBreakerSleepWindowInMilliseconds: thresholds.sleepMs,
    propertyValue_circuitBreakerErrorThresholdPercentage: Math.round(thresholds.failureRatio * 100),
    propertyValue_circuitBreakerForceOpen: forced === 'open',
    propertyValue_circuitBreakerForceClosed: forced === 'closed',
    propertyValue_circuitBreakerEnabled: thresholds.minCalls > 0,
    // There are no threads to isolate by: Hystrix's own word for counting instead.
    propertyValue_executionIsolationStrategy: 'SEMAPHORE',
    propertyValue_executionIsolationThreadTimeoutInMilliseconds: timeoutMs,
    propertyValue_executionTimeoutInMilliseconds: timeoutMs,
    propertyValue_executionIsolationThreadInterruptOnTimeout: false,
    propertyValue_executionIsolationThreadPoolKeyOverride: '',
    propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: capacity,
    propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests: 0,
    propertyValue_metricsRollingStatisticalWindowInMilliseconds: windowMs,
    propertyValue_requestCacheEnabled: isCached,
    propertyValue_requestLogEnabled: false,
  };
}

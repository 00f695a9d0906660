import {
  type BreakerState,
  type CommandInspection,
  latencyBucketMiddle,
  latencyQuantile,
} from '@inmesh/core';
import type { ServiceStats } from '../snapshot.ts';

/** Hystrix's default, and the window that counts and latencies of calls are of. */
export const commandWindowMs = 10_000;
export const percentiles = ['0', '25', '50', '75', '90', '95', '99', '99.5', '100'] as const;
/** What a command's `quantilesMs` must be of. */
export const commandRatios: readonly number[] = percentiles.map((text) => Number(text) / 100);

/** What a breaker goes by. */
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

/** One row of Hystrix's dashboard: a version that is called, or a function with a command around it. */
export interface HystrixCommand {
  readonly name: string;
  readonly group: string;
  readonly isOpen: boolean;
  readonly forced: 'open' | 'closed' | undefined;
  readonly inFlight: number;
  /** Runs at once. */
  readonly capacity: number;
  /** 0 where the caller says. */
  readonly timeoutMs: number;
  readonly windowMs: number;
  readonly thresholds: BreakerThresholds;
  readonly isCached: boolean;
  /** Over the window, each counted once but for what fallbacks and caches did. */
  readonly counts: {
    readonly success: number;
    readonly failure: number;
    readonly timeout: number;
    readonly shortCircuited: number;
    readonly rejected: number;
    readonly fallbackSuccess: number;
    readonly fromCache: number;
    readonly collapsed: number;
  };
  readonly meanMs: number;
  /** Of `commandRatios`, in their order. */
  readonly quantilesMs: readonly number[];
}

/** A version of a service that this process calls. */
export function calledVersion(
  stats: ServiceStats,
  breaker: BreakerState,
  inFlight: number,
  thresholds: BreakerThresholds,
): HystrixCommand {
  const { service, version, calls, errors, timeouts, shortCircuited, rejected } = stats;
  return {
    name: version === '' ? service : `${service}:${version}`,
    group: service,
    isOpen: breaker === 'open',
    forced: undefined,
    inFlight,
    capacity: 1_024,
    timeoutMs: 0,
    windowMs: commandWindowMs,
    thresholds,
    isCached: false,
    counts: {
      success: calls - errors,
      failure: errors - timeouts - shortCircuited - rejected,
      timeout: timeouts,
      shortCircuited,
      rejected,
      fallbackSuccess: 0,
      fromCache: 0,
      collapsed: 0,
    },
    meanMs: stats.meanMs ?? 0,
    quantilesMs: stats.quantilesMs.map((ms) => ms ?? 0),
  };
}

/** The group that commands are shown in. */
const functionGroup = 'commands';

/** A command around a function of the app's (`mesh.command`). */
export function guardedFunction(given: CommandInspection): HystrixCommand {
  const { name, breaker, forced, inFlight, capacity, timeoutMs, isCached, policy, window } = given;
  const held = breaker === 'open' ? 'open' : 'closed';
  return {
    name,
    group: functionGroup,
    isOpen: breaker === 'open',
    forced: forced ? held : undefined,
    inFlight,
    capacity,
    timeoutMs,
    windowMs: policy?.windowMs ?? commandWindowMs,
    thresholds: policy ?? { ...defaultThresholds, minCalls: 0 },
    isCached,
    counts: {
      success: window.runs - window.failures,
      failure: window.failures - window.timeouts,
      timeout: window.timeouts,
      shortCircuited: window.refused,
      rejected: window.overloaded,
      fallbackSuccess: window.fallbacks,
      fromCache: window.cacheHits,
      collapsed: window.collapsed,
    },
    meanMs: meanOf(given.latencies),
    quantilesMs: commandRatios.map((ratio) => latencyQuantile(given.latencies, ratio) ?? 0),
  };
}

function meanOf(latencies: readonly number[]): number {
  let calls = 0;
  let totalMs = 0;
  for (const [bucket, count] of latencies.entries()) {
    calls += count;
    totalMs += count * latencyBucketMiddle(bucket);
  }
  return calls === 0 ? 0 : totalMs / calls;
}

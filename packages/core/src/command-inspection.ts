import type { BreakerPolicy } from './destination-policy.ts';
import type { BreakerState } from './observer.ts';

/** One command (a function with a deadline, a bulkhead, a breaker and fallbacks around it) at one moment. Plain data, safe to keep; reading it changes nothing. */
export interface CommandInspection {
  readonly name: string;
  readonly breaker: BreakerState | 'off';
  /** Whether somebody holds the breaker open or closed by `force`. */
  readonly forced: boolean;
  readonly inFlight: number;
  readonly capacity: number;
  readonly timeoutMs: number;
  /** What the breaker goes by; `null` without one. */
  readonly policy: BreakerPolicy | null;
  /** Whether one inbound request's runs may share a result. */
  readonly isCached: boolean;
  /** Since the window began, or since the breaker last closed; all 0 without a breaker. */
  readonly window: {
    readonly runs: number;
    readonly failures: number;
    /** Of the failures. */
    readonly timeouts: number;
    /** Not run, because the breaker was open. */
    readonly refused: number;
    /** Not run, because `capacity` was in use. */
    readonly overloaded: number;
    readonly fallbacks: number;
    /** Runs that were not needed, because the same request had the result. */
    readonly cacheHits: number;
    /** Of a collapser: executions that went out in batches, each of which is one run. */
    readonly collapsed: number;
  };
  /** Executions since the start that needed no run of their own: another's result was theirs, or its batch. */
  readonly shared: number;
  /** How long runs took in the last half minute to minute: a count for each `latencyBucket`. */
  readonly latencies: readonly number[];
}

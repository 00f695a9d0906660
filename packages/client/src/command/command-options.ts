import type { BreakerPolicy } from '@inmesh/core';
import { checkBreaker, duration, refusal, whole } from '../policy-checks.ts';
import { defaultPolicy } from '../policy-defaults.ts';
import { rotationMs } from './circuit.ts';
import type { CommandFallback } from './command-fallback.ts';

export interface CommandOptions<Input, Output> {
  /** How long the function may take, in milliseconds; the inbound deadline caps it. Hystrix's. @default 1_000 */
  readonly timeoutMs?: number;
  /** Runs at once; more are refused with `overloaded`, which no breaker counts. @default 100 */
  readonly capacity?: number;
  /** Several are asked in turn until one answers. @default none */
  readonly fallback?: CommandFallback<Input, Output> | readonly CommandFallback<Input, Output>[];
  /**
   * Gives the key under which one inbound request's runs share their result, while it is awaited and
   * afterwards. Never shared between requests, so never between callers. @default none
   */
  readonly cache?: (input: Input) => string;
  /** `true` for errors that are the caller's own fault: they count as successes and have no fallback. @default none */
  readonly errorFilter?: (error: unknown) => boolean;
  /** `windowMs` is in whole seconds, at most 600,000. `null` switches it off. @default Hystrix's: 20 runs, 50 %, 10 s window, 5 s sleep */
  readonly breaker?: Partial<BreakerPolicy> | null;
}

/** The options with nothing left open. */
export interface ResolvedCommand<Input, Output> {
  readonly timeoutMs: number;
  readonly capacity: number;
  readonly fallbacks: readonly CommandFallback<Input, Output>[];
  readonly cache: ((input: Input) => string) | undefined;
  readonly errorFilter: (error: unknown) => boolean;
  readonly breaker: BreakerPolicy | null;
}

/** Ten minutes: opossum adds all parts of its window up at every failure. */
const maxWindowMs = 600_000;

/** Throws `invalid_argument` with the option's name and value. */
export function resolveCommand<Input, Output>(
  options: CommandOptions<Input, Output>,
): ResolvedCommand<Input, Output> {
  const { timeoutMs = 1_000, capacity = 100, fallback = [], cache, errorFilter } = options;
  duration('timeoutMs', timeoutMs, 1);
  whole('capacity', capacity, 1);
  return Object.freeze({
    timeoutMs,
    capacity,
    fallbacks: Object.freeze('kind' in fallback ? [fallback] : [...fallback]),
    cache,
    errorFilter: errorFilter ?? (() => false),
    breaker: options.breaker === null ? null : resolveBreaker(options.breaker ?? {}),
  });
}

function resolveBreaker(over: Partial<BreakerPolicy>): BreakerPolicy {
  const breaker = checkBreaker({ ...(defaultPolicy.breaker as BreakerPolicy), ...over });
  const { windowMs } = breaker;
  if (windowMs % rotationMs !== 0 || windowMs > maxWindowMs)
    throw refusal('breaker.windowMs', `whole seconds, at most ${maxWindowMs}`, windowMs);
  return Object.freeze(breaker);
}

import type { LastGoodLimits } from '../last-good-store.ts';
import { duration, whole } from '../policy-checks.ts';
import type { CommandRun } from './command-run.ts';

/** What a command answers when its function fails, takes too long, or is not run at all. A value, made by the functions below. */
export type CommandFallback<Input, Output> =
  | { readonly kind: 'value'; readonly value: Output }
  | {
      readonly kind: 'function';
      readonly run: (input: Input, error: Error, run: CommandRun) => Output | Promise<Output>;
    }
  | ({ readonly kind: 'last-good'; readonly key: (input: Input) => string } & LastGoodLimits);

/** Always the same answer. It is shared by all callers: do not change it. */
export function fallbackValue<Output>(value: Output): CommandFallback<unknown, Output> {
  return { kind: 'value', value };
}

/**
 * What `run` gives: a call to another service, a cache, a guess. It has the command's `timeoutMs`
 * once more, within the inbound deadline, and its signal in its third argument.
 */
export function fallbackFunction<Input, Output>(
  run: (input: Input, error: Error, run: CommandRun) => Output | Promise<Output>,
): CommandFallback<Input, Output> {
  return { kind: 'function', run };
}

export interface LastGoodOptions<Input> {
  /**
   * Under what a result is kept, and so who may get it later. It must hold all that the result
   * depends on: with a user's own data, the user.
   */
  readonly key: (input: Input) => string;
  /** @default 300_000 */
  readonly maxAgeMs?: number;
  /** @default 100 */
  readonly maxEntries?: number;
}

/** The last good result of the same key, while it is young enough. Shared by all who get it: do not change it. Throws `invalid_argument`. */
export function lastGood<Input>(options: LastGoodOptions<Input>): CommandFallback<Input, never> {
  const { key, maxAgeMs = 300_000, maxEntries = 100 } = options;
  duration('lastGood.maxAgeMs', maxAgeMs, 1);
  whole('lastGood.maxEntries', maxEntries, 1);
  return { kind: 'last-good', key, maxAgeMs, maxEntries };
}

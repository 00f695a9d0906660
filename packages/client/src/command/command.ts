// Over 250 lines: one execution from its cache to its fallback, whose order is the point.
import type { Clock, CommandInspection, RequestContext } from '@inmesh/core';
import { currentContext, isMeshError, MeshError } from '@inmesh/core';
import { LastGoodStore } from '../last-good-store.ts';
import { PerRequest } from '../per-request.ts';
import type { Circuit } from './circuit.ts';
import type { CommandFallback } from './command-fallback.ts';
import type { ResolvedCommand } from './command-options.ts';
import { awaitShared, type CommandRun, type RunOutcome, runBounded } from './command-run.ts';
import { RecentLatencies } from './recent-latencies.ts';

export interface ExecuteOptions {
  /** Ends the wait with `aborted`; the breaker does not count it. Of runs that share a result, only this one's wait. */
  readonly signal?: AbortSignal;
}

/** A function with a deadline, a bulkhead, a breaker and fallbacks around it, as Hystrix's commands. */
export interface Command<Input, Output> {
  readonly name: string;
  /**
   * Runs the function, or answers by its fallback. Rejects with what the function failed with, or
   * with `deadline_exceeded`, `circuit_open`, `overloaded`, `aborted`, `closed`.
   */
  execute(input: Input, options?: ExecuteOptions): Promise<Output>;
  /** Holds the breaker open or closed whatever happens; `undefined` lets go. */
  force(state: 'open' | 'closed' | undefined): void;
  /** Changes nothing. */
  inspect(): CommandInspection;
}

export interface GuardedCommandOptions<Input, Output> {
  readonly name: string;
  readonly run: (input: Input, run: CommandRun) => Output | Promise<Output>;
  readonly resolved: ResolvedCommand<Input, Output>;
  readonly circuit: Circuit | undefined;
  readonly clock: Clock;
  readonly isClosed: () => boolean;
}

/** Results of one command that one request keeps; what comes beyond runs each time. */
const maxCached = 1_000;

/** How an execution went before any fallback. `final`: no fallback may speak for it. */
type Executed<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly error: unknown; readonly final: boolean };

export class GuardedCommand<Input, Output> implements Command<Input, Output> {
  readonly name: string;
  readonly #options: GuardedCommandOptions<Input, Output>;
  /** Of runs that have ended (cache) and of those that have not (collapsing). */
  readonly #cache = new PerRequest<Promise<Output>>(maxCached);
  readonly #stores = new Map<CommandFallback<Input, Output>, LastGoodStore<Output>>();
  readonly #latencies = new RecentLatencies();
  #inFlight = 0;
  #shared = 0;

  constructor(options: GuardedCommandOptions<Input, Output>) {
    this.name = options.name;
    this.#options = options;
    for (const fallback of options.resolved.fallbacks) {
      if (fallback.kind === 'last-good') this.#stores.set(fallback, new LastGoodStore(fallback));
    }
  }

  // `async`, so that a key function that throws fails this execution and nothing else.
  async execute(input: Input, { signal }: ExecuteOptions = {}): Promise<Output> {
    const context = currentContext();
    const { cache } = this.#options.resolved;
    if (cache === undefined || context === undefined) {
      return this.#executeOnce(input, context, signal);
    }
    const key = cache(input);
    let shared = this.#cache.find(context, key);
    this.#options.circuit?.count(shared === undefined ? 'cacheMiss' : 'cacheHit');
    if (shared !== undefined) this.#shared += 1;
    else {
      // Not bound to one caller's signal: others may be waiting for it too.
      shared = this.#executeOnce(input, context, undefined);
      this.#keep(context, key, shared);
    }
    if (signal === undefined) return shared;
    return awaitShared(shared, { name: this.name, clock: this.#options.clock, signal, context });
  }

  force(state: 'open' | 'closed' | undefined): void {
    const { circuit } = this.#options;
    if (circuit === undefined)
      throw new MeshError('invalid_argument', `${this.name} has no breaker to force ${state}`);
    circuit.force(state);
  }

  inspect(): CommandInspection {
    const { circuit, clock, resolved } = this.#options;
    const stats = circuit?.stats;
    return {
      name: this.name,
      breaker: circuit?.state ?? 'off',
      forced: circuit?.forced !== undefined,
      inFlight: this.#inFlight,
      capacity: resolved.capacity,
      timeoutMs: resolved.timeoutMs,
      policy: resolved.breaker,
      isCached: resolved.cache !== undefined,
      window: {
        runs: stats?.fires ?? 0,
        failures: stats?.failures ?? 0,
        timeouts: stats?.timeouts ?? 0,
        refused: stats?.rejects ?? 0,
        overloaded: stats?.semaphoreRejections ?? 0,
        fallbacks: stats?.fallbacks ?? 0,
        cacheHits: stats?.cacheHits ?? 0,
        collapsed: 0,
      },
      shared: this.#shared,
      latencies: this.#latencies.read(clock.now()),
    };
  }

  /** A failure is shared by those who wait already, and tried again by the next. */
  #keep(context: RequestContext, key: string, result: Promise<Output>): void {
    if (!this.#cache.keep(context, key, result)) return;
    result.catch(() => this.#cache.drop(context, key, result));
  }

  async #executeOnce(
    input: Input,
    context: RequestContext | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Output> {
    const executed = await this.#guardedRun(input, context, signal);
    if (executed.ok) return executed.value;
    const { fallbacks } = this.#options.resolved;
    if (executed.final || fallbacks.length === 0) throw executed.error;
    return this.#fallBack(input, executed.error, context, signal);
  }

  async #guardedRun(
    input: Input,
    context: RequestContext | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Executed<Output>> {
    const { circuit, clock, resolved, run, isClosed } = this.#options;
    if (isClosed()) return refused(this.#error('closed', 'its commands are closed'), true);
    if (this.#inFlight >= resolved.capacity) {
      circuit?.count('semaphoreLocked');
      return refused(this.#error('overloaded', `${resolved.capacity} runs are in flight`), false);
    }
    const ticket = circuit?.tryAcquire(clock.now()) ?? 1;
    if (ticket === 0) {
      circuit?.count('reject');
      const text = 'its breaker is open after too many failures';
      return refused(this.#error('circuit_open', text), false);
    }
    this.#inFlight += 1;
    const startedAt = clock.now();
    const outcome = await this.#bounded((run_) => run(input, run_), context, signal);
    this.#inFlight -= 1;
    const endedAt = clock.now();
    this.#latencies.add(endedAt - startedAt, endedAt);
    return this.#settle(ticket, outcome, input);
  }

  #bounded<Result>(
    body: (run: CommandRun) => Result | Promise<Result>,
    context: RequestContext | undefined,
    signal: AbortSignal | undefined,
  ): Promise<RunOutcome<Result>> {
    const { clock, resolved } = this.#options;
    const deadline = Math.min(clock.now() + resolved.timeoutMs, context?.deadline ?? Infinity);
    return runBounded(body, { name: this.name, clock, deadline, signal, context });
  }

  #settle(ticket: number, outcome: RunOutcome<Output>, input: Input): Executed<Output> {
    const { circuit } = this.#options;
    switch (outcome.kind) {
      case 'success':
        circuit?.settle(ticket, true);
        this.#remember(input, outcome.value);
        return { ok: true, value: outcome.value };
      case 'neutral':
        circuit?.settle(ticket, undefined);
        return refused(outcome.error, outcome.error.code === 'aborted');
      case 'timeout':
        circuit?.settle(ticket, false);
        circuit?.count('timeout');
        return refused(outcome.error, false);
      case 'failure': {
        const { filtered, error } = this.#filter(outcome.error);
        circuit?.settle(ticket, filtered);
        return refused(error, filtered);
      }
    }
  }

  #filter(error: unknown): { filtered: boolean; error: unknown } {
    try {
      return { filtered: this.#options.resolved.errorFilter(error) === true, error };
    } catch (thrown) {
      const cause = new AggregateError([thrown, error]);
      return { filtered: false, error: this.#error('internal', 'its errorFilter threw', cause) };
    }
  }

  #remember(input: Input, value: Output): void {
    for (const [fallback, store] of this.#stores) {
      if (fallback.kind !== 'last-good') continue;
      try {
        store.keep(fallback.key(input), value, this.#options.clock.now());
      } catch {
        // A key that cannot be made is met again, and told, when the fallback is needed.
      }
    }
  }

  async #fallBack(
    input: Input,
    error: unknown,
    context: RequestContext | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Output> {
    const failures: unknown[] = [];
    for (const fallback of this.#options.resolved.fallbacks) {
      const outcome = await this.#ask(fallback, input, asError(error), context, signal);
      if (outcome === undefined) continue;
      if (outcome.kind === 'success') {
        this.#options.circuit?.count('fallback');
        return outcome.value;
      }
      failures.push(outcome.error);
    }
    if (failures.length === 0) throw error;
    const code = isMeshError(error) ? error.code : 'internal';
    const cause = new AggregateError([error, ...failures]);
    throw this.#error(code, `${asError(error).message}; its fallback failed as well`, cause);
  }

  /** `undefined`: it has nothing to say. */
  async #ask(
    fallback: CommandFallback<Input, Output>,
    input: Input,
    error: Error,
    context: RequestContext | undefined,
    signal: AbortSignal | undefined,
  ): Promise<RunOutcome<Output> | undefined> {
    switch (fallback.kind) {
      case 'value':
        return { kind: 'success', value: fallback.value };
      case 'function':
        return this.#bounded((run) => fallback.run(input, error, run), context, signal);
      case 'last-good':
        try {
          const kept = this.#stores
            .get(fallback)
            ?.find(fallback.key(input), this.#options.clock.now());
          return kept && { kind: 'success', value: kept.value };
        } catch (thrown) {
          return { kind: 'failure', error: thrown };
        }
    }
  }

  #error(code: MeshError['code'], text: string, cause?: unknown): MeshError {
    return new MeshError(code, `${this.name}: ${text}`, { cause });
  }
}

function refused(error: unknown, final: boolean): { ok: false; error: unknown; final: boolean } {
  return { ok: false, error, final };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

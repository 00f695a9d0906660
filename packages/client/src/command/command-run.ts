import type { Clock, RequestContext, Timer } from '@inmesh/core';
import { MeshError } from '@inmesh/core';
import { isBlockedLoop } from '../blocked-loop.ts';

/** One run of a command's function: how long it has, and how it hears that nobody waits any more. */
export interface CommandRun {
  /** Aborts at the deadline and when the caller goes away. */
  readonly signal: AbortSignal;
  /** Monotonic milliseconds; pass it on to what the function calls. */
  readonly deadline: number;
  /** The inbound request that the command serves. */
  readonly context: RequestContext | undefined;
}

/** How a run ended. */
export type RunOutcome<Output> =
  | { readonly kind: 'success'; readonly value: Output }
  | { readonly kind: 'failure'; readonly error: unknown }
  | { readonly kind: 'timeout'; readonly error: MeshError }
  /** It says nothing of what the function calls: the caller went away, or our own event loop stood still. */
  | { readonly kind: 'neutral'; readonly error: MeshError };

export interface BoundedRunOptions {
  /** For errors. */
  readonly name: string;
  readonly clock: Clock;
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly context: RequestContext | undefined;
}

/**
 * Runs `body` and waits for it, its deadline or its caller's abort, whichever is first. Never
 * rejects; what `body` does later is nobody's business, not even when it fails.
 */
export function runBounded<Output>(
  body: (run: CommandRun) => Output | Promise<Output>,
  options: BoundedRunOptions,
): Promise<RunOutcome<Output>> {
  return new Promise((resolve) => new BoundedRun(options, resolve).start(body));
}

/** Waits for a result that others wait for too, until its own caller goes away. Rejects with what the run failed with, or `aborted`. */
export async function awaitShared<Output>(
  shared: Promise<Output>,
  options: Omit<BoundedRunOptions, 'deadline'>,
): Promise<Output> {
  const outcome = await runBounded(() => shared, { ...options, deadline: Infinity });
  if (outcome.kind === 'success') return outcome.value;
  throw outcome.error;
}

class BoundedRun<Output> implements CommandRun {
  readonly deadline: number;
  readonly context: RequestContext | undefined;
  readonly #options: BoundedRunOptions;
  readonly #resolve: (outcome: RunOutcome<Output>) => void;
  readonly #startedAt: number;
  #controller: AbortController | undefined;
  #outcome: RunOutcome<Output> | undefined;
  #timer: Timer | undefined;

  constructor(options: BoundedRunOptions, resolve: (outcome: RunOutcome<Output>) => void) {
    this.deadline = options.deadline;
    this.context = options.context;
    this.#options = options;
    this.#resolve = resolve;
    this.#startedAt = options.clock.now();
  }

  /** Made when it is first asked for: most functions never do, and a controller costs 2 µs. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#outcome !== undefined) this.#abort(this.#outcome);
    }
    return this.#controller.signal;
  }

  start(body: (run: CommandRun) => Output | Promise<Output>) {
    const { signal, name } = this.#options;
    if (signal?.aborted) return this.handleEvent();
    if (this.deadline <= this.#startedAt) {
      const error = new MeshError('deadline_exceeded', `${name}: the deadline had passed already`, {
        maybeProcessed: false,
      });
      return this.#end({ kind: 'neutral', error });
    }
    signal?.addEventListener('abort', this);
    this.#setTimer(this.deadline - this.#startedAt);
    let result: Output | Promise<Output>;
    try {
      result = body(this);
    } catch (error) {
      return this.#end({ kind: 'failure', error });
    }
    Promise.resolve(result).then(
      (value) => this.#end({ kind: 'success', value }),
      (error: unknown) => this.#end({ kind: 'failure', error }),
    );
  }

  /** The caller's abort. */
  handleEvent(): void {
    const { name, signal } = this.#options;
    const error = new MeshError('aborted', `${name}: the caller went away`, {
      cause: signal?.reason,
    });
    this.#end({ kind: 'neutral', error });
  }

  #setTimer(delayMs: number): void {
    // It keeps the process alive, since nothing else may be there to settle the caller's promise.
    this.#timer = this.#options.clock.setTimer(() => this.#onDue(false), delayMs, {
      keepAlive: true,
    });
  }

  #onDue(waited: boolean): void {
    const { clock, name } = this.#options;
    const blocked = isBlockedLoop(clock.now() - this.deadline);
    // The result may be there and unread: what waits in the event loop goes first, once.
    if (blocked && !waited) {
      this.#timer = clock.setTimer(() => this.#onDue(true), 0, { keepAlive: true });
      return;
    }
    const took = Math.round(clock.now() - this.#startedAt);
    const error = new MeshError('deadline_exceeded', `${name}: no result in ${took} ms`);
    this.#end({ kind: blocked ? 'neutral' : 'timeout', error });
  }

  #end(outcome: RunOutcome<Output>): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#timer?.cancel();
    this.#options.signal?.removeEventListener('abort', this);
    this.#abort(outcome);
    this.#resolve(outcome);
  }

  #abort(outcome: RunOutcome<Output>): void {
    if (outcome.kind === 'timeout' || outcome.kind === 'neutral') {
      this.#controller?.abort(outcome.error);
    }
  }
}

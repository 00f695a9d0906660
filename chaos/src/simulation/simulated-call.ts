import {
  type AttemptFailure,
  type Cluster,
  type DestinationState,
  type EndpointState,
  isRetriable,
  retryDelayMs,
  saysNoRetry,
} from '@inmesh/client/policies';
import type { Clock, Destination, HeaderPairs, Random, RequestContext, Timer } from '@inmesh/core';
import type { PlaceQueue, PlaceWaiter } from './place-queue.ts';
import {
  type AttemptOwner,
  type Deliver,
  resultOf,
  SimulatedAttempt,
} from './simulated-attempt.ts';

/** What the calls of one simulated client share. */
export interface CallRuntime {
  readonly clock: Clock;
  readonly random: Random;
  readonly places: PlaceQueue;
  readonly deliver: Deliver;
  readonly timeoutMs: number;
}

/** How a call ended. `status` 0: no answer. */
export interface CallEnd {
  readonly status: number;
  readonly attempts: number;
  readonly flag: 'ok' | 'answer' | 'no-answer' | 'time-out' | 'breaker' | 'full' | 'no-endpoints';
}

/** A GET without a body and without options of its own. */
const request = { method: 'GET', headers: [], options: {} } as const;

/**
 * One call over the real policies, step for step as the client's `outbound-call.ts` does it, without
 * what needs a socket or a route: place, breaker's ticket, deposit, then tries, where a retry asks
 * the policy, the deadline and last the budget. What is said there about the order holds here.
 */
export class SimulatedCall implements AttemptOwner, PlaceWaiter {
  ended = false;
  attempts = 0;
  readonly #runtime: CallRuntime;
  readonly #destination: DestinationState;
  readonly #context: RequestContext | undefined;
  readonly #onEnd: (end: CallEnd) => void;
  readonly #startedAt: number;
  readonly #deadline: number;
  #timer: Timer | undefined;
  #pause: Timer | undefined;
  #ticket = 0;
  #place: 'none' | 'waiting' | 'held' = 'none';
  #attempt: SimulatedAttempt | undefined;
  #tried: EndpointState[] | undefined;

  constructor(
    runtime: CallRuntime,
    { cluster, destination }: { cluster: Cluster; destination: Destination },
    context: RequestContext | undefined,
    onEnd: (end: CallEnd) => void,
  ) {
    this.#runtime = runtime;
    this.#destination = cluster.destination(destination);
    this.#context = context;
    this.#onEnd = onEnd;
    this.#startedAt = runtime.clock.now();
    this.#deadline = Math.min(this.#startedAt + runtime.timeoutMs, context?.deadline ?? Infinity);
  }

  start() {
    const { clock, places } = this.#runtime;
    if (this.#deadline <= this.#startedAt) return this.#onDue();
    this.#timer = clock.setTimer(() => this.#onDue(), this.#deadline - this.#startedAt);
    const place = places.enter(this.#destination, this);
    if (place === 'full') {
      this.#retriesSpent();
      return this.#end(0, 'full', undefined);
    }
    if (place === 'taken') return this.placed();
    this.#place = 'waiting';
  }

  placed() {
    const now = this.#runtime.clock.now();
    const { breaker, budget } = this.#destination;
    this.#place = 'held';
    if (breaker !== undefined) {
      this.#ticket = breaker.tryAcquire(now);
      if (this.#ticket === 0) {
        this.#retriesSpent();
        return this.#end(0, 'breaker', undefined);
      }
    }
    if ((this.#context?.attempt ?? 1) === 1) budget.deposit(now);
    this.#try(now);
  }

  attemptHead(attempt: SimulatedAttempt, status: number, headers: HeaderPairs) {
    if (status >= 400) {
      const failure: AttemptFailure = { status, kind: 'status', maybeProcessed: true, headers };
      const delayMs = this.#retryIn(failure);
      if (delayMs !== undefined) {
        attempt.end(resultOf(status));
        return this.#retry(delayMs);
      }
    }
    attempt.end(resultOf(status));
    const isOk = status < 500;
    this.#end(status, isOk ? 'ok' : 'answer', isOk);
  }

  attemptFailed(_attempt: SimulatedAttempt, kind: 'connect-failed' | 'reset' | 'timeout'): void {
    const maybeProcessed = kind !== 'connect-failed';
    const delayMs = this.#retryIn({ status: 0, kind, maybeProcessed, headers: undefined });
    if (delayMs === undefined) this.#end(0, 'no-answer', false);
    else this.#retry(delayMs);
  }

  #onDue(): void {
    this.#attempt?.cancel('local-failure');
    this.#end(0, 'time-out', this.attempts === 0 ? undefined : false);
  }

  #try(now: number) {
    const destination = this.#destination;
    const state = destination.pick(now, undefined, this.#tried);
    if (state === undefined) return this.#end(0, 'no-endpoints', undefined);
    this.attempts += 1;
    const { clock, deliver } = this.#runtime;
    const attempt = new SimulatedAttempt(this, state, this.attempts, clock);
    this.#attempt = attempt;
    const perTryMs = destination.retry.perTryTimeoutMs;
    attempt.start(deliver, {
      perTryMs,
      maxConnections: destination.pool.maxConnections,
      toldNumber: Math.max(this.attempts, this.#context?.attempt ?? 1),
      remainingMs: Math.min(this.#deadline - now, perTryMs === 0 ? Infinity : perTryMs),
    });
  }

  #retryIn(failure: AttemptFailure): number | undefined {
    // One layer retries: whoever called us does already.
    if ((this.#context?.attempt ?? 1) > 1) return undefined;
    const { clock, random } = this.#runtime;
    const { retry, budget } = this.#destination;
    if (saysNoRetry(failure)) this.#retriesSpent();
    if (!isRetriable(retry, request, failure)) return undefined;
    if (this.attempts > retry.maxRetries) {
      if (retry.maxRetries > 0) this.#retriesSpent();
      return undefined;
    }
    const now = clock.now();
    const delayMs = retryDelayMs(retry, this.attempts, random, failure);
    if (now + delayMs >= this.#deadline || !budget.tryWithdraw(now)) {
      this.#retriesSpent();
      return undefined;
    }
    if (retry.avoidTried) {
      this.#tried ??= [];
      this.#tried.push((this.#attempt as SimulatedAttempt).state);
    }
    return delayMs;
  }

  #retriesSpent(): void {
    if (this.#context !== undefined) this.#context.retriesSpent = true;
  }

  #retry(delayMs: number): void {
    const { clock } = this.#runtime;
    this.#attempt = undefined;
    this.#pause = clock.setTimer(() => this.#try(clock.now()), delayMs);
  }

  #end(status: number, flag: CallEnd['flag'], ok: boolean | undefined): void {
    const { clock, places } = this.#runtime;
    const now = clock.now();
    this.ended = true;
    this.#timer?.cancel();
    this.#pause?.cancel();
    if (this.#ticket !== 0) this.#destination.breaker?.settle(this.#ticket, ok, now);
    if (this.#place === 'waiting') places.leave(this.#destination);
    if (this.#place === 'held') places.release(this.#destination);
    this.#onEnd({ status, attempts: this.attempts, flag });
  }
}

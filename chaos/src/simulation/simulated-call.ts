import {
  type AttemptFailure,
  type Cluster,
  callVerdict,
  type DestinationState,
  type EndpointState,
  isFreeRetry,
  isRetriable,
  restEndpoint,
  retryDelayMs,
  type SilenceWatch,
  saysNoRetry,
  type WaitingCall,
} from '@inmesh/client/policies';
import type {
  Clock,
  Destination,
  HeaderPairs,
  Random,
  RequestContext,
  SilencePolicy,
  Timer,
} from '@inmesh/core';
import type { PlaceQueue, PlaceWaiter } from './place-queue.ts';
import {
  type AttemptOwner,
  type Deliver,
  type FailedKind,
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
  /** Calls in flight, for the watch. */
  readonly calls: Set<SimulatedCall>;
  readonly silence: SilenceWatch;
}

/** How a call ended. `status` 0: no answer. */
export interface CallEnd {
  readonly status: number;
  readonly attempts: number;
  readonly flag:
    | 'ok'
    | 'answer'
    | 'no-answer'
    | 'time-out'
    | 'breaker'
    | 'full'
    | 'throttled'
    | 'no-endpoints';
}

/** A GET without a body and without options of its own. */
const request = { method: 'GET', headers: [], options: {} } as const;

/**
 * One call over the real policies, step for step as the client's `outbound-call.ts` does it, without
 * what needs a socket or a route: place, breaker's ticket, deposit, then tries, where a retry asks
 * the policy, the deadline and last the budget. What is said there about the order holds here.
 */
export class SimulatedCall implements AttemptOwner, PlaceWaiter, WaitingCall {
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
  /** A second attempt that races `#attempt`. */
  #rival: SimulatedAttempt | undefined;
  #hedgeTimer: Timer | undefined;
  #firstTriedAt = 0;
  #answeredAt = 0;
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
    const { clock, places, calls, silence } = this.#runtime;
    if (this.#deadline <= this.#startedAt) return this.#onDue();
    calls.add(this);
    silence.started();
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
    const { clock, random } = this.#runtime;
    const now = clock.now();
    const { breaker, budget, throttle } = this.#destination;
    this.#place = 'held';
    this.#firstTriedAt = now;
    if (throttle !== undefined && !throttle.admits(now, random)) {
      this.#retriesSpent();
      return this.#end(0, 'throttled', undefined);
    }
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

  get waiting(): WaitingCall | undefined {
    return this.#attempt !== undefined && this.#rival === undefined ? this : undefined;
  }

  get endpointState(): EndpointState {
    return (this.#attempt as SimulatedAttempt).state;
  }

  get attemptedAt(): number {
    return (this.#attempt as SimulatedAttempt).startedAt;
  }

  get silence(): SilencePolicy | null {
    return this.#destination.policy.silence;
  }

  goElsewhere(): void {
    const failure = {
      status: 0,
      kind: 'timeout',
      maybeProcessed: true,
      headers: undefined,
    } as const;
    if (!this.#mayRetry(failure) || this.attempts > this.#destination.retry.maxRetries) return;
    const delayMs = this.#pay(failure);
    if (delayMs === undefined) return;
    this.#avoid();
    this.#attempt?.cancel('local-failure');
    this.#retry(delayMs);
  }

  attemptHead(attempt: SimulatedAttempt, status: number, headers: HeaderPairs) {
    const { clock, random } = this.#runtime;
    const { overloaded } = attempt;
    const result = resultOf(status, overloaded);
    this.#hedgeTimer?.cancel();
    if (overloaded) restEndpoint(attempt.state, headers, random, clock.now());
    if (this.#rival !== undefined) {
      if (status >= 500) {
        attempt.end(result);
        return this.#drop(attempt);
      }
      this.#outrun(attempt);
    }
    if (status >= 400) {
      const failure: AttemptFailure = {
        status,
        kind: 'status',
        maybeProcessed: !overloaded,
        headers,
        overloaded,
      };
      const delayMs = this.#retryIn(failure);
      if (delayMs !== undefined) {
        attempt.end(result);
        return this.#retry(delayMs);
      }
    }
    this.#answeredAt = clock.now();
    this.#destination.hedging?.answered(this.#answeredAt - this.#firstTriedAt, this.#answeredAt);
    attempt.end(result);
    this.#end(status, status < 500 ? 'ok' : 'answer', callVerdict(status, headers, overloaded));
  }

  attemptFailed(attempt: SimulatedAttempt, kind: FailedKind): void {
    if (this.#rival !== undefined) {
      this.#drop(attempt);
      return;
    }
    const maybeProcessed = kind === 'reset' || kind === 'timeout';
    const delayMs = this.#retryIn({ status: 0, kind, maybeProcessed, headers: undefined });
    if (delayMs === undefined) this.#end(0, 'no-answer', false);
    else this.#retry(delayMs);
  }

  #onDue(): void {
    this.#attempt?.cancel('local-failure');
    this.#end(0, 'time-out', this.attempts === 0 ? undefined : false);
  }

  #try(now: number) {
    const state = this.#destination.pick(now, undefined, this.#tried);
    if (state === undefined) return this.#end(0, 'no-endpoints', undefined);
    this.#attempt = this.#begin(state, now);
    if (this.attempts === 1) this.#planHedge(now);
  }

  #begin(state: EndpointState, now: number): SimulatedAttempt {
    this.attempts += 1;
    const { clock, deliver } = this.#runtime;
    const { retry, pool } = this.#destination;
    const perTryMs = retry.perTryTimeoutMs;
    const attempt = new SimulatedAttempt(this, state, this.attempts, clock);
    attempt.start(deliver, {
      perTryMs,
      maxConnections: pool.maxConnections,
      toldNumber: Math.max(this.attempts, this.#context?.attempt ?? 1),
      remainingMs: Math.min(this.#deadline - now, perTryMs === 0 ? Infinity : perTryMs),
    });
    return attempt;
  }

  #planHedge(now: number) {
    const { hedging } = this.#destination;
    if (hedging === undefined) return;
    hedging.budget.deposit(now);
    const delayMs = hedging.delayMs(now);
    const isRetry = (this.#context?.attempt ?? 1) > 1;
    if (delayMs === undefined || isRetry || now + delayMs >= this.#deadline) return;
    this.#hedgeTimer = this.#runtime.clock.setTimer(() => this.#hedge(), delayMs);
  }

  #hedge() {
    const first = this.#attempt;
    const { hedging } = this.#destination;
    const now = this.#runtime.clock.now();
    if (first === undefined || this.attempts > 1) return;
    const state = this.#destination.pickElsewhere(now, first.state);
    if (state === undefined || hedging?.budget.tryWithdraw(now) !== true) return;
    this.#rival = this.#begin(state, now);
  }

  /** One of two has failed: the call is the other's. */
  #drop(failed: SimulatedAttempt) {
    if (failed === this.#attempt) this.#attempt = this.#rival;
    this.#rival = undefined;
    this.#tried ??= [];
    this.#tried.push(failed.state);
  }

  #outrun(winner: SimulatedAttempt) {
    const loser = winner === this.#attempt ? this.#rival : this.#attempt;
    this.#attempt = winner;
    this.#rival = undefined;
    loser?.cancel('outrun');
  }

  #retryIn(failure: AttemptFailure): number | undefined {
    if (!this.#mayRetry(failure)) return undefined;
    const { maxRetries } = this.#destination.retry;
    if (this.attempts > maxRetries) {
      if (maxRetries > 0) this.#retriesSpent();
      return undefined;
    }
    const delayMs = this.#pay(failure);
    if (delayMs === undefined) this.#retriesSpent();
    else this.#avoid();
    return delayMs;
  }

  #mayRetry(failure: AttemptFailure): boolean {
    // One layer retries: whoever called us does already.
    if ((this.#context?.attempt ?? 1) > 1) return false;
    if (saysNoRetry(failure)) this.#retriesSpent();
    return isRetriable(this.#destination.retry, request, failure);
  }

  #pay(failure: AttemptFailure): number | undefined {
    const { clock, random } = this.#runtime;
    const { retry, budget } = this.#destination;
    const now = clock.now();
    const delayMs = retryDelayMs(retry, this.attempts, random, failure);
    if (now + delayMs >= this.#deadline) return undefined;
    return isFreeRetry(failure) || budget.tryWithdraw(now) ? delayMs : undefined;
  }

  #avoid(): void {
    if (!this.#destination.retry.avoidTried) return;
    this.#tried ??= [];
    this.#tried.push((this.#attempt as SimulatedAttempt).state);
  }

  #retriesSpent(): void {
    if (this.#context !== undefined) this.#context.retriesSpent = true;
  }

  #retry(delayMs: number): void {
    const { clock } = this.#runtime;
    this.#attempt = undefined;
    this.#pause = clock.setTimer(() => this.#try(clock.now()), delayMs);
  }

  /** What the limiter and the throttle learn. */
  #tellLoad(status: number, now: number): void {
    if (this.attempts === 0) return;
    const { limiter, throttle, inFlight } = this.#destination;
    const dropped = status === 0 || status === 503 || status === 429;
    throttle?.ended(!dropped, now);
    if (this.attempts > 1 && !dropped) return;
    limiter?.record((this.#answeredAt || now) - this.#firstTriedAt, inFlight, dropped, now);
  }

  #end(status: number, flag: CallEnd['flag'], ok: boolean | undefined): void {
    const { clock, places, calls } = this.#runtime;
    const now = clock.now();
    this.ended = true;
    calls.delete(this);
    this.#timer?.cancel();
    this.#pause?.cancel();
    this.#hedgeTimer?.cancel();
    this.#rival?.cancel('neutral');
    if (this.#ticket !== 0) this.#destination.breaker?.settle(this.#ticket, ok, now);
    if (this.#place === 'waiting') places.leave(this.#destination);
    if (this.#place === 'held') {
      this.#tellLoad(status, now);
      places.release(this.#destination);
    }
    this.#onEnd({ status, attempts: this.attempts, flag });
  }
}

import type {
  Call,
  CallControl,
  HeaderPairs,
  MeshErrorCode,
  Send,
  Sink,
  Timer,
} from '@inmesh/core';
import { MeshError, meshHeaders, serviceHost } from '@inmesh/core';
import { callAborted } from '../call-aborted.ts';
import { isReplayable } from '../call-body.ts';
import { addHeaders } from '../header-pairs.ts';
import type { CallFailure, CallFallback, FallbackResponse } from './call-fallback.ts';
import { FallbackLeg, FirstLeg } from './fallback-legs.ts';
import type { FallbackPlan } from './fallbacks.ts';
import type { HeldAnswer } from './held-answer.ts';
import { type KeptResponse, keyOf } from './kept-response.ts';

/** Nobody waits any more, or the call is wrong and would be wrong again. */
const final: ReadonlySet<MeshErrorCode> = new Set<MeshErrorCode>([
  'aborted',
  'invalid_argument',
  'body_consumed',
  'outbound_refused',
  'response_too_large',
  'closed',
]);

/** `calling`: the call itself. `asking` the fallbacks. `answering`: somebody does, or nobody will. */
type Phase = 'calling' | 'asking' | 'answering';

/** One call with its fallbacks: the call first, then one fallback after the other until one answers. */
export class FallbackCall implements CallControl {
  readonly #plan: FallbackPlan;
  readonly #next: Send;
  readonly #call: Call;
  readonly #sink: Sink;
  #phase: Phase = 'calling';
  /** Of the call itself, and of the call that is made now. */
  #first: CallControl | undefined;
  #control: CallControl | undefined;
  #held: HeldAnswer | undefined;
  #failure: CallFailure = { status: 0, error: undefined };
  #asked = 0;
  #failures: unknown[] = [];
  #timer: Timer | undefined;

  constructor(plan: FallbackPlan, next: Send, call: Call, sink: Sink) {
    this.#plan = plan;
    this.#next = next;
    this.#call = call;
    this.#sink = sink;
  }

  start(): void {
    this.#next(this.#call, new FirstLeg(this, this.#plan, this.#call, this.#sink));
  }

  /** The call's own control; the caller gets this object, which stands for whatever answers. */
  started(control: CallControl): void {
    this.#first = control;
    this.#control = control;
    this.#sink.start(this);
  }

  abort(reason?: unknown): void {
    const wasAsking = this.#phase === 'asking';
    if (wasAsking) this.answering();
    this.#control?.abort(reason);
    if (!wasAsking) return;
    this.#sink.fail(callAborted(this.#call.service, reason));
  }

  /** The caller's signal, while no call listens to it. */
  handleEvent(): void {
    this.abort(this.#call.signal?.reason);
  }

  resume(): void {
    this.#control?.resume();
  }

  /** The call is over, or answered badly: `held` is that answer. */
  failed(failure: CallFailure, held: HeldAnswer | undefined): void {
    const { error } = failure;
    if (error !== undefined && final.has(error.code)) {
      this.#sink.fail(error);
      return;
    }
    this.#phase = 'asking';
    this.#failure = failure;
    this.#held = held;
    this.#call.signal?.addEventListener('abort', this);
    this.#askNext();
  }

  /** A fallback's answer begins. */
  answering(): void {
    this.#stopAsking();
    this.#held?.drop();
  }

  /** The last that was asked has nothing (`undefined`) or failed. */
  fallbackFailed(failure: unknown): void {
    if (this.#phase !== 'asking') return;
    if (failure !== undefined) this.#failures.push(failure);
    this.#askNext();
  }

  #stopAsking() {
    this.#phase = 'answering';
    this.#timer?.cancel();
    this.#call.signal?.removeEventListener('abort', this);
  }

  #askNext() {
    const fallback = this.#plan.fallbacks[this.#asked];
    if (fallback === undefined) return this.#giveUp();
    this.#asked += 1;
    try {
      this.#ask(fallback);
    } catch (thrown) {
      this.fallbackFailed(thrown);
    }
  }

  #ask(fallback: CallFallback) {
    switch (fallback.kind) {
      case 'value':
        return this.#respond(fallback.kind, fallback.response);
      case 'last-good':
        return this.#respondAsBefore(fallback);
      case 'function':
        return this.#respondBy(fallback);
      case 'service':
        return this.#callService(fallback);
    }
  }

  #respond(kind: CallFallback['kind'], response: FallbackResponse) {
    const { status = 200, headers: given, body = '' } = response;
    const headers: string[] = [];
    addHeaders(headers, given, this.#call.authority);
    this.#answer(kind, { status, headers, body: Buffer.from(body as string) });
  }

  #answer(kind: CallFallback['kind'], { status, headers, body }: KeptResponse) {
    this.answering();
    const sink = this.#sink;
    sink.head({ status, statusText: '', headers: [...headers, meshHeaders.fallback, kind] });
    if (body.length > 0 && this.#call.method !== 'HEAD') sink.data(Buffer.from(body));
    sink.end(none);
  }

  #respondAsBefore(fallback: CallFallback & { kind: 'last-good' }) {
    const { stores, clock } = this.#plan;
    const key = keyOf(fallback, this.#call);
    const kept = key === undefined ? undefined : stores.get(fallback)?.find(key, clock.now());
    if (kept === undefined) return this.fallbackFailed(undefined);
    const age = Math.round(kept.ageMs / 1_000);
    const { status, headers, body } = kept.value;
    this.#answer(fallback.kind, { status, headers: [...headers, 'age', `${age}`], body });
  }

  #respondBy(fallback: CallFallback & { kind: 'function' }) {
    const made = fallback.respond(this.#call, this.#failure);
    if (!(made instanceof Promise)) return this.#respond(fallback.kind, made);
    const asked = this.#asked;
    // Whatever comes after the time-out, or after the caller went away, is not listened to.
    const isWaitedFor = () => this.#phase === 'asking' && this.#asked === asked;
    const failed = (failure: unknown) => {
      if (!isWaitedFor()) return;
      this.#timer?.cancel();
      this.fallbackFailed(failure);
    };
    const { clock } = this.#plan;
    const waitMs = this.#deadline(fallback.timeoutMs) - clock.now();
    const late = () =>
      failed(new MeshError('deadline_exceeded', `the fallback took over ${Math.round(waitMs)} ms`));
    this.#timer = clock.setTimer(late, waitMs, { keepAlive: true });
    made
      .then((response) => {
        if (isWaitedFor()) this.#respond(fallback.kind, response);
      })
      .catch(failed);
  }

  #callService({ service, timeoutMs }: CallFallback & { kind: 'service' }) {
    const call = this.#call;
    if (!isReplayable(call.body)) return this.fallbackFailed(undefined);
    const { clock, isFailure } = this.#plan;
    const second: Call = {
      ...call,
      service,
      authority: serviceHost(service),
      port: undefined,
      options: { ...call.options, timeoutMs },
      startedAt: clock.now(),
      deadline: this.#deadline(timeoutMs),
    };
    this.#next(
      second,
      new FallbackLeg(this, isFailure, this.#sink, (control) => {
        this.#control = control;
      }),
    );
  }

  #deadline(timeoutMs: number): number {
    return Math.min(this.#plan.clock.now() + timeoutMs, this.#call.context?.deadline ?? Infinity);
  }

  #giveUp() {
    this.#stopAsking();
    this.#control = this.#first;
    if (this.#held !== undefined) return this.#held.release(this.#sink);
    const error = this.#failure.error as MeshError;
    if (this.#failures.length === 0) return this.#sink.fail(error);
    const { code, service, endpoint, attempts, maybeProcessed } = error;
    this.#sink.fail(
      new MeshError(code, `${error.message}; its fallback failed as well`, {
        cause: new AggregateError([error, ...this.#failures]),
        maybeProcessed,
        ...(service === undefined ? {} : { service }),
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(attempts === undefined ? {} : { attempts }),
      }),
    );
  }
}

const none: HeaderPairs = Object.freeze([]);

// Above 250 lines: the states of one call and every way between them, which only make sense together.
import type { Duplex } from 'node:stream';
import type {
  Call,
  CallControl,
  EndedAttempt,
  EndedCall,
  Endpoint,
  Fault,
  ForwardDecision,
  HeaderPairs,
  MeshErrorCode,
  ResponseFlag,
  ResponseHead,
  RetryPolicy,
  RouteDecision,
  ServiceName,
  SilencePolicy,
  Sink,
  Timer,
} from '@inmesh/core';
import {
  isMeshError,
  joinedHeader,
  MeshError,
  meshHeaders,
  newSpanId,
  newTraceId,
  selectPort,
} from '@inmesh/core';
import { bodyBytes, destroyBody, isReplayable, onBodyError } from './call-body.ts';
import type { CallRuntime } from './call-runtime.ts';
import { callVerdict } from './call-verdict.ts';
import type { InFlight } from './calls-in-flight.ts';
import { WheelTimer } from './deadline-wheel.ts';
import type { DestinationState } from './destination-state.ts';
import { restEndpoint } from './endpoint-rest.ts';
import type { EndpointState } from './endpoint-state.ts';
import { hashKey } from './hash.ts';
import { mayHedge } from './hedge/hedging.ts';
import { sendMirrors } from './mirror.ts';
import type { WaitingPlace } from './place-queue.ts';
import { applyOperations, requestHeaders } from './request-headers.ts';
import {
  type AttemptFailure,
  isFreeRetry,
  isRetriable,
  retryDelayMs,
  saysNoRetry,
} from './retry-decision.ts';
import type { FollowedService, ListPlace } from './service-directory.ts';
import type { WaitingCall } from './silence-watch.ts';
import { Attempt, type AttemptOwner } from './transport/attempt.ts';
import type { FailureKind } from './transport/attempt-failure.ts';
import type { UpstreamHead } from './transport/upstream-head.ts';

/**
 * `new`; `delayed` by a fault; `finding` the service's endpoints; `queued` for a place; `trying` an
 * attempt; `waiting` for the next one; `answering`, once the head is handed over; `ended`.
 */
type Phase =
  | 'new'
  | 'delayed'
  | 'finding'
  | 'queued'
  | 'trying'
  | 'waiting'
  | 'answering'
  | 'ended';

/**
 * One call: a synchronous state machine that undici's callbacks and a few timers drive. There is no
 * promise in it: a caller that wants one makes it, and one that streams gets back-pressure as it is.
 *
 * The order of the steps, and why: a fault acts first, as in Istio, before anything is counted. The
 * place comes before the breaker's ticket, so that a probe never waits in a queue. The budget's
 * deposit comes once per call. A retry asks the budget last, since asking has an effect.
 *
 * It serves as its own `EndedCall`: observers read it and copy what they keep.
 */
export class OutboundCall
  extends WheelTimer
  implements CallControl, AttemptOwner, EndedCall, InFlight, WaitingCall
{
  position: number = -1;
  readonly service: ServiceName;
  readonly method: string;
  readonly path: string;
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  readonly startedAt: number;
  subset: string = '';
  route: string = '';
  endpoint: Endpoint | undefined = undefined;
  status: number = 0;
  flag: ResponseFlag = '-';
  attempts: number = 0;
  headAt: number = 0;
  endedAt: number = 0;
  readonly requestBytes: number;
  responseBytes: number = 0;
  error: MeshError | undefined = undefined;
  mutualTls: boolean = false;
  traceId: string = '';
  spanId: string = '';
  parentSpanId: string = '';
  sampled: boolean = false;

  readonly #runtime: CallRuntime;
  readonly #call: Call;
  readonly #sink: Sink;
  #phase: Phase = 'new';
  #deadline = Infinity;
  #decision: ForwardDecision | undefined = undefined;
  #followed: FollowedService | undefined = undefined;
  #destination: DestinationState | undefined = undefined;
  #listPlace: ListPlace | undefined = undefined;
  #queuePlace: WaitingPlace | undefined = undefined;
  #holdsPlace = false;
  #ticket = 0;
  #attempt: Attempt | undefined = undefined;
  /** A second attempt that races `#attempt`; the one that loses is cut, or the one that fails dropped. */
  #rival: Attempt | undefined = undefined;
  #hedgeTimer: Timer | undefined = undefined;
  #firstTriedAt = 0;
  #tried: EndpointState[] | undefined = undefined;
  #bodySent = false;
  /** What the answer says to the breaker. */
  #verdict: boolean | undefined = undefined;
  #pause: Timer | undefined = undefined;

  constructor(runtime: CallRuntime, call: Call, sink: Sink) {
    super();
    this.#runtime = runtime;
    this.#call = call;
    this.#sink = sink;
    this.service = call.service;
    this.method = call.method;
    this.path = call.path;
    this.scheme = call.scheme;
    this.authority = call.authority;
    this.startedAt = call.startedAt;
    this.requestBytes = bodyBytes(call);
  }

  /** @param decided A decision made already (a mirror's); otherwise the router is asked. */
  start(decided?: RouteDecision): void {
    this.#sink.start(this);
    if (!this.#is('ended')) this.#begin(decided);
  }

  #begin(decided: RouteDecision | undefined) {
    const runtime = this.#runtime;
    const { body, signal } = this.#call;
    if (runtime.closed) return this.#refuse('closed', 'the client is closed', '-');
    runtime.calls.add(this);
    runtime.silence.started();
    if (signal !== undefined) {
      if (signal.aborted) return this.abort(signal.reason);
      signal.addEventListener('abort', this);
    }
    if (body !== null) {
      onBodyError(body, (cause) => this.abort(this.#error('aborted', 'the body failed', cause)));
    }
    let decision: RouteDecision;
    try {
      decision = decided ?? runtime.router.current.route(this.#call, runtime.random);
    } catch (cause) {
      return this.#refuse('internal', 'the router threw', '-', cause);
    }
    this.#startTrace();
    this.route = decision.route;
    if (decision.kind === 'no-route') return this.#answer(404, none, nothing, 'NR');
    this.#setDeadline(decision);
    if (this.#is('ended')) return;
    if (decision.kind === 'forward') {
      this.#decision = decision;
      this.subset = decision.destination.subset;
    }
    if (decision.fault?.scope === 'call') this.#injectFault(decision, decision.fault);
    else this.#go(decision);
  }

  /** The caller's `AbortSignal`; the object itself is the listener, so that no closure is made. */
  handleEvent(): void {
    this.abort(this.#call.signal?.reason);
  }

  /** A `MeshError` as the reason is what the call fails with; any other is the cause of `aborted`. */
  abort(reason?: unknown): void {
    if (this.#phase === 'ended') return;
    const error = isMeshError(reason)
      ? reason
      : this.#error('aborted', 'the caller went away', reason);
    this.#attempt?.cancel('neutral', 'DC', error);
    this.#fail(error, 'DC', undefined);
  }

  resume(): void {
    this.#attempt?.resume();
  }

  /** Two that race have their answer soon: nobody needs to look after them. */
  get waiting(): WaitingCall | undefined {
    const isWaiting = this.#phase === 'trying' && this.#rival === undefined;
    return isWaiting && this.#attempt !== undefined ? this : undefined;
  }

  get endpointState(): EndpointState {
    return (this.#attempt as Attempt).state;
  }

  get attemptedAt(): number {
    return (this.#attempt as Attempt).startedAt;
  }

  get silence(): SilencePolicy | null {
    return (this.#destination as DestinationState).policy.silence;
  }

  /** Its endpoint has fallen silent. */
  goElsewhere(): void {
    const attempt = this.#attempt as Attempt;
    const failure: AttemptFailure = {
      status: 0,
      kind: 'timeout',
      maybeProcessed: attempt.sent,
      headers: undefined,
    };
    const policy = this.#retryPolicy(failure, this.#bodySent || attempt.sent);
    if (policy === undefined || this.attempts > this.#maxRetries(policy)) return;
    const delayMs = this.#pay(policy, failure);
    if (delayMs === undefined) return;
    this.#bodySent ||= attempt.sent;
    this.#avoid(policy, attempt);
    attempt.cancel(
      'local-failure',
      'UT',
      this.#error('attempt_timeout', 'its endpoint answers nobody any more'),
    );
    this.#retry(delayMs);
  }

  /** The deadline. */
  override onDue(): void {
    const took = Math.round(this.#runtime.clock.now() - this.startedAt);
    const error = this.#error(
      'deadline_exceeded',
      `no whole answer in ${took} ms and ${this.attempts} attempts`,
    );
    const { late } = this.#runtime.wheel;
    this.#attempt?.cancel(late ? 'neutral' : 'local-failure', 'UT', error);
    this.#fail(error, 'UT', this.attempts === 0 || late ? undefined : false);
  }

  listArrived(): void {
    this.#listPlace = undefined;
    this.#pause?.cancel();
    this.#listKnown();
  }

  placed(): void {
    this.#queuePlace = undefined;
    this.#admitted(this.#runtime.clock.now());
  }

  attemptHead(attempt: Attempt, head: UpstreamHead): void {
    const { status } = head;
    const decision = this.#decision as ForwardDecision;
    this.#hedgeTimer?.cancel();
    if (head.parsed[meshHeaders.draining] === '1') {
      this.#followed?.cluster.drain(attempt.state);
    }
    if (attempt.overloaded) {
      restEndpoint(attempt.state, head.headers, this.#runtime.random, attempt.headAt);
    }
    if (this.#rival !== undefined) {
      if (status >= 500) {
        attempt.discard('-');
        this.#drop(attempt);
        return;
      }
      this.#outrun(attempt);
    }
    if (status >= 400) {
      const failure: AttemptFailure = {
        status,
        kind: 'status',
        maybeProcessed: !attempt.overloaded,
        headers: head.headers,
        overloaded: attempt.overloaded,
      };
      const delayMs = this.#retryIn(failure);
      if (delayMs !== undefined) {
        attempt.discard('-');
        this.#retry(delayMs);
        return;
      }
    }
    this.#phase = 'answering';
    this.#verdict = callVerdict(status, head.headers, attempt.overloaded);
    this.status = status;
    this.headAt = attempt.headAt;
    const { hedging } = this.#destination as DestinationState;
    if (hedging !== undefined) hedging.answered(this.headAt - this.#firstTriedAt, this.headAt);
    this.mutualTls = attempt.mutualTls;
    if (this.#call.options.deadlineCoversBody === false) this.#runtime.wheel.clear(this);
    this.#sink.head(
      decision.responseHeaders === undefined
        ? head
        : {
            status,
            statusText: head.statusText,
            headers: applyOperations(head.headers, decision.responseHeaders),
          },
    );
  }

  attemptData(chunk: Buffer): boolean {
    this.responseBytes += chunk.length;
    return this.#sink.data(chunk);
  }

  attemptDone(trailers: HeaderPairs): void {
    this.#end((this.#attempt as Attempt).endedAt, this.#verdict);
    this.#sink.end(trailers);
  }

  attemptUpgraded(head: UpstreamHead, socket: Duplex): void {
    this.status = head.status;
    this.headAt = (this.#attempt as Attempt).headAt;
    this.#end(this.headAt, true);
    if (this.#sink.upgrade === undefined) socket.destroy();
    else this.#sink.upgrade(head, socket);
  }

  attemptFailed(attempt: Attempt, kind: FailureKind): void {
    if (this.#phase === 'ended') return;
    this.#bodySent ||= attempt.sent;
    if (this.#rival !== undefined) {
      this.#drop(attempt);
      return;
    }
    const error = attempt.error as MeshError;
    const { rewind } = this.#sink;
    const answering = this.#phase === 'answering';
    if (!answering || rewind !== undefined) {
      const failure: AttemptFailure = {
        status: 0,
        kind: kind.kind,
        maybeProcessed: error.maybeProcessed,
        headers: undefined,
      };
      const isOurs = kind.result === 'neutral' && kind.kind !== 'timeout';
      const delayMs = isOurs ? undefined : this.#retryIn(failure);
      if (delayMs !== undefined) {
        if (answering) this.#rewind();
        this.#retry(delayMs);
        return;
      }
    }
    const ok = kind.result === 'neutral' ? undefined : false;
    this.#fail(error, this.flag === 'URX' ? 'URX' : kind.flag, ok);
  }

  attemptEnded(attempt: EndedAttempt): void {
    this.#runtime.observers.attemptEnded(attempt);
  }

  #is(phase: Phase): boolean {
    return this.#phase === phase;
  }

  #startTrace() {
    const trace = this.#call.context?.trace;
    const { tracing, random } = this.#runtime;
    this.traceId = trace?.traceId ?? newTraceId();
    this.spanId = newSpanId();
    if (trace === undefined) {
      const { samplingRatio } = tracing.current;
      this.sampled = samplingRatio > 0 && random() < samplingRatio;
    } else {
      this.parentSpanId = trace.spanId;
      this.sampled = trace.sampled;
    }
  }

  attemptSpanId(): string {
    return this.sampled && this.#runtime.tracing.current.spans ? newSpanId() : this.spanId;
  }

  header(name: string): string | undefined {
    return joinedHeader(this.#call.headers, name);
  }

  /** Request before resource before client; the inbound deadline caps them all. */
  #setDeadline(decision: RouteDecision) {
    const { options, deadline } = this.#call;
    const ofRoute =
      decision.kind === 'forward' && decision.fault?.scope !== 'call'
        ? decision.timeoutMs
        : undefined;
    const timeoutMs = options.timeoutMs ?? ofRoute ?? this.#runtime.timeoutMs;
    this.#deadline = timeoutMs === 0 ? deadline : Math.min(deadline, this.startedAt + timeoutMs);
    if (this.#deadline <= this.startedAt) return this.onDue();
    this.#runtime.wheel.set(this, this.#deadline);
  }

  #injectFault(decision: RouteDecision, fault: Fault) {
    const { random } = this.#runtime;
    const delay = fault.delay;
    if (delay === undefined || random() >= delay.ratio) return this.#abortOrGo(decision, fault);
    this.flag = 'DI';
    this.#phase = 'delayed';
    this.#wait(delay.delayMs, () => this.#abortOrGo(decision, fault));
  }

  #abortOrGo(decision: RouteDecision, { abort }: Fault) {
    if (abort !== undefined && this.#runtime.random() < abort.ratio) {
      this.#answer(abort.status, none, nothing, 'FI');
    } else {
      this.#go(decision);
    }
  }

  #go(decision: RouteDecision) {
    if (decision.kind === 'respond') {
      return this.#answer(decision.status, decision.headers, decision.body, this.flag);
    }
    const { clock, services, sourceWaitMs } = this.#runtime;
    const { service } = (decision as ForwardDecision).destination;
    const followed = services.use(service, clock.now());
    this.#followed = followed;
    if (followed.cluster.list !== undefined) return this.#listKnown();
    this.#phase = 'finding';
    this.#listPlace = followed.wait(this);
    this.#wait(sourceWaitMs, () =>
      this.#refuse(
        'registry_unavailable',
        `its endpoints did not become known within ${sourceWaitMs} ms: is the registry reachable?`,
        'UH',
      ),
    );
  }

  #listKnown() {
    const { cluster } = this.#followed as FollowedService;
    const decision = this.#decision as ForwardDecision;
    if (cluster.list?.state === 'unknown') {
      return this.#refuse('unknown_service', 'no service of that name is registered', 'UH');
    }
    try {
      this.#destination = cluster.destination(decision.destination);
    } catch (cause) {
      return this.#refuse('invalid_argument', "the destination's policy is invalid", '-', cause);
    }
    if (decision.mirrors.length > 0) sendMirrors(this.#runtime, this.#call, decision.mirrors);
    const place = this.#runtime.places.enter(this.#destination, this);
    if (place === 'taken') return this.#admitted(this.#runtime.clock.now());
    if (place === 'full') {
      const { maxInFlight, pool } = this.#destination;
      const full = `${maxInFlight} calls are in flight and ${pool.maxPending} wait already`;
      this.#retriesSpent();
      return this.#refuse('overloaded', full, 'UO');
    }
    this.#phase = 'queued';
    this.#queuePlace = place;
  }

  #admitted(now: number) {
    const { breaker, budget, throttle } = this.#destination as DestinationState;
    this.#holdsPlace = true;
    this.#firstTriedAt = now;
    if (throttle !== undefined && !throttle.admits(now, this.#runtime.random)) {
      this.#retriesSpent();
      return this.#refuse('overloaded', 'refused here, since it refuses most calls', 'UO');
    }
    if (breaker !== undefined) {
      this.#ticket = breaker.tryAcquire(now);
      if (this.#ticket === 0) {
        this.#retriesSpent();
        return this.#refuse('circuit_open', 'its breaker is open after too many failures', 'UO');
      }
    }
    // What is a retry of somebody above must not pay for retries of ours.
    if ((this.#call.context?.attempt ?? 1) === 1) budget.deposit(now);
    this.#try(now);
  }

  #try(now: number) {
    const destination = this.#destination as DestinationState;
    const decision = this.#decision as ForwardDecision;
    const { balancer } = destination.policy;
    const hash =
      'hashOn' in balancer ? hashKey(balancer.hashOn, this.#call, this.#call.options) : undefined;
    const state = destination.pick(now, hash, this.#tried);
    if (state === undefined) {
      return this.#refuse('no_endpoints', 'none of its endpoints takes traffic', 'UH', this.error);
    }
    this.endpoint = state.endpoint;
    const port = selectPort(state.endpoint, decision.destination.port);
    if (port === undefined) {
      const asked = `${state.endpoint.id} has no port ${decision.destination.port}`;
      return this.#refuse('unknown_port', asked, 'UH');
    }
    this.#phase = 'trying';
    this.attempts += 1;
    const { clock, wheel } = this.#runtime;
    const attempt = new Attempt(this, state, this.attempts, now, clock, wheel);
    this.#attempt = attempt;
    const { fault } = decision;
    if (this.attempts === 1) this.#planHedge(now);
    if (fault?.scope === 'attempt') this.#faultAttempt(attempt, port.port, fault);
    else this.#send(attempt, port.port, now);
  }

  #planHedge(now: number) {
    const { hedging } = this.#destination as DestinationState;
    if (hedging === undefined || (this.#decision as ForwardDecision).fault !== undefined) return;
    hedging.budget.deposit(now);
    const delayMs = hedging.delayMs(now);
    if (delayMs === undefined || now + delayMs >= this.#deadline || !mayHedge(this.#call)) return;
    this.#hedgeTimer = this.#runtime.clock.setTimer(() => this.#hedge(), delayMs);
  }

  /** The first attempt is slow: a second one races it elsewhere. The budget is asked last, since asking has an effect. */
  #hedge() {
    const first = this.#attempt;
    const destination = this.#destination as DestinationState;
    const { clock, wheel } = this.#runtime;
    const now = clock.now();
    if (this.#phase !== 'trying' || first === undefined || this.attempts > 1) return;
    const state = destination.pickElsewhere(now, first.state);
    if (state === undefined) return;
    const port = selectPort(state.endpoint, (this.#decision as ForwardDecision).destination.port);
    if (port === undefined || destination.hedging?.budget.tryWithdraw(now) !== true) return;
    this.attempts += 1;
    const rival = new Attempt(this, state, this.attempts, now, clock, wheel);
    this.#rival = rival;
    this.#send(rival, port.port, now);
  }

  /** One of two has failed: the call is the other's. */
  #drop(failed: Attempt) {
    if (failed === this.#attempt) this.#attempt = this.#rival;
    this.#rival = undefined;
    this.endpoint = (this.#attempt as Attempt).endpoint;
    this.#tried ??= [];
    this.#tried.push(failed.state);
  }

  #outrun(winner: Attempt) {
    const loser = winner === this.#attempt ? this.#rival : this.#attempt;
    this.#attempt = winner;
    this.#rival = undefined;
    this.endpoint = winner.endpoint;
    loser?.cancel('outrun', '-', undefined);
  }

  #faultAttempt(attempt: Attempt, port: number, { delay, abort }: Fault) {
    const { random } = this.#runtime;
    const next = () => {
      if (abort === undefined || random() >= abort.ratio) {
        this.#phase = 'trying';
        return this.#send(attempt, port, this.#runtime.clock.now());
      }
      attempt.cancel('neutral', 'FI', undefined);
      const { status } = abort;
      const delayMs = this.#retryIn({
        status,
        kind: 'status',
        maybeProcessed: false,
        headers: none,
      });
      if (delayMs === undefined) this.#answer(status, none, nothing, 'FI');
      else this.#retry(delayMs);
    };
    if (delay === undefined || random() >= delay.ratio) return next();
    this.flag = 'DI';
    this.#phase = 'delayed';
    this.#wait(delay.delayMs, next);
  }

  #send(attempt: Attempt, port: number, now: number) {
    const runtime = this.#runtime;
    const call = this.#call;
    const decision = this.#decision as ForwardDecision;
    const destination = this.#destination as DestinationState;
    const perTryMs = decision.retries?.perTryTimeoutMs ?? destination.retry.perTryTimeoutMs;
    const dueAt = perTryMs === 0 ? Infinity : now + perTryMs;
    const authority = decision.rewriteAuthority ?? call.authority;
    const headers = requestHeaders(call, authority, decision.requestHeaders, {
      trace: {
        formats: runtime.tracing.current.formats,
        traceId: this.traceId,
        spanId: attempt.spanId,
        parentSpanId: attempt.spanId === this.spanId ? this.parentSpanId : this.spanId,
        sampled: this.sampled,
      },
      attempt: Math.max(attempt.number, call.context?.attempt ?? 1),
      remainingMs: Math.min(this.#deadline, dueAt) - now,
      peer: runtime.peer,
      priority: call.options.priority ?? call.context?.priority ?? runtime.priority,
    });
    const { rewritePath } = decision;
    const path = rewritePath === undefined ? call.path : rewritePath(call.path);
    for (const hook of runtime.attemptHooks) {
      try {
        const { endpoint, number } = attempt;
        hook({ call: this, endpoint, context: call.context, number }, headers);
      } catch (cause) {
        attempt.cancel('neutral', '-', undefined);
        return this.#refuse('internal', 'an attempt hook threw', '-', cause);
      }
    }
    const security = runtime.security(
      attempt.endpoint,
      decision.destination.policy.tls,
      call.scheme === 'https' ? hostOf(call.authority) : undefined,
    );
    if (!('kind' in security)) return attempt.refused(security);
    attempt.start(
      runtime.connections.pool(attempt.state, port, security),
      destination.pool,
      {
        path,
        method: call.method,
        headers,
        body: call.body,
        upgrade: call.upgrade ?? null,
        servername: 'unused',
        reset: null,
      },
      dueAt,
    );
  }

  /** How long to wait before the next try, or `undefined` when there is none. The budget has paid for it then. */
  #retryIn(failure: AttemptFailure): number | undefined {
    const policy = this.#retryPolicy(failure, this.#bodySent);
    if (policy === undefined) return undefined;
    const maxRetries = this.#maxRetries(policy);
    if (this.attempts > maxRetries) {
      if (maxRetries > 0) this.#retriesSpent();
      if (this.attempts > 1) this.flag = 'URX';
      return undefined;
    }
    const delayMs = this.#pay(policy, failure);
    if (delayMs === undefined) {
      this.flag = 'URX';
      this.#retriesSpent();
      return undefined;
    }
    this.#avoid(policy, this.#attempt as Attempt);
    return delayMs;
  }

  /** The policy by which `failure` may be tried again at all, however often it was. */
  #retryPolicy(failure: AttemptFailure, bodySent: boolean): RetryPolicy | undefined {
    const call = this.#call;
    const decision = this.#decision as ForwardDecision;
    if (call.upgrade !== undefined || decision.fault?.scope === 'call') return undefined;
    // One layer retries: whoever called us does already.
    if ((call.context?.attempt ?? 1) > 1) return undefined;
    if (bodySent && !isReplayable(call.body)) return undefined;
    if (saysNoRetry(failure)) this.#retriesSpent();
    const policy = (this.#destination as DestinationState).retryFor(decision.retries);
    return isRetriable(policy, call, failure) ? policy : undefined;
  }

  #maxRetries(policy: RetryPolicy): number {
    return this.#call.options.maxRetries ?? policy.maxRetries;
  }

  /** The wait before the retry, once deadline and budget allow it. The budget is asked last, since asking has an effect. */
  #pay(policy: RetryPolicy, failure: AttemptFailure): number | undefined {
    const { clock, random } = this.#runtime;
    const { budget } = this.#destination as DestinationState;
    const now = clock.now();
    const delayMs = retryDelayMs(policy, this.attempts, random, failure);
    if (now + delayMs >= this.#deadline) return undefined;
    return isFreeRetry(failure) || budget.tryWithdraw(now) ? delayMs : undefined;
  }

  #avoid({ avoidTried }: RetryPolicy, { state }: Attempt) {
    if (!avoidTried) return;
    this.#tried ??= [];
    this.#tried.push(state);
  }

  /** One layer retries, the one nearest to the failure: those above hear that it was done here. */
  #retriesSpent() {
    const { context } = this.#call;
    if (context !== undefined) context.retriesSpent = true;
  }

  #retry(delayMs: number) {
    this.error = this.#attempt?.error;
    this.#attempt = undefined;
    this.#phase = 'waiting';
    this.#wait(delayMs, () => {
      this.error = undefined;
      this.#try(this.#runtime.clock.now());
    });
  }

  #rewind() {
    this.status = 0;
    this.headAt = 0;
    this.responseBytes = 0;
    this.#sink.rewind?.();
  }

  /** A wait of the call's own: it keeps the process alive, since no socket does meanwhile. */
  #wait(ms: number, next: () => void) {
    this.#pause = this.#runtime.clock.setTimer(next, ms, { keepAlive: true });
  }

  /** An answer that no upstream gave. */
  #answer(status: number, headers: HeaderPairs, body: Uint8Array, flag: ResponseFlag) {
    this.status = status;
    this.flag = flag;
    this.headAt = this.#runtime.clock.now();
    this.#end(this.headAt, undefined);
    const sink = this.#sink;
    const head: ResponseHead = { status, statusText: '', headers };
    sink.head(head);
    if (body.length > 0) sink.data(Buffer.from(body));
    sink.end(none);
  }

  #refuse(code: MeshErrorCode, text: string, flag: ResponseFlag, cause?: unknown) {
    this.#fail(this.#error(code, text, cause), flag, undefined);
  }

  #error(code: MeshErrorCode, text: string, cause?: unknown): MeshError {
    return new MeshError(code, `${this.service}: ${text}`, {
      cause,
      service: this.service,
      attempts: this.attempts,
      maybeProcessed: this.attempts > 1 || (this.#attempt?.sent ?? false),
      ...(this.endpoint === undefined ? {} : { endpoint: this.endpoint.id }),
    });
  }

  #fail(error: MeshError, flag: ResponseFlag, ok: boolean | undefined) {
    this.error = error;
    this.flag = flag;
    this.#end(this.#runtime.clock.now(), ok);
    this.#sink.fail(error);
  }

  /** What the limiter and the throttle learn. A call that was not sent, or given up, says nothing. */
  #tellLoad(destination: DestinationState, now: number) {
    const gaveUp = this.error?.code === 'aborted' || this.error?.code === 'closed';
    if (this.attempts === 0 || gaveUp || this.#runtime.wheel.late) return;
    const dropped = this.status === 0 || this.status === 503 || this.status === 429;
    destination.throttle?.ended(!dropped, now);
    const latencyMs = (this.headAt === 0 ? now : this.headAt) - this.#firstTriedAt;
    // The latency of several tries is not the destination's.
    if (this.attempts > 1 && !dropped) return;
    destination.limiter?.record(latencyMs, destination.inFlight, dropped, now);
  }

  /** Everything is given back before the sink hears of it: what it does next finds a free place. */
  #end(now: number, ok: boolean | undefined) {
    const runtime = this.#runtime;
    const destination = this.#destination;
    this.#phase = 'ended';
    this.endedAt = now;
    if (this.dueTick >= 0) runtime.wheel.clear(this);
    this.#pause?.cancel();
    this.#hedgeTimer?.cancel();
    if (this.#rival !== undefined) {
      this.#attempt?.cancel('neutral', 'DC', undefined);
      this.#rival.cancel('neutral', 'DC', undefined);
    }
    if (this.#listPlace !== undefined) this.#followed?.leave(this.#listPlace);
    if (this.#call.signal !== undefined) this.#call.signal.removeEventListener('abort', this);
    if (this.error !== undefined) destroyBody(this.#call.body);
    runtime.observers.callEnded(this);
    if (destination !== undefined) {
      if (this.#ticket !== 0) destination.breaker?.settle(this.#ticket, ok, now);
      if (this.#queuePlace !== undefined) runtime.places.leave(destination, this.#queuePlace);
      if (this.#holdsPlace) {
        if (destination.limiter !== undefined || destination.throttle !== undefined) {
          this.#tellLoad(destination, now);
        }
        runtime.places.release(destination);
      }
    }
    runtime.calls.remove(this);
    if (runtime.closed && runtime.calls.size === 0) runtime.onIdle?.();
  }
}

const none: HeaderPairs = Object.freeze([]);
const nothing = new Uint8Array(0);

/** The authority without its port and brackets. */
function hostOf(authority: string): string {
  if (authority.startsWith('[')) return authority.slice(1, authority.indexOf(']'));
  const colon = authority.indexOf(':');
  return colon < 0 ? authority : authority.slice(0, colon);
}

// Over 250 lines: the states of one try, and undici's callbacks that move it between them.
import type { Duplex } from 'node:stream';
import type {
  AttemptedCall,
  CallBody,
  Clock,
  EndedAttempt,
  Endpoint,
  HeaderPairs,
  PoolPolicy,
  ResponseFlag,
  ServiceName,
} from '@inmesh/core';
import { MeshError, meshHeaders } from '@inmesh/core';
import type { Dispatcher } from 'undici';
import { type DeadlineWheel, WheelTimer } from '../deadline-wheel.ts';
import type { AttemptResult, EndpointState } from '../endpoint-state.ts';
import {
  attemptTimedOut,
  attemptTimedOutLate,
  classifyFailure,
  connectFailure,
  type FailureKind,
} from './attempt-failure.ts';
import type { Connection } from './connection.ts';
import type { Borrower, ConnectionPool, Waiting } from './connection-pool.ts';
import { decodePairs, type ParsedHeaders, UpstreamHead } from './upstream-head.ts';

/** The call that an attempt is one try of. All methods are called synchronously from the transport. */
export interface AttemptOwner extends AttemptedCall {
  readonly service: ServiceName;
  readonly subset: string;
  readonly method: string;
  /** For a new attempt's span: an id of its own where somebody will see it, else the call's. */
  attemptSpanId(): string;
  /** The call may hand it on or answer with `attempt.discard()`. */
  attemptHead(attempt: Attempt, head: UpstreamHead): void;
  attemptData(chunk: Buffer): boolean;
  attemptDone(trailers: HeaderPairs): void;
  attemptFailed(attempt: Attempt, failure: FailureKind): void;
  attemptUpgraded(head: UpstreamHead, socket: Duplex): void;
  /** Every attempt ends once, for those who watch. */
  attemptEnded(attempt: EndedAttempt): void;
}

/** What undici is asked to send. */
export interface AttemptRequest {
  readonly path: string;
  readonly method: string;
  /** Flat pairs, the host among them. */
  readonly headers: string[];
  readonly body: CallBody;
  readonly upgrade: string | null;
  /** Unused, and said so that undici does not parse the host for one: the socket is open already. */
  readonly servername: string;
  /** `true` closes the connection after the answer; `null` leaves it to HTTP. */
  reset: boolean | null;
}

/** How much of an unwanted body is read to save its connection, and for how long. */
const discardLimitBytes = 64 * 1024;
const discardLimitMs = 1_000;

/**
 * `waiting` for a connection, `sent` to undici, `started` on the socket, `answered` with a head,
 * `discarding` a body that nobody wants, `ended`.
 */
type Phase = 'waiting' | 'sent' | 'started' | 'answered' | 'discarding' | 'ended';

/**
 * One try of a call at one endpoint: undici's handler, one object per attempt. Never shared between
 * attempts: an aborted one still calls back.
 */
export class Attempt
  extends WheelTimer
  implements Borrower, Dispatcher.DispatchHandler, EndedAttempt
{
  // Own fields rather than getters: an observer that spreads what it got must find them.
  readonly service: ServiceName;
  readonly subset: string;
  readonly method: string;
  readonly number: number;
  readonly startedAt: number;
  readonly state: EndpointState;
  readonly endpoint: Endpoint;
  readonly call: AttemptedCall;
  readonly spanId: string;
  status: number = 0;
  flag: ResponseFlag = '-';
  endedAt: number = 0;
  error: MeshError | undefined = undefined;
  mutualTls: boolean = false;
  /** It was refused for want of capacity, before anything was done. */
  overloaded: boolean = false;

  readonly #owner: AttemptOwner;
  readonly #clock: Clock;
  readonly #wheel: DeadlineWheel;
  #phase: Phase = 'waiting';
  #request: AttemptRequest | undefined = undefined;
  #pool: ConnectionPool | undefined = undefined;
  #policy: PoolPolicy | undefined = undefined;
  #place: Waiting | undefined = undefined;
  #connection: Connection | undefined = undefined;
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #reusable = true;
  #headAt = 0;
  #discarded = 0;
  #delivering = false;
  #resumed = false;

  constructor(
    owner: AttemptOwner,
    state: EndpointState,
    number: number,
    startedAt: number,
    clock: Clock,
    wheel: DeadlineWheel,
  ) {
    super();
    this.#owner = owner;
    this.call = owner;
    this.spanId = owner.attemptSpanId();
    this.service = owner.service;
    this.subset = owner.subset;
    this.method = owner.method;
    this.state = state;
    this.endpoint = state.endpoint;
    this.number = number;
    this.startedAt = startedAt;
    this.#clock = clock;
    this.#wheel = wheel;
    state.begin();
  }

  /** Whether the request, and so a body that streams, was given away. */
  get sent(): boolean {
    return this.#controller !== undefined;
  }

  /** @param dueAt When this try must have its head, monotonic; `Infinity`: with the call. */
  start(pool: ConnectionPool, policy: PoolPolicy, request: AttemptRequest, dueAt: number): void {
    this.#request = request;
    this.#pool = pool;
    this.#policy = policy;
    if (dueAt !== Infinity) this.#wheel.set(this, dueAt);
    this.#place = pool.borrow(this, policy);
  }

  connected(connection: Connection): void {
    this.#place = undefined;
    this.#connection = connection;
    this.mutualTls = connection.mutualTls;
    this.#phase = 'sent';
    const request = this.#request as AttemptRequest;
    const most = (this.#policy as PoolPolicy).maxRequestsPerConnection;
    if (most > 0 && connection.served + 1 >= most) request.reset = true;
    connection.dispatch(request as Dispatcher.DispatchOptions, this);
  }

  refused(cause: Error): void {
    this.#place = undefined;
    this.#fail(connectFailure(cause), cause);
  }

  /** Ends it on behalf of the call: cut from the socket, taken out of the queue. */
  cancel(result: AttemptResult, flag: ResponseFlag, error: MeshError | undefined): void {
    if (this.#phase === 'ended') return;
    const wasDiscarding = this.#phase === 'discarding';
    this.#abort();
    if (!wasDiscarding) this.#end(result, flag, error);
  }

  /** The head is not wanted; the attempt counts as ended. Reads on a little to keep the connection. */
  discard(flag: ResponseFlag): void {
    this.#end(this.#result, flag, undefined);
    this.#phase = 'discarding';
    this.#wheel.set(this, this.#clock.now() + discardLimitMs);
  }

  resume(): void {
    if (this.#delivering) {
      this.#resumed = true;
      return;
    }
    const controller = this.#controller;
    if (controller === undefined || !controller.paused) return;
    // undici's parser is one for all sockets and not re-entrant: never from within its callbacks.
    queueMicrotask(() => {
      if (this.#phase === 'answered') controller.resume();
    });
  }

  override onDue(): void {
    if (this.#phase === 'discarding') this.#abort();
    else this.#fail(this.#wheel.late ? attemptTimedOutLate : attemptTimedOut, undefined);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#phase === 'sent') this.#phase = 'started';
    else controller.abort(cancelled);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ParsedHeaders,
    statusText?: string,
  ): void {
    if (status < 200 || this.#phase !== 'started') return;
    if (this.dueTick >= 0) this.#wheel.clear(this);
    this.#phase = 'answered';
    this.#headAt = this.#clock.now();
    this.state.heard(this.#headAt);
    this.status = status;
    if (status === 503) this.overloaded = headers[meshHeaders.overloaded] === '1';
    // undici closes the connection after these; nothing else may be sent on it.
    this.#reusable =
      this.method !== 'HEAD' && (headers.connection === undefined || !closes(headers.connection));
    this.#owner.attemptHead(
      this,
      new UpstreamHead(status, statusText ?? '', headers, controller.rawHeaders as Buffer[]),
    );
  }

  get #result(): AttemptResult {
    return this.overloaded ? 'neutral' : resultOf(this.status);
  }

  get headAt(): number {
    return this.#headAt;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // undici may deliver an empty chunk after `resume()`.
    if (chunk.length === 0) return;
    if (this.#phase === 'answered') {
      this.#delivering = true;
      this.#resumed = false;
      const more = this.#owner.attemptData(chunk);
      this.#delivering = false;
      if (!more && !this.#resumed && this.#phase === 'answered') controller.pause();
      return;
    }
    this.#discarded += chunk.length;
    if (this.#phase === 'discarding' && this.#discarded > discardLimitBytes) this.#abort();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const phase = this.#phase;
    if (phase !== 'answered' && phase !== 'discarding') return;
    if (phase === 'answered') this.#end(this.#result, '-', undefined);
    this.#stop();
    (this.#pool as ConnectionPool).giveBack(this.#connection as Connection, this.#reusable);
    if (phase === 'discarding') return;
    const trailers = controller.rawTrailers as Buffer[] | null;
    this.#owner.attemptDone(
      trailers === null || trailers.length === 0 ? none : decodePairs(trailers),
    );
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, cause: Error): void {
    if (this.#phase === 'discarding') this.#stop();
    if (this.#phase === 'ended') return;
    if (this.#controller === undefined) this.#notWritten(cause);
    else this.#fail(classifyFailure(cause, isStream(this.#request?.body)), cause);
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ParsedHeaders,
    socket: Duplex,
  ): void {
    const connection = this.#connection as Connection;
    connection.alive = false;
    (this.#pool as ConnectionPool).lost(connection);
    if (this.#phase !== 'started') {
      socket.destroy();
      return;
    }
    this.status = status;
    this.#headAt = this.#clock.now();
    this.state.heard(this.#headAt);
    this.#end('success', '-', undefined);
    this.#stop();
    this.#owner.attemptUpgraded(
      new UpstreamHead(status, '', headers, controller.rawHeaders as Buffer[]),
      socket,
    );
  }

  /** The request never reached the socket. A dead connection costs no retry: the next one takes it. */
  #notWritten(cause: Error): void {
    const connection = this.#connection as Connection;
    const pool = this.#pool as ConnectionPool;
    const failure = classifyFailure(cause, false);
    if (failure.result === 'neutral') {
      pool.giveBack(connection, true);
      this.#fail(failure, cause);
      return;
    }
    connection.destroy();
    pool.lost(connection);
    this.#phase = 'waiting';
    this.#connection = undefined;
    this.#place = pool.borrow(this, this.#policy as PoolPolicy);
  }

  #fail(failure: FailureKind, cause: Error | undefined): void {
    const error = new MeshError(
      failure.code,
      `${this.service}: ${failure.what}, at ${this.endpoint.id}, attempt ${this.number}`,
      {
        cause,
        service: this.service,
        endpoint: this.endpoint.id,
        attempts: this.number,
        maybeProcessed: failure.maybeProcessed && this.#controller !== undefined,
      },
    );
    this.#abort();
    this.#end(failure.result, failure.flag, error);
    this.#owner.attemptFailed(this, failure);
  }

  #abort(): void {
    const place = this.#place;
    if (place !== undefined) (this.#pool as ConnectionPool).giveUp(place);
    this.#stop();
    // Without a controller the request is still on its way to the socket: `onRequestStart` cuts it.
    this.#controller?.abort(cancelled);
  }

  /** From here on undici's callbacks change nothing. */
  #stop(): void {
    if (this.dueTick >= 0) this.#wheel.clear(this);
    this.#place = undefined;
    this.#phase = 'ended';
  }

  #end(result: AttemptResult, flag: ResponseFlag, error: MeshError | undefined): void {
    const now = this.#clock.now();
    this.flag = flag;
    this.error = error;
    this.endedAt = now;
    this.state.end(result, (this.#headAt === 0 ? now : this.#headAt) - this.startedAt, now);
    this.#owner.attemptEnded(this);
  }
}

const none: HeaderPairs = [];
/** One for all: undici only passes it back, and a stack per abort would cost more than the abort. */
const cancelled = new Error('cancelled by the call');

function resultOf(status: number): AttemptResult {
  if (status < 500 || status > 599) return 'success';
  return status === 502 || status === 503 || status === 504 ? 'gateway-error' : '5xx';
}

function closes(connection: string | string[]): boolean {
  const text = typeof connection === 'string' ? connection : connection.join();
  return text.length >= 5 && text.toLowerCase().includes('close');
}

function isStream(body: unknown): boolean {
  return (
    body !== null && body !== undefined && typeof body === 'object' && !ArrayBuffer.isView(body)
  );
}

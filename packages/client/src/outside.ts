import type { Duplex } from 'node:stream';
import type { Call, CallControl, Clock, HeaderPairs, PoolPolicy, Send, Sink } from '@inmesh/core';
import { isMeshError, MeshError } from '@inmesh/core';
import { Agent, type Dispatcher } from 'undici';
import { destroyBody, onBodyError } from './call-body.ts';
import type { CallsInFlight, InFlight } from './calls-in-flight.ts';
import { type DeadlineWheel, WheelTimer } from './deadline-wheel.ts';
import { classifyFailure, connectFailed } from './transport/attempt-failure.ts';
import { decodePairs, type ParsedHeaders, UpstreamHead } from './transport/upstream-head.ts';

export interface OutsideOptions {
  readonly clock: Clock;
  readonly wheel: DeadlineWheel;
  readonly pool: PoolPolicy;
  /** Of a call that says nothing; 0 is none. */
  readonly timeoutMs: number;
  /** Calls in flight, for `close()`. */
  readonly calls: CallsInFlight;
  readonly ended: () => void;
}

/** Sends to hosts outside the mesh: by undici alone, resolved by DNS, with nothing of the mesh's added. */
export interface Outside {
  readonly send: Send;
  /** Idempotent. */
  close(): Promise<void>;
}

export function createOutside(options: OutsideOptions): Outside {
  const { pool } = options;
  let agent: Agent | undefined;
  const agentOf = (): Agent => {
    agent ??= new Agent({
      connections: pool.maxConnections,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: pool.idleTimeoutMs,
      connect: { timeout: pool.connectTimeoutMs, maxCachedSessions: 0 },
    });
    return agent;
  };
  return {
    send: (call, sink) => new OutsideCall(options, call, sink).send(agentOf()),
    close: async () => {
      const open = agent;
      agent = undefined;
      await open?.destroy();
    },
  };
}

/** One call to the outside: one try, one deadline. */
class OutsideCall extends WheelTimer implements CallControl, InFlight, Dispatcher.DispatchHandler {
  position: number = -1;
  readonly #options: OutsideOptions;
  readonly #call: Call;
  readonly #sink: Sink;
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #ended = false;
  #answered = false;

  constructor(options: OutsideOptions, call: Call, sink: Sink) {
    super();
    this.#options = options;
    this.#call = call;
    this.#sink = sink;
  }

  send(agent: Agent): void {
    const call = this.#call;
    const { wheel, timeoutMs, calls } = this.#options;
    calls.add(this);
    this.#sink.start(this);
    if (this.#ended) return;
    if (call.signal?.aborted) {
      this.abort(call.signal.reason);
      return;
    }
    call.signal?.addEventListener('abort', this);
    onBodyError(call.body, (error) => this.abort(error));
    const own = call.options.timeoutMs ?? timeoutMs;
    wheel.set(this, own === 0 ? call.deadline : Math.min(call.deadline, call.startedAt + own));
    agent.dispatch(
      {
        origin: `${call.scheme}://${call.authority}`,
        path: call.path,
        method: call.method as Dispatcher.HttpMethod,
        headers: call.headers,
        body: call.body as Buffer | null,
        upgrade: call.upgrade ?? null,
      },
      this,
    );
  }

  handleEvent(): void {
    this.abort(this.#call.signal?.reason);
  }

  abort(reason?: unknown): void {
    if (this.#ended) return;
    const error = isMeshError(reason)
      ? reason
      : this.#error('aborted', 'the caller went away', reason);
    this.#fail(error);
    // Still queued in undici: `onRequestStart` cuts it when its turn comes.
    this.#controller?.abort(error);
  }

  resume(): void {
    const controller = this.#controller;
    if (controller?.paused !== true) return;
    queueMicrotask(() => {
      if (!this.#ended) controller.resume();
    });
  }

  override onDue(): void {
    this.abort(this.#error('deadline_exceeded', 'no whole answer in time'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) controller.abort(new Error('cancelled by the call'));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ParsedHeaders,
    statusText?: string,
  ): void {
    if (status < 200 || this.#ended) return;
    this.#answered = true;
    if (this.#call.options.deadlineCoversBody === false) this.#options.wheel.clear(this);
    const raw = controller.rawHeaders as Buffer[];
    this.#sink.head(new UpstreamHead(status, statusText ?? '', headers, raw));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (chunk.length === 0 || this.#ended) return;
    if (!this.#sink.data(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#ended) return;
    this.#end();
    const raw = controller.rawTrailers as Buffer[] | null;
    this.#sink.end(raw === null || raw.length === 0 ? none : decodePairs(raw));
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, cause: Error): void {
    if (this.#ended) return;
    const streaming = this.#call.body !== null && !(this.#call.body instanceof Uint8Array);
    const failure =
      this.#controller === undefined && !isOurs(cause)
        ? connectFailed
        : classifyFailure(cause, streaming && !this.#answered);
    this.#fail(this.#error(failure.code, failure.what, cause));
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ParsedHeaders,
    socket: Duplex,
  ): void {
    if (this.#ended || this.#sink.upgrade === undefined) {
      socket.destroy();
      return;
    }
    this.#end();
    const raw = controller.rawHeaders as Buffer[];
    this.#sink.upgrade(new UpstreamHead(status, '', headers, raw), socket);
  }

  #error(code: MeshError['code'], text: string, cause?: unknown): MeshError {
    const maybeProcessed = this.#controller !== undefined;
    return new MeshError(code, `${this.#call.authority}: ${text}`, { cause, maybeProcessed });
  }

  #fail(error: MeshError): void {
    this.#end();
    destroyBody(this.#call.body);
    this.#sink.fail(error);
  }

  #end(): void {
    this.#ended = true;
    this.#options.wheel.clear(this);
    this.#call.signal?.removeEventListener('abort', this);
    this.#options.calls.remove(this);
    this.#options.ended();
  }
}

const none: HeaderPairs = Object.freeze([]);

/** Whether undici refused what it was given, as against failing to reach somebody. */
function isOurs(cause: Error): boolean {
  const { code } = cause as { code?: unknown };
  return code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED';
}

import type { Duplex, Readable } from 'node:stream';
import type { MeshError } from './mesh-error.ts';
import type { Priority } from './priority.ts';
import type { RequestContext } from './request-context.ts';
import type { ServiceName } from './service-name.ts';

/** Header names and values in turn (`['accept', '*', 'x-a', '1']`), names lower-case, repeats allowed. */
export type HeaderPairs = readonly string[];

/** The first value of `name` (lower-case) in flat pairs. */
export function headerValue(headers: HeaderPairs, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name) return headers[i + 1];
  }
  return undefined;
}

/** Every value of `name` (lower-case) in order, joined as HTTP says; `undefined` when there is none. */
export function joinedHeader(headers: HeaderPairs, name: string): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === name)
      joined = joined === undefined ? headers[i + 1] : `${joined},${headers[i + 1]}`;
  }
  return joined;
}

/** What a request may carry. Strings, bytes and `null` can be sent again; streams only once. */
export type CallBody = null | string | Uint8Array | Readable | AsyncIterable<Uint8Array>;

/** What routing looks at; every call is one. */
export interface RouteRequest {
  /** The service that the URL's host names; '' when the host is outside the mesh. */
  readonly service: ServiceName;
  readonly scheme: 'http' | 'https';
  /** The `Host` header: the URL's host as it was written, with its port when it has one. */
  readonly authority: string;
  /** The URL's port, when it was written. */
  readonly port: number | undefined;
  /** Upper-case. */
  readonly method: string;
  /** Path and query, from the first `/`; no fragment. */
  readonly path: string;
  readonly headers: HeaderPairs;
  /** The inbound request that this call serves, captured when the call started. */
  readonly context: RequestContext | undefined;
  /** What the caller said of this call; routing reads `hashKey`. */
  readonly options?: CallOptions;
}

/** What the caller may say about one call; what is absent comes from routes, options and defaults. */
export interface CallOptions {
  /** For the whole call with all its tries and waits, up to the end of the body; 0 is none. */
  readonly timeoutMs?: number;
  /** Further tries at most; 0 never retries. */
  readonly maxRetries?: number;
  /** The caller vouches that sending this request twice does no harm. @default by method and `idempotency-key` */
  readonly idempotent?: boolean;
  /** What consistent hashing and sticky routes go by, when it is none of the request's own fields. */
  readonly hashKey?: string;
  /** What is shed first under load, `batch`, and last, `critical`. @default that of the inbound request, then the client's */
  readonly priority?: Priority;
  /** `false`: the deadline ends with the response's head (long polls, streams). @default true */
  readonly deadlineCoversBody?: boolean;
}

/** One call of a caller, whatever number of attempts it takes. Interceptors may read it, add headers and set `deadline`. */
export interface Call extends RouteRequest {
  readonly headers: string[];
  readonly body: CallBody;
  readonly options: CallOptions;
  readonly signal: AbortSignal | undefined;
  /** The protocol to change to (`websocket`), for a sink that has `upgrade`. Such a call is never retried. */
  readonly upgrade?: string | undefined;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  /** Absolute, monotonic milliseconds; `Infinity` for none. */
  deadline: number;
}

/** The head of a response, handed over once a retry is out of the question. */
export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  /** As they came: repeats kept, names in the upstream's spelling lower-cased. */
  readonly headers: HeaderPairs;
}

/**
 * Where a call's answer goes. Exactly one of `end` and `fail` ends it; `head` comes at most once
 * and before `data`. Methods are called synchronously from the transport and must not throw.
 */
export interface Sink {
  /** Tells how to slow down and stop what follows; comes once, before everything else. */
  start(control: CallControl): void;
  head(head: ResponseHead): void;
  /** `false` asks for a pause until `control.resume()`. The chunk is the sink's to keep. */
  data(chunk: Buffer): boolean;
  /** `trailers` are usually empty. */
  end(trailers: HeaderPairs): void;
  fail(error: MeshError): void;
  /** The upstream changed protocols: the socket is the sink's, and the call has ended. Instead of `end`. */
  upgrade?(head: ResponseHead, socket: Duplex): void;
  /**
   * Says, by being there, that nothing is handed on before `end`: so a body that was cut may be
   * asked for again. Forget what came so far; another `head` follows, or `fail`.
   */
  rewind?(): void;
}

export interface CallControl {
  /** Cancels everything: the attempt, the back-off, the wait in a queue. The sink's `fail` gets `aborted` with `reason` as its cause. */
  abort(reason?: unknown): void;
  resume(): void;
}

/** Starts a call. Never throws and never blocks: every failure arrives at the sink. */
export type Send = (call: Call, sink: Sink) => void;

/**
 * Wraps the whole call, around retries. Composed once when the client is made, so the outer
 * function may prepare what the inner one needs: `(next) => (call, sink) => next(call, sink)`.
 */
export type Interceptor = (next: Send) => Send;

import { getMaxListeners, setMaxListeners } from 'node:events';
import type { Call, CallBody, CallOptions, Clock, RequestContext, ServiceName } from '@inmesh/core';
import { currentContext, MeshError, maxTimerDelayMs } from '@inmesh/core';
import { checkUnread } from './call-body.ts';
import { type Origin, shownUrl } from './mesh-hosts.ts';

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const usualMethods: ReadonlySet<string> = new Set([
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'HEAD',
  'OPTIONS',
]);

const noOptions: CallOptions = Object.freeze({});

/** What a face knows of a call. Everything is checked when it becomes a call, before any I/O. */
export interface CallInput {
  readonly origin: Origin;
  readonly path: string;
  readonly method: string;
  /** Checked by `addHeaders`. */
  readonly headers: string[];
  readonly body: CallBody;
  readonly options: CallOptions | undefined;
  readonly signal: AbortSignal | undefined;
  readonly upgrade: string | undefined;
}

/** A call as it goes through the interceptors. A class, so that all have one shape. */
export class PreparedCall implements Call {
  readonly service: ServiceName;
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  readonly port: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly headers: string[];
  readonly context: RequestContext | undefined;
  readonly body: CallBody;
  readonly options: CallOptions;
  readonly signal: AbortSignal | undefined;
  readonly upgrade: string | undefined;
  readonly startedAt: number;
  deadline: number;

  /** Throws `invalid_argument` or `body_consumed`. The context is captured here, once. */
  constructor(input: CallInput, clock: Clock) {
    const { origin, body, headers } = input;
    const options = input.options ?? noOptions;
    this.service = origin.service;
    this.scheme = origin.scheme;
    this.authority = origin.authority;
    this.port = origin.port;
    this.method = checkMethod(input.method);
    this.path = input.path;
    this.headers = headers;
    this.context = currentContext();
    this.body = typeof body === 'string' ? Buffer.from(body) : body;
    this.options = options;
    this.signal = input.signal;
    if (input.signal !== undefined) expectManyCalls(input.signal);
    this.upgrade = input.upgrade;
    if (body !== null) this.#checkBody();
    if (options !== noOptions) checkOptions(options);
    this.startedAt = clock.now();
    const { timeoutMs } = options;
    const own = timeoutMs === undefined || timeoutMs === 0 ? Infinity : this.startedAt + timeoutMs;
    this.deadline = Math.min(own, this.context?.deadline ?? Infinity);
  }

  #checkBody(): void {
    const { body, headers } = this;
    checkUnread(body, `${this.method} ${shownUrl(this.path)}`);
    if (!(body instanceof Uint8Array)) return;
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i] !== 'content-length' || Number(headers[i + 1]) === body.byteLength) continue;
      throw new MeshError(
        'invalid_argument',
        `header content-length says ${headers[i + 1]}, and the body has ${body.byteLength} bytes`,
      );
    }
  }
}

/** What undici's fetch allows, for the same reason: many calls under one signal are no leak. */
const maxCallsPerSignal = 1_500;

function expectManyCalls(signal: AbortSignal): void {
  // Another realm's or a polyfilled signal is left as it is: Node counts only its own.
  if (!(signal instanceof EventTarget)) return;
  if (getMaxListeners(signal) < maxCallsPerSignal) setMaxListeners(maxCallsPerSignal, signal);
}

/** Upper-case for the methods that everybody knows; others are case-sensitive, as HTTP says. */
function checkMethod(method: string): string {
  if (usualMethods.has(method)) return method;
  if (typeof method === 'string' && token.test(method)) {
    const upper = method.toUpperCase();
    if (upper !== 'CONNECT') return usualMethods.has(upper) ? upper : method;
  }
  throw new MeshError(
    'invalid_argument',
    `method ${JSON.stringify(method)} must be an HTTP token other than CONNECT`,
  );
}

function checkOptions({ timeoutMs, maxRetries }: CallOptions): void {
  if (timeoutMs !== undefined && !(timeoutMs >= 0 && timeoutMs <= maxTimerDelayMs)) {
    throw new MeshError(
      'invalid_argument',
      `timeoutMs must be within 0..${maxTimerDelayMs} (a longer one would fire at once), got ${timeoutMs}`,
    );
  }
  if (
    maxRetries !== undefined &&
    !(Number.isInteger(maxRetries) && maxRetries >= 0 && maxRetries <= 100)
  ) {
    throw new MeshError(
      'invalid_argument',
      `maxRetries must be a whole number within 0..100, got ${maxRetries}`,
    );
  }
}

import { type ServerResponse, STATUS_CODES } from 'node:http';
import type {
  HeaderPairs,
  MeshErrorCode,
  Problem,
  RequestRefusal,
  ResponseFlag,
} from '@inmesh/core';
import type { Exchange } from './exchange.ts';

/** The request goes on to its handler. */
export interface Proceed {
  readonly kind: 'proceed';
}

/** The request is answered here and its handler never runs. `reason` and `rule` are for operators and never sent. */
export interface Refusal extends RequestRefusal {
  readonly kind: 'refusal';
  readonly status: number;
  /** For programs; stable over releases. */
  readonly code: MeshErrorCode;
  /** For people. It reaches the caller: nothing secret, nothing of other callers. */
  readonly detail: string;
  /** Further response headers, such as `retry-after`. */
  readonly headers: HeaderPairs;
  /** What metrics show as `response_flags`. */
  readonly flag: ResponseFlag;
}

/** The request is answered here, and rightly so: a CORS preflight. Its body is empty. */
export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: HeaderPairs;
}

export const proceed: Proceed = Object.freeze({ kind: 'proceed' });

export interface RefusalOptions {
  /** @default [] */
  readonly headers?: HeaderPairs;
  /** @default '-' */
  readonly flag?: ResponseFlag;
  /** For operators. @default `detail` */
  readonly reason?: string;
  /** The resource and rule that decided. @default '' */
  readonly rule?: string;
}

/** Makes a refusal: `return refuse(403, 'forbidden', 'ratings may only be called by reviews')`. */
export function refuse(
  status: number,
  code: MeshErrorCode,
  detail: string,
  options: RefusalOptions = {},
): Refusal {
  const { headers = [], flag = '-', reason = detail, rule = '' } = options;
  return { kind: 'refusal', status, code, detail, headers, flag, reason, rule };
}

/** So that observers hear of it when the response has ended. */
export function noteRefusal(exchange: Exchange, refusal: Refusal): void {
  exchange.flag = refusal.flag;
  exchange.refusal = refusal;
}

/** Ends a request that a step stopped. */
export function sendStop(response: ServerResponse, stop: Refusal | Answer): void {
  if (stop.kind === 'refusal') sendRefusal(response, stop);
  else sendAnswer(response, stop);
}

function sendAnswer(response: ServerResponse, { status, headers }: Answer): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.statusCode = status;
  setHeaders(response, headers);
  response.setHeader('content-length', 0);
  response.end();
}

/** Sets what a step asked for; the handler may still set a header of the same name. */
export function setHeaders(response: ServerResponse, pairs: HeaderPairs): void {
  for (let i = 0; i < pairs.length; i += 2) {
    response.setHeader(pairs[i] as string, pairs[i + 1] as string);
  }
}

/**
 * Answers with `application/problem+json`. When the head is gone already the connection is cut:
 * a truncated answer that looks whole would be worse.
 */
export function sendRefusal(response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What a handler prepared before it failed (a cookie, an ETag) belongs to the answer it did not
  // give. Drain's two headers speak of the connection and stay, and so do those of CORS, without
  // which a page could not read why it was refused.
  for (const name of response.getHeaderNames()) {
    const stays = name === 'connection' || name === 'inmesh-draining' || name === 'vary';
    if (!stays && !name.startsWith('access-control-')) response.removeHeader(name);
  }
  const { status, code, detail, headers } = refusal;
  const problem: Problem = {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    code,
  };
  const body = JSON.stringify(problem);
  response.statusCode = status;
  setHeaders(response, headers);
  response.setHeader('content-type', 'application/problem+json');
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
}

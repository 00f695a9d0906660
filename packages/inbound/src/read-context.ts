import {
  meshHeaders,
  parsePriority,
  type Random,
  type RequestContext,
  receiveTrace,
  type TracePolicySource,
} from '@inmesh/core';
import { type InboundRequest, requestHeader } from './inbound-request.ts';

export interface ContextOptions {
  readonly maxTimeoutMs: number;
  readonly tracing: TracePolicySource;
  readonly passOnHeaders: readonly string[];
  readonly passOn: (request: InboundRequest) => readonly string[];
  readonly random: Random;
}

/** The W3C recommendation for what a platform should at least carry; more is dropped whole. */
const maxBaggageBytes = 8192;
/** Of one header that is passed on: it is multiplied by every call that follows. */
const maxPassedOnLength = 1024;

/** What the request's headers say about trace, deadline, baggage, attempt and priority. Malformed ones count as absent. */
export function readContext(
  request: InboundRequest,
  now: number,
  options: ContextOptions,
): RequestContext {
  const baggage = requestHeader(request, 'baggage') ?? '';
  return {
    trace: receiveTrace(
      (name) => requestHeader(request, name),
      options.tracing.current,
      options.random,
    ),
    deadline: readDeadline(requestHeader(request, meshHeaders.timeoutMs), now, options),
    identity: undefined,
    baggage: baggage.length <= maxBaggageBytes ? baggage : '',
    passOn: readPassOn(request, options),
    attempt: readAttempt(requestHeader(request, meshHeaders.attempt)),
    priority: parsePriority(requestHeader(request, meshHeaders.priority)),
  };
}

// Ten digits hold 115 days in milliseconds; a longer number is no time-out.
const wholeNumber = /^\d{1,10}$/;

function readDeadline(header: string | undefined, now: number, options: ContextOptions): number {
  if (header === undefined || !wholeNumber.test(header)) return Number.POSITIVE_INFINITY;
  return now + Math.min(Number(header), options.maxTimeoutMs);
}

// Nobody tries a thousand times; a longer number is no attempt.
const attemptNumber = /^[1-9]\d{0,2}$/;

function readAttempt(header: string | undefined): number {
  return header !== undefined && attemptNumber.test(header) ? Number(header) : 1;
}

const nothing: readonly string[] = Object.freeze([]);

function readPassOn(
  request: InboundRequest,
  { passOnHeaders: names, passOn }: ContextOptions,
): readonly string[] {
  let pairs: string[] | undefined;
  for (const name of names) {
    const value = requestHeader(request, name);
    if (value === undefined || value.length > maxPassedOnLength) continue;
    if (pairs === undefined) pairs = [name, value];
    else pairs.push(name, value);
  }
  const further = passOn(request);
  for (let i = 0; i < further.length; i += 2) {
    const [name, value] = [further[i] as string, further[i + 1] as string];
    // A name that is there twice would be joined by whoever reads it, and be another key.
    if (names.includes(name) || value.length > maxPassedOnLength) continue;
    if (pairs === undefined) pairs = [name, value];
    else pairs.push(name, value);
  }
  return pairs ?? nothing;
}

import type { CallOptions, HeaderPairs, Random, RetryCondition, RetryPolicy } from '@inmesh/core';
import { headerValue, meshHeaders } from '@inmesh/core';
import { fullJitterMs } from './backoff.ts';
import { isIdempotent } from './idempotency.ts';
import { retryAfterMs } from './retry-after.ts';

/** How one attempt failed. */
export interface AttemptFailure {
  /** 0: no answer. */
  readonly status: number;
  /**
   * `refused`: the system said that nobody listens there, a connect failure that is certain and
   * costs nobody anything. `reset-before-request`: the connection broke before the request was written to it. `timeout`:
   * the try's own time-out; past the call's deadline nobody asks for a retry.
   */
  readonly kind:
    | 'status'
    | 'refused'
    | 'connect-failed'
    | 'reset'
    | 'reset-before-request'
    | 'timeout';
  /** Whether the request may have reached the application. */
  readonly maybeProcessed: boolean;
  /** Of the answer. */
  readonly headers: HeaderPairs | undefined;
  /** The endpoint had no capacity, and another may: `Retry-After` speaks of that endpoint alone. */
  readonly overloaded?: boolean;
}

/** What the decision needs to know of the call. */
export interface RetriedCall {
  readonly method: string;
  readonly headers: HeaderPairs;
  readonly options: CallOptions;
}

/**
 * Whether `failure` may be tried again: the policy names it, the answer does not forbid it, and a
 * second request does no harm. Pure. Budget, deadline and whether the body can be sent again are
 * the call loop's to ask.
 */
export function isRetriable(
  policy: RetryPolicy,
  call: RetriedCall,
  failure: AttemptFailure,
): boolean {
  if (forbidsRetry(policy, failure)) return false;
  if (!policy.on.some((condition) => meets(condition, failure, policy.statusCodes))) return false;
  return !failure.maybeProcessed || policy.nonIdempotent || isIdempotent(call);
}

/**
 * Whether the retry is free. A budget bounds what a failing service has to bear, and where nobody
 * listens nobody bears anything: a killed endpoint must not use up what the living may need.
 */
export function isFreeRetry({ kind }: AttemptFailure): boolean {
  return kind === 'refused';
}

/**
 * How long to wait before retry `retryNumber` (from 1): full jitter, or what the answer asks for.
 * Only an endpoint of the mesh says that it speaks for itself alone; any other may mean the service.
 */
export function retryDelayMs(
  policy: RetryPolicy,
  retryNumber: number,
  random: Random,
  failure: AttemptFailure,
): number {
  const asked = failure.overloaded ? undefined : retryAfterMs(failure.headers, random);
  return asked ?? fullJitterMs(retryNumber, policy.backoffBaseMs, policy.backoffMaxMs, random);
}

/** The answer says that nobody may send this request again: a layer below has retried it already. */
export function saysNoRetry({ headers }: Pick<AttemptFailure, 'headers'>): boolean {
  return headers !== undefined && headerValue(headers, meshHeaders.retry)?.toLowerCase() === 'no';
}

/** One layer retries: a callee that already did, or that sheds load, says so and is believed. */
function forbidsRetry(policy: RetryPolicy, failure: AttemptFailure): boolean {
  const { headers } = failure;
  if (headers === undefined) return false;
  if (saysNoRetry(failure)) return true;
  if (headerValue(headers, 'x-envoy-overloaded') !== undefined) return true;
  const rateLimited = headerValue(headers, 'x-envoy-ratelimited') !== undefined;
  return rateLimited && !policy.on.includes('envoy-ratelimited');
}

/** Envoy's meaning of each word. A status counts only when the upstream sent it: a reset is no 503. */
function meets(
  condition: RetryCondition,
  failure: AttemptFailure,
  statusCodes: readonly number[],
): boolean {
  const { status, kind } = failure;
  const noAnswer = kind !== 'status';
  switch (condition) {
    case '5xx':
      return noAnswer || (status >= 500 && status <= 599);
    case 'gateway-error':
      // A connection that breaks is what a gateway would have answered 502 to.
      return noAnswer || (status >= 502 && status <= 504);
    case 'reset':
      return noAnswer;
    case 'reset-before-request':
      return kind === 'reset-before-request' || isConnectFailure(failure);
    case 'connect-failure':
      return isConnectFailure(failure);
    case 'refused-stream':
      // HTTP/2's word. Over HTTP/1.1 a connection that closed unused is the same: surely not processed.
      return kind === 'reset-before-request' && !failure.maybeProcessed;
    case 'retriable-4xx':
      return status === 409;
    case 'retriable-status-codes':
      return statusCodes.includes(status);
    case 'envoy-ratelimited':
      return hasHeader(failure, 'x-envoy-ratelimited');
    case 'cancelled':
      return grpcStatus(failure) === '1';
    case 'deadline-exceeded':
      return grpcStatus(failure) === '4';
    case 'resource-exhausted':
      return grpcStatus(failure) === '8';
    case 'internal':
      return grpcStatus(failure) === '13';
    case 'unavailable':
      return grpcStatus(failure) === '14';
  }
}

function isConnectFailure({ kind }: AttemptFailure): boolean {
  return kind === 'connect-failed' || kind === 'refused';
}

function hasHeader({ headers }: AttemptFailure, name: string): boolean {
  return headers !== undefined && headerValue(headers, name) !== undefined;
}

/** Only in headers (a trailers-only answer): later it is too late to retry. */
function grpcStatus({ headers }: AttemptFailure): string | undefined {
  return headers && headerValue(headers, 'grpc-status');
}

import {
  annotations,
  type HttpRoute,
  parseDurationMs,
  routeAnnotation,
  type VirtualService,
} from '@inmesh/config';
import type { RetryCondition, RetryPolicy } from '@inmesh/core';
import { invalidResource } from './invalid-resource.ts';

/** Istio's own: an answer that the upstream gave is not asked for twice. */
const defaultOn: readonly RetryCondition[] = [
  'connect-failure',
  'refused-stream',
  'unavailable',
  'cancelled',
];

const known: ReadonlySet<string> = new Set<RetryCondition>([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'envoy-ratelimited',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]);

/** Valid for Istio, and about things that calls here do not have: response-header lists and HTTP/3. */
const inapplicable: ReadonlySet<string> = new Set([
  'retriable-headers',
  'http3-post-connect-failure',
]);

/**
 * What a route says about retries; `undefined` when it says nothing and the client's options hold.
 * Throws `invalid_resource`.
 */
export function compileRetries(
  resource: VirtualService,
  route: HttpRoute,
  path: string,
): Partial<RetryPolicy> | undefined {
  const nonIdempotent =
    routeAnnotation(resource.metadata, annotations.retryNonIdempotent, route.name) === 'true';
  const { retries } = route;
  if (retries === undefined) return nonIdempotent ? { nonIdempotent } : undefined;
  const {
    attempts = 2,
    retryOn,
    perTryTimeout,
    backoff,
    retryIgnorePreviousHosts = true,
  } = retries;
  if (!Number.isInteger(attempts) || attempts < 0) {
    throw invalidResource(
      `${path}/attempts`,
      `attempts must be a whole number from 0, got ${attempts}`,
    );
  }
  const backoffBaseMs = backoff === undefined ? 25 : parseDurationMs(backoff);
  return {
    maxRetries: attempts,
    ...compileRetryOn(retryOn, `${path}/retryOn`),
    perTryTimeoutMs: perTryTimeout === undefined ? 0 : parseDurationMs(perTryTimeout),
    backoffBaseMs,
    // Envoy's cap when only the base is given.
    backoffMaxMs: backoffBaseMs * 10,
    avoidTried: retryIgnorePreviousHosts,
    nonIdempotent,
  };
}

/** A number in the list is a status, and asks for `retriable-status-codes` by itself. */
function compileRetryOn(
  retryOn: string | undefined,
  path: string,
): { on: readonly RetryCondition[]; statusCodes: readonly number[] } {
  if (retryOn === undefined || retryOn.trim() === '') return { on: defaultOn, statusCodes: [] };
  const on = new Set<RetryCondition>();
  const statusCodes: number[] = [];
  for (const part of retryOn.split(',')) {
    const word = part.trim();
    if (/^[1-5]\d\d$/.test(word)) {
      statusCodes.push(Number(word));
      on.add('retriable-status-codes');
    } else if (known.has(word)) {
      on.add(word as RetryCondition);
    } else if (!inapplicable.has(word)) {
      throw invalidResource(
        path,
        `${JSON.stringify(word)} is neither a retry condition nor a status`,
      );
    }
  }
  return { on: [...on], statusCodes };
}

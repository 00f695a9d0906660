import {
  annotations,
  type HttpRoute,
  parseDurationMs,
  parseRetryOn,
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
  const { conditions, statusCodes, unknown } = parseRetryOn(retryOn);
  if (unknown !== undefined) {
    throw invalidResource(
      path,
      `${JSON.stringify(unknown)} is neither a retry condition nor a status`,
    );
  }
  const on = new Set(conditions);
  if (statusCodes.length > 0) on.add('retriable-status-codes');
  return { on: [...on], statusCodes };
}

import type { RetryCondition } from '@inmesh/core';
import type { HttpRetry } from '../resources/index.ts';
import {
  boolean,
  duration,
  honoured,
  ignored,
  int32,
  type ObjectType,
  object,
  type Rule,
  text,
} from './field-type.ts';

/** Envoy's conditions that mean something over HTTP/1.1. */
const conditions: ReadonlySet<string> = new Set<RetryCondition>([
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

/** Conditions that Istio takes and that never come true here. */
const withoutEffect = new Map([
  ['retriable-headers', 'Istio gives no list of such headers'],
  ['http3-post-connect-failure', 'the mesh speaks HTTP/1.1 only'],
]);

function isStatus(token: string): boolean {
  return /^[1-5]\d\d$/.test(token);
}

/**
 * Reads `retryOn`: Envoy's conditions, and status codes among them. Words that never come true here
 * are left out; `unknown` is the first that Istio does not know either.
 */
export function parseRetryOn(retryOn: string): {
  readonly conditions: readonly RetryCondition[];
  readonly statusCodes: readonly number[];
  readonly unknown: string | undefined;
} {
  const tokens = retryOn.split(',').map((token) => token.trim());
  return {
    conditions: tokens.filter((token) => conditions.has(token)) as RetryCondition[],
    statusCodes: tokens.filter(isStatus).map(Number),
    unknown: tokens.find(
      (token) => !conditions.has(token) && !withoutEffect.has(token) && !isStatus(token),
    ),
  };
}

const retryOn = text('conditions', 1_024, (value) => {
  const { unknown } = parseRetryOn(value);
  return unknown === undefined
    ? undefined
    : `has ${JSON.stringify(unknown)}, which is neither a status code nor one of ${[...conditions].join(', ')}`;
});

const tellIdleConditions: Rule<HttpRetry> = (retries, report) => {
  for (const token of (retries.retryOn ?? '').split(',').map((part) => part.trim())) {
    const why = withoutEffect.get(token);
    if (why !== undefined) report.warning('no_effect', `${token} never happens: ${why}`, 'retryOn');
  }
};

/** Absent `attempts` is 0 in Istio, so that these fields alone switch retries off. */
const refuseIdleFields: Rule<HttpRetry> = (retries, report) => {
  if (retries.attempts !== 0) return;
  for (const field of ['perTryTimeout', 'retryOn', 'retryRemoteLocalities'] as const) {
    if (retries[field] === undefined) continue;
    report.error('conflict', 'has no effect without attempts above 0; absent is 0', field);
  }
};

export const httpRetry: ObjectType = object<HttpRetry>(
  'HTTPRetry',
  {
    attempts: honoured(int32, 'Further tries at most; 0 never retries.', {
      default: '0; 2 when `retries` is absent',
    }),
    perTryTimeout: honoured(duration(), 'Of each attempt.', { default: "the route's time-out" }),
    retryOn: honoured(
      retryOn,
      'Which failures. Requests that are not idempotent are retried only after failures that certainly did not reach the upstream, unless `inmesh.dev/retry-non-idempotent` says otherwise.',
      { default: 'connect-failure,refused-stream,unavailable,cancelled' },
    ),
    retryRemoteLocalities: ignored(boolean, 'fail-over between localities is the balancer’s', {
      harmless: [false],
    }),
    retryIgnorePreviousHosts: honoured(boolean, 'Avoid endpoints that were tried.', {
      default: 'true',
    }),
    backoff: honoured(duration(), 'Base of the exponential wait, with full jitter.', {
      default: '25ms',
    }),
  },
  {
    // Said in full, so that nobody downstream takes absent for the default of absent `retries`.
    upgrade: (retries) => ({ ...retries, attempts: retries.attempts ?? 0 }),
    rules: [refuseIdleFields, tellIdleConditions],
  },
);

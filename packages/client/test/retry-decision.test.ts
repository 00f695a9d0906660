import type { RetryCondition } from '@inmesh/core';
import { seededRandom } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fullJitterMs } from '../src/backoff.ts';
import { defaultPolicy } from '../src/policy-defaults.ts';
import {
  type AttemptFailure,
  isFreeRetry,
  isRetriable,
  type RetriedCall,
  retryDelayMs,
} from '../src/retry-decision.ts';

const get: RetriedCall = { method: 'GET', headers: [], options: {} };
const post: RetriedCall = { method: 'POST', headers: [], options: {} };

function answer(status: number, headers: readonly string[] = []): AttemptFailure {
  return { status, kind: 'status', maybeProcessed: true, headers };
}
function broken(kind: AttemptFailure['kind'], maybeProcessed = true): AttemptFailure {
  return { status: 0, kind, maybeProcessed, headers: undefined };
}
const connectFailed = broken('connect-failed', false);
const refused = broken('refused', false);
const unsent = broken('reset-before-request', false);

const { retry } = defaultPolicy;
const on = (...conditions: RetryCondition[]) => ({ ...retry, on: conditions });

describe('by default', () => {
  test.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])(
    'a %s is retried when its connection broke, it timed out, or a gateway error came',
    (method) => {
      const call = { ...get, method };
      for (const failure of [
        broken('reset'),
        broken('timeout'),
        answer(502),
        answer(503),
        answer(504),
      ])
        expect(isRetriable(retry, call, failure)).toBe(true);
    },
  );

  test.each(['POST', 'PATCH', 'CONNECT', 'get', 'PURGE'])(
    'hostile case 65: a %s that may have been processed is never retried',
    (method) => {
      const call = { ...post, method };
      for (const failure of [
        broken('reset'),
        broken('timeout'),
        answer(502),
        answer(503),
        answer(504),
      ])
        expect(isRetriable(retry, call, failure)).toBe(false);
    },
  );

  test.each(['GET', 'POST', 'PATCH'])('a %s that surely was not processed is retried', (method) => {
    const call = { ...post, method };
    expect(isRetriable(retry, call, connectFailed)).toBe(true);
    expect(isRetriable(retry, call, unsent)).toBe(true);
  });

  test.each([200, 304, 400, 404, 408, 409, 429, 500, 501, 505])(
    'an answer of %d is not retried',
    (status) => expect(isRetriable(retry, get, answer(status))).toBe(false),
  );
});

describe('a request that is not idempotent by its method', () => {
  const failure = broken('reset');

  test('is retried with an idempotency key, and not with an empty one', () => {
    expect(isRetriable(retry, { ...post, headers: ['idempotency-key', 'k1'] }, failure)).toBe(true);
    expect(isRetriable(retry, { ...post, headers: ['idempotency-key', ''] }, failure)).toBe(false);
  });

  test('is retried when the caller vouches for it', () => {
    expect(isRetriable(retry, { ...post, options: { idempotent: true } }, failure)).toBe(true);
  });

  test('is retried when the policy says so', () => {
    expect(isRetriable({ ...retry, nonIdempotent: true }, post, failure)).toBe(true);
  });
});

test('a caller who says that a GET is not idempotent is believed, key or not', () => {
  const call = { method: 'GET', headers: ['idempotency-key', 'k'], options: { idempotent: false } };
  expect(isRetriable(retry, call, broken('reset'))).toBe(false);
  expect(isRetriable(retry, call, connectFailed)).toBe(true);
});

describe('an answer that forbids it is believed', () => {
  test('hostile case 67: inmesh-retry: no', () => {
    expect(isRetriable(retry, get, answer(503, ['inmesh-retry', 'no']))).toBe(false);
    expect(isRetriable(retry, get, answer(503, ['inmesh-retry', 'No']))).toBe(false);
  });

  test("Envoy's overload and rate-limit headers", () => {
    expect(isRetriable(retry, get, answer(503, ['x-envoy-overloaded', 'true']))).toBe(false);
    expect(isRetriable(on('5xx'), get, answer(503, ['x-envoy-ratelimited', 'true']))).toBe(false);
    const limited = answer(429, ['x-envoy-ratelimited', 'true']);
    expect(isRetriable(on('envoy-ratelimited'), get, limited)).toBe(true);
  });
});

test('only where nobody listened is a retry free of the budget', () => {
  expect(isFreeRetry(refused)).toBe(true);
  const others = [connectFailed, unsent, broken('reset'), broken('timeout'), answer(503)];
  expect(others.map(isFreeRetry)).toEqual([false, false, false, false, false]);
});

describe("each condition means what Envoy's does", () => {
  const failures: Record<string, AttemptFailure> = {
    refused,
    'connect-failed': connectFailed,
    unsent,
    reset: broken('reset'),
    timeout: broken('timeout'),
    '409': answer(409),
    '429': answer(429),
    '500': answer(500),
    '503': answer(503),
    '599': answer(599),
    '600': answer(600),
    'grpc 1': answer(200, ['grpc-status', '1']),
    'grpc 4': answer(200, ['grpc-status', '4']),
    'grpc 8': answer(200, ['grpc-status', '8']),
    'grpc 13': answer(200, ['grpc-status', '13']),
    'grpc 14': answer(200, ['grpc-status', '14']),
  };
  const noAnswer = ['refused', 'connect-failed', 'unsent', 'reset', 'timeout'];
  const table: [RetryCondition, string[]][] = [
    ['5xx', [...noAnswer, '500', '503', '599']],
    ['gateway-error', [...noAnswer, '503']],
    ['reset', noAnswer],
    ['reset-before-request', ['refused', 'connect-failed', 'unsent']],
    ['connect-failure', ['refused', 'connect-failed']],
    ['refused-stream', ['unsent']],
    ['retriable-4xx', ['409']],
    ['retriable-status-codes', ['429']],
    ['cancelled', ['grpc 1']],
    ['deadline-exceeded', ['grpc 4']],
    ['resource-exhausted', ['grpc 8']],
    ['internal', ['grpc 13']],
    ['unavailable', ['grpc 14']],
  ];
  test.each(table)('%s', (condition, expected) => {
    const policy = { ...on(condition), statusCodes: [429] };
    const met = Object.keys(failures).filter((name) =>
      isRetriable(policy, get, failures[name] as AttemptFailure),
    );
    expect(met.sort()).toEqual([...expected].sort());
  });

  test('a status that was never sent does not match: a reset is no 503', () => {
    const policy = { ...on('retriable-status-codes'), statusCodes: [503] };
    expect(isRetriable(policy, get, broken('reset'))).toBe(false);
  });

  test('no condition retries nothing', () => {
    for (const failure of Object.values(failures))
      expect(isRetriable(on(), get, failure)).toBe(false);
  });
});

describe('the wait before a retry', () => {
  test('is uniform in [0, (2^n - 1) x 25 ms), up to 250 ms', () => {
    const random = seededRandom(1);
    for (const [retryNumber, limit] of [
      [1, 25],
      [2, 75],
      [3, 175],
      [4, 250],
      [60, 250],
    ] as const) {
      const waits = Array.from({ length: 2_000 }, () => fullJitterMs(retryNumber, 25, 250, random));
      expect(Math.max(...waits)).toBeLessThan(limit);
      expect(Math.max(...waits)).toBeGreaterThan(limit * 0.98);
      expect(Math.min(...waits)).toBeLessThan(limit * 0.02);
    }
  });

  test('honours Retry-After in seconds, with up to half as much again', () => {
    const random = seededRandom(2);
    const waits = Array.from({ length: 1_000 }, () =>
      retryDelayMs(retry, 1, random, answer(503, ['retry-after', '2'])),
    );
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(2_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(3_000);
    expect(Math.max(...waits)).toBeGreaterThan(2_900);
  });

  test("honours a date against the answer's own clock", () => {
    const headers = [
      'date',
      'Wed, 21 Oct 2015 07:28:00 GMT',
      'retry-after',
      'Wed, 21 Oct 2015 07:28:10 GMT',
    ];
    expect(retryDelayMs(retry, 1, () => 0, answer(503, headers))).toBe(10_000);
  });

  test.each(['301', '-1', 'soon', '', '1e1', '9'.repeat(400), 'Wed, 21 Oct 2055 07:28:00 GMT'])(
    'ignores a Retry-After of %j',
    (value) => {
      expect(retryDelayMs(retry, 1, () => 0.5, answer(503, ['retry-after', value]))).toBe(12.5);
    },
  );

  test('is never negative, not a number, or longer than Envoy allows', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.integer({ min: 1, max: 100 }),
        (after, date, number) => {
          const headers = ['retry-after', after, 'date', date];
          const wait = retryDelayMs(retry, number, Math.random, answer(503, headers));
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(450_000);
        },
      ),
    );
  });
});

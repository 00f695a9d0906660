import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  leastRequest,
  maglev,
  peakEwma,
  random,
  ringHash,
  roundRobin,
} from '../src/balancer-policies.ts';
import {
  defaultPolicy,
  overrideRetry,
  type PolicyOptions,
  resolvePolicy,
} from '../src/policy-defaults.ts';

test('without options everything has its default', () => {
  expect(resolvePolicy()).toEqual(defaultPolicy);
});

test('an explicit undefined says nothing', () => {
  const pool = { maxRequests: undefined } as unknown as NonNullable<PolicyOptions['pool']>;
  expect(resolvePolicy({ pool }).pool).toEqual(defaultPolicy.pool);
});

test('the resolved policy cannot be changed', () => {
  const policy = resolvePolicy({ pool: { maxRequests: 5 }, retry: { maxRetries: 1 } });
  for (const part of [policy, policy.pool, policy.retry, policy.outlier, policy.breaker])
    expect(Object.isFrozen(part)).toBe(true);
});

test('hostile case 14: a key of __proto__ changes no prototype', () => {
  const pool = JSON.parse('{"__proto__": {"maxRequests": 1}, "constructor": 1}');
  expect(Object.getPrototypeOf(resolvePolicy({ pool }).pool)).toBe(Object.prototype);
  expect(resolvePolicy({ pool }).pool).toEqual(defaultPolicy.pool);
});

describe('a value out of range is refused with its name and itself', () => {
  const cases: [PolicyOptions, string][] = [
    [
      { pool: { maxConnections: 0 } },
      'pool.maxConnections must be a whole number within 1..4294967296, got 0',
    ],
    [{ pool: { maxRequests: 1.5 } }, 'pool.maxRequests must be a whole number'],
    [{ pool: { maxPending: -1 } }, 'pool.maxPending must be a whole number'],
    [
      { pool: { connectTimeoutMs: 2 ** 31 } },
      'pool.connectTimeoutMs must be within 1..2147483647 milliseconds, got 2147483648',
    ],
    [
      { pool: { idleTimeoutMs: Number.NaN } },
      'pool.idleTimeoutMs must be within 1..2147483647 milliseconds, got NaN',
    ],
    [{ outlier: { maxEjectedRatio: 1.1 } }, 'outlier.maxEjectedRatio must be within 0..1, got 1.1'],
    [
      { outlier: { minHealthyRatio: -0.1 } },
      'outlier.minHealthyRatio must be within 0..1, got -0.1',
    ],
    [{ outlier: { consecutive5xx: -1 } }, 'outlier.consecutive5xx must be a whole number'],
    [{ outlier: { intervalMs: 0 } }, 'outlier.intervalMs must be within 1..'],
    [{ breaker: { failureRatio: 0 } }, 'breaker.failureRatio must be above 0 and at most 1, got 0'],
    [{ breaker: { minCalls: 0 } }, 'breaker.minCalls must be a whole number'],
    [{ breaker: { probes: 0 } }, 'breaker.probes must be a whole number'],
    [{ breaker: { windowMs: Infinity } }, 'breaker.windowMs must be within'],
    [
      { retry: { maxRetries: -1 } },
      'retry.maxRetries must be a whole number within 0..100, got -1',
    ],
    [
      { retry: { backoffBaseMs: 300 } },
      'retry.backoffMaxMs must be at least retry.backoffBaseMs (300), got 250',
    ],
    [
      { retry: { statusCodes: [99] } },
      'retry.statusCodes must be a whole number within 100..999, got 99',
    ],
    [{ retryBudget: { ratio: 1.5 } }, 'retryBudget.ratio must be within 0..1, got 1.5'],
    [
      { retryBudget: { minPerSecond: Infinity } },
      'retryBudget.minPerSecond must be 0 or more, got Infinity',
    ],
    [
      { balancer: leastRequest({ choices: 1 }) },
      'balancer.choices must be a whole number within 2..1024, got 1',
    ],
    [
      { balancer: maglev({ kind: 'call' }, { tableSize: 65_536 }) },
      'balancer.tableSize must be a prime number, got 65536',
    ],
    [
      { balancer: ringHash({ kind: 'call' }, { minRingSize: 1e9 }) },
      'balancer.minRingSize must be a whole number',
    ],
    [{ balancer: peakEwma({ decayMs: 0 }) }, 'balancer.decayMs must be within'],
    [
      { balancer: { kind: 'least-conn' } as never },
      'balancer.kind must be a known balancer, got least-conn',
    ],
    [
      { warmup: { durationMs: 1, minRatio: 0.1, aggression: 0 } },
      'warmup.aggression must be above 0, got 0',
    ],
    [
      { locality: { enabled: true, failoverPriority: ['a'], failover: [{ from: 'a', to: 'b' }] } },
      'locality must be only one of distribute, failover and failoverPriority',
    ],
  ];
  test.each(cases)('%j', (options, message) => {
    expect(() => resolvePolicy(options)).toThrow(message);
  });
});

test('every balancer has a short way to say it', () => {
  for (const balancer of [
    peakEwma(),
    leastRequest(),
    roundRobin(),
    random(),
    ringHash({ kind: 'source' }),
    maglev({ kind: 'source' }),
  ])
    expect(resolvePolicy({ balancer }).balancer).toEqual(balancer);
});

test('a policy that is switched off by the client and given by a resource has the defaults below it', () => {
  expect(resolvePolicy({ breaker: null, outlier: null })).toMatchObject({
    breaker: null,
    outlier: null,
  });
});

test("a route's retry policy is checked as well", () => {
  expect(() => overrideRetry(defaultPolicy.retry, { maxRetries: 1e9 })).toThrow('retry.maxRetries');
  expect(overrideRetry(defaultPolicy.retry, undefined)).toBe(defaultPolicy.retry);
});

test('whatever numbers are given, the result is in range or refused by a mesh error', () => {
  const number = fc.oneof(fc.double(), fc.integer(), fc.constant(undefined));
  const part = (keys: string[]) => fc.record(Object.fromEntries(keys.map((key) => [key, number])));
  fc.assert(
    fc.property(
      part(Object.keys(defaultPolicy.pool)),
      part(Object.keys(defaultPolicy.retryBudget)),
      (pool, retryBudget) => {
        try {
          const policy = resolvePolicy({ pool, retryBudget } as PolicyOptions);
          for (const value of Object.values(policy.pool)) expect(value).toBeGreaterThanOrEqual(0);
          expect(policy.retryBudget.ratio).toBeLessThanOrEqual(1);
        } catch (error) {
          expect(error).toMatchObject({ name: 'MeshError', code: 'invalid_argument' });
        }
      },
    ),
  );
});

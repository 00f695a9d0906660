import { describe, expect, test } from '@jest/globals';
import { batch, type ClientOptions, createClient, critical, interactive } from '../src/index.ts';
import { clientOf, upstream } from './client-fixture.ts';

const at = (options: Partial<ClientOptions>) => () =>
  createClient({ endpoints: { reviews: [{ port: 1 }] }, ...options });

test.each([
  ['interactive', interactive],
  ['batch', batch],
  ['critical', critical],
])('%s makes a client that works', async (_name, preset) => {
  const only = await upstream();
  const client = clientOf([only], preset);
  expect((await client.request('http://reviews/')).status).toBe(200);
});

test('what is said after a preset stands over it', () => {
  expect(at({ ...interactive, hedge: null })).not.toThrow();
  expect(at({ ...interactive, timeoutMs: 500 })).toThrow(
    'retry.perTryTimeoutMs must be at most timeoutMs (500), got 1000',
  );
});

describe('contradictions are refused at construction with both values named', () => {
  test.each<[Partial<ClientOptions>, string]>([
    [
      { timeoutMs: 100, retry: { perTryTimeoutMs: 200 } },
      'retry.perTryTimeoutMs must be at most timeoutMs (100), got 200',
    ],
    [
      { timeoutMs: 100, hedge: { delayMs: 200 } },
      'hedge.delayMs must be at most timeoutMs (100), got 200',
    ],
    [
      { limit: { minLimit: 50 }, pool: { maxRequests: 10 } },
      'limit.minLimit must be at most pool.maxRequests (10), got 50',
    ],
    [
      { limit: { minLimit: 50, maxLimit: 10 } },
      'limit.minLimit must be at most limit.maxLimit (10), got 50',
    ],
    [
      { retry: { backoffBaseMs: 100, backoffMaxMs: 10 } },
      'retry.backoffMaxMs must be at least retry.backoffBaseMs (100), got 10',
    ],
    [{ pool: { maxRequests: 0 } }, 'pool.maxRequests must be a whole number'],
    [{ limit: { tolerance: 0.5 } }, 'limit.tolerance must be within 1..100, got 0.5'],
    [{ throttle: { factor: 1 } }, 'throttle.factor must be above 1, got 1'],
    [{ retryBudget: { ratio: 3 } }, 'retryBudget.ratio must be within 0..1, got 3'],
    [{ timeoutMs: -1 }, 'timeoutMs must be within 0..'],
    [
      { priority: 'urgent' as 'batch' },
      "priority must be 'critical', 'default' or 'batch', got urgent",
    ],
  ])('%j', (options, message) => {
    expect(at(options)).toThrow(message);
  });

  test('without a time-out nothing is above it', () => {
    expect(at({ timeoutMs: 0, retry: { perTryTimeoutMs: 60_000 } })).not.toThrow();
  });
});

test('everything that guards a destination can be read, and reading changes nothing', async () => {
  const only = await upstream({ fault: { kind: 'status', status: 503 } });
  const client = clientOf([only], {
    hedge: { delayMs: 500 },
    limit: {},
    throttle: {},
    breaker: { minCalls: 1_000 },
  });
  for (let i = 0; i < 10; i += 1) await client.request('http://reviews/').catch(() => {});
  const read = () => client.inspect().services[0]?.destinations[0];
  const seen = read();
  expect(seen).toMatchObject({
    breaker: 'closed',
    breakerForced: false,
    hedging: { delayMs: 500, hedgesLeft: 0 },
  });
  expect(seen?.retriesLeft).toBeLessThan(100);
  expect(seen?.adaptiveLimit).toBeGreaterThan(0);
  expect(seen?.refusalRatio).toBeGreaterThan(0.5);
  for (let i = 0; i < 100; i += 1) read();
  // Time goes on, and brings retries and idleness.
  const later = { idleMs: expect.any(Number), retriesLeft: expect.any(Number) };
  expect(read()).toEqual({ ...seen, ...later });
});

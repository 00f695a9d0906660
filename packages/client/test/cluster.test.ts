import type { Endpoint } from '@inmesh/core';
import { isMeshError, staticEndpoint } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import type { PickingDestination } from '../src/destination-state.ts';
import type { EndpointState } from '../src/endpoint-state.ts';
import {
  attempt,
  destination,
  endpoints,
  listOf,
  policyBench,
  service,
} from './policy-fixtures.ts';

describe('a new list', () => {
  test('tells who came and who went, and hands over those that went', () => {
    const all = endpoints(3);
    const made = policyBench(all.slice(0, 2));
    made.cluster.update(listOf(all.slice(1)));
    expect(
      made.events.map((event) => `${event.kind} ${'endpoint' in event ? event.endpoint.id : ''}`),
    ).toEqual([
      `endpoint-added ${all[0]?.id}`,
      `endpoint-added ${all[1]?.id}`,
      `endpoint-added ${all[2]?.id}`,
      `endpoint-removed ${all[0]?.id}`,
    ]);
    expect(made.removed.map(({ endpoint }) => endpoint)).toEqual([all[0]]);
    expect(made.cluster.list?.endpoints).toHaveLength(2);
  });

  test('keeps what is known of an endpoint whose registration changes', () => {
    const [endpoint] = endpoints(1) as [Endpoint];
    const made = policyBench([endpoint]);
    const state = made.cluster.endpoints.get(endpoint.id) as EndpointState;
    state.begin();
    attempt(state, 'success', made.clock.now(), 40);
    made.cluster.update(listOf([{ ...endpoint, weight: 5, labels: { version: 'v2' } }]));
    expect(made.cluster.endpoints.get(endpoint.id)).toBe(state);
    expect([state.weight, state.inFlight, state.cost.at(made.clock.now())]).toEqual([5, 1, 40]);
    expect(made.removed).toEqual([]);
  });

  test('with the same id twice has one endpoint', () => {
    const [endpoint] = endpoints(1) as [Endpoint];
    const made = policyBench([endpoint, { ...endpoint, weight: 2 }]);
    expect(made.cluster.endpoints.size).toBe(1);
  });

  test.each([0, -1, Number.NaN, Infinity])('with a weight of %d counts it as 1', (weight) => {
    const [first, second] = endpoints(2) as [Endpoint, Endpoint];
    const made = policyBench([{ ...first, weight }, second]);
    const target = made.cluster.destination(destination());
    const seen = new Set(Array.from({ length: 100 }, () => target.pick(0, undefined, undefined)));
    expect(seen.size).toBe(2);
  });

  test('starts afresh with an endpoint that had gone', () => {
    const all = endpoints(2);
    const made = policyBench(all);
    made.cluster.destination(destination());
    const before = made.cluster.endpoints.get(all[0]?.id ?? '') as EndpointState;
    before.begin();
    for (let i = 0; i < 5; i += 1) attempt(before, '5xx', 0);
    made.cluster.update(listOf(all.slice(1)));
    made.cluster.update(listOf(all));
    const after = made.cluster.endpoints.get(all[0]?.id ?? '') as EndpointState;
    expect(after).not.toBe(before);
    expect([after.suspicions, after.inFlight]).toEqual([0, 0]);
    before.end('5xx', 1, 0);
    expect(made.clock.pendingTimers).toBe(0);
  });
});

describe('a destination', () => {
  test('has one state, and shares it with another that says the same', () => {
    const { cluster } = policyBench(endpoints(2));
    const one = destination({ subset: 'v1', policy: { breaker: { minCalls: 3 } } });
    const state = cluster.destination(one);
    expect(cluster.destination(one)).toBe(state);
    const reloaded = destination({ subset: 'v1', policy: { breaker: { minCalls: 3 } } });
    expect(cluster.destination(reloaded)).toBe(state);
    expect(cluster.destination(destination({ subset: 'v2' }))).not.toBe(state);
  });

  test('keeps its breaker open over a reload of the configuration', () => {
    const made = policyBench(endpoints(2));
    const { breaker } = made.cluster.destination(destination());
    for (let i = 0; i < 20; i += 1) breaker?.settle(breaker.tryAcquire(0), false, 0);
    expect(made.cluster.destination(destination()).breaker?.state).toBe('open');
    expect(made.events.at(-1)).toEqual({
      kind: 'breaker-changed',
      service,
      subset: '',
      from: 'closed',
      to: 'open',
    });
  });

  test('has its policy over that of the client', () => {
    const { cluster } = policyBench(endpoints(1), { breaker: null, pool: { maxRequests: 5 } });
    const state = cluster.destination(
      destination({ policy: { pool: { maxPending: 7 }, breaker: { minCalls: 3 }, outlier: null } }),
    );
    expect(state.pool).toMatchObject({ maxRequests: 5, maxPending: 7, maxConnections: 64 });
    expect(state.policy.breaker).toMatchObject({ minCalls: 3, failureRatio: 0.5 });
    expect(state.policy.outlier).toBeNull();
    expect(cluster.destination(destination()).breaker).toBeUndefined();
  });

  test('makes each retry policy once', () => {
    const state = policyBench(endpoints(1)).cluster.destination(destination());
    const over = { maxRetries: 5 };
    expect(state.retryFor(undefined)).toBe(state.retry);
    expect(state.retryFor(over)).toBe(state.retryFor(over));
    expect(state.retryFor(over)).toMatchObject({ maxRetries: 5, backoffBaseMs: 25 });
  });

  test('with a policy that makes no sense is refused', () => {
    const { cluster } = policyBench(endpoints(1));
    const refuse = () =>
      cluster.destination(destination({ policy: { outlier: { maxEjectedRatio: 3 } } }));
    expect(refuse).toThrow('outlier.maxEjectedRatio must be within 0..1, got 3');
    try {
      refuse();
    } catch (error) {
      expect(isMeshError(error, 'invalid_argument')).toBe(true);
    }
  });

  test('that nobody calls any more is let go, and comes back when somebody does', () => {
    const made = policyBench(endpoints(2));
    const old = destination({ policy: { outlier: { consecutive5xx: 1 } } });
    const before = made.cluster.destination(old);
    made.clock.advance(300_000);
    made.cluster.destination(destination({ subset: 'new' }));
    const after = made.cluster.destination(old);
    expect(after).not.toBe(before);
    for (const state of made.cluster.endpoints.values()) attempt(state, '5xx', made.clock.now());
    expect(made.health()).toHaveLength(1);
  });
});

describe('a closed cluster', () => {
  test('has handed over every endpoint once and takes no list', () => {
    const made = policyBench(endpoints(3));
    made.cluster.close();
    made.cluster.close();
    made.cluster.update(listOf(endpoints(2)));
    expect(made.removed).toHaveLength(3);
    expect(made.cluster.endpoints.size).toBe(0);
    expect(made.cluster.destination(destination()).pick(0, undefined, undefined)).toBeUndefined();
  });
});

test('hostile case 75: a million endpoints that come, fail and go leave nothing behind', () => {
  const made = policyBench(endpoints(2));
  const target = made.cluster.destination(destination()) as PickingDestination;
  const batch = 1_000;
  made.events.length = 0;
  for (let round = 0; round < 1_000; round += 1) {
    const all = Array.from({ length: batch }, (_, i) =>
      staticEndpoint(service, { id: `${round}-${i}`, port: 8080 }),
    );
    made.cluster.update(listOf(all));
    for (let i = 0; i < 20; i += 1) {
      const state = target.pick(made.clock.now(), undefined, undefined) as EndpointState;
      for (let j = 0; j < 5; j += 1) attempt(state, 'local-failure', made.clock.now());
    }
    made.clock.advance(500);
    made.events.length = 0;
    made.removed.length = 0;
  }
  expect(made.cluster.endpoints.size).toBe(batch);
  expect(target.outliers?.recordCount).toBe(20);
  made.cluster.update(listOf([]));
  expect(made.cluster.endpoints.size).toBe(0);
  expect(target.pick(made.clock.now(), undefined, undefined)).toBeUndefined();
  expect(target.outliers?.recordCount).toBe(0);
  expect(made.clock.pendingTimers).toBe(0);
});

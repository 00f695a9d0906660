import type { Destination, Endpoint, EndpointStatus } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import type { EndpointState } from '../src/endpoint-state.ts';
import {
  attempt,
  destination,
  endpoints,
  listOf,
  type PolicyBench,
  policyBench,
} from './policy-fixtures.ts';

const randomly = { balancer: { kind: 'random' } } as const;

function pickedIds({ cluster, clock }: PolicyBench, to: Partial<Destination> = {}): string[] {
  const target = cluster.destination(destination(to));
  const ids = new Set<string>();
  for (let i = 0; i < 500; i += 1) {
    const state = target.pick(clock.now(), undefined, undefined);
    if (state !== undefined) ids.add(state.endpoint.id);
  }
  return [...ids].sort();
}

function idsOf(all: readonly (Endpoint | undefined)[]): string[] {
  return all.map((endpoint) => endpoint?.id ?? '').sort();
}

function withStatus(statuses: readonly EndpointStatus[]): Endpoint[] {
  return endpoints(statuses.length, (i) => ({ status: statuses[i] as EndpointStatus }));
}

describe('the endpoints that may be picked', () => {
  test('are those that are up', () => {
    const all = withStatus(['up', 'draining', 'down', 'up']);
    expect(pickedIds(policyBench(all, randomly))).toEqual(idsOf([all[0], all[3]]));
  });

  test('are the draining ones when nobody is up', () => {
    const all = withStatus(['draining', 'down']);
    expect(pickedIds(policyBench(all, randomly))).toEqual(idsOf([all[0]]));
  });

  test('are never those that are down', () => {
    expect(pickedIds(policyBench(withStatus(['down', 'down']), randomly))).toEqual([]);
    expect(pickedIds(policyBench([], randomly))).toEqual([]);
  });

  test('carry every label of the subset', () => {
    const all = endpoints(4, (i) => ({
      labels: { version: i % 2 === 0 ? 'v1' : 'v2', track: i < 2 ? 'stable' : 'canary' },
    }));
    const bench = policyBench(all, randomly);
    expect(pickedIds(bench, { subset: 'v1', labels: { version: 'v1' } })).toEqual(
      idsOf([all[0], all[2]]),
    );
    const both = { version: 'v2', track: 'canary' };
    expect(pickedIds(bench, { subset: 'x', labels: both })).toEqual(idsOf([all[3]]));
    expect(pickedIds(bench, { subset: 'none', labels: { version: 'v3' } })).toEqual([]);
    expect(pickedIds(bench, { subset: 'odd', labels: { toString: 'v1' } })).toEqual([]);
  });

  test('listen on the port that is asked for, while any does', () => {
    const all = endpoints(3, (i) => ({ port: 8_000 + i, servicePort: i < 2 ? 80 : 81 }));
    const bench = policyBench(all, randomly);
    expect(pickedIds(bench, { port: 80 })).toEqual(idsOf([all[0], all[1]]));
    expect(pickedIds(bench, { port: 99 })).toHaveLength(3);
  });

  test('are not the ones that said they are draining, until their registration changes', () => {
    const all = endpoints(2);
    const bench = policyBench(all, randomly);
    const [first] = bench.cluster.endpoints.values();
    bench.cluster.drain(first as EndpointState);
    expect(pickedIds(bench)).toEqual(idsOf([all[1]]));
    bench.cluster.update(listOf(endpoints(2)));
    expect(pickedIds(bench)).toHaveLength(2);
  });
});

describe('a change', () => {
  test('is seen by the next pick', () => {
    const all = endpoints(3);
    const bench = policyBench(all.slice(0, 1), randomly);
    expect(pickedIds(bench)).toHaveLength(1);
    bench.cluster.update(listOf(all));
    expect(pickedIds(bench)).toHaveLength(3);
    bench.cluster.update(listOf(all.slice(2)));
    expect(pickedIds(bench)).toEqual(idsOf([all[2]]));
    bench.cluster.update(listOf([]));
    expect(pickedIds(bench)).toEqual([]);
  });

  test('an ejected endpoint gets nothing from the next pick on, however many there are', () => {
    for (const count of [3, 2_000]) {
      const bench = policyBench(endpoints(count), { balancer: { kind: 'round-robin' } });
      const target = bench.cluster.destination(destination());
      target.pick(0, undefined, undefined);
      const [state] = bench.cluster.endpoints.values();
      for (let i = 0; i < 3; i += 1) attempt(state as EndpointState, 'local-failure', 0);
      for (let i = 0; i < 2 * count; i += 1)
        expect(target.pick(0, undefined, undefined)).not.toBe(state);
    }
  });
});

describe('tried endpoints', () => {
  test('are avoided even when only one of many is left', () => {
    const bench = policyBench(endpoints(500), randomly);
    const target = bench.cluster.destination(destination());
    const [last, ...tried] = [...bench.cluster.endpoints.values()];
    expect(target.pick(0, undefined, tried)).toBe(last);
  });

  test('are picked again rather than nobody', () => {
    const bench = policyBench(endpoints(2), randomly);
    const target = bench.cluster.destination(destination());
    const [first, second] = [...bench.cluster.endpoints.values()] as [EndpointState, EndpointState];
    expect(target.pick(0, undefined, [first, second])).toBeDefined();
    for (let i = 0; i < 5; i += 1) attempt(first, '5xx', 0);
    bench.clock.advance(1);
    expect(target.pick(bench.clock.now(), undefined, [second])).toBe(second);
  });
});

describe('slow start', () => {
  const warmup = { durationMs: 60_000, minRatio: 0.1, aggression: 1 };

  test('lets the share of an endpoint that joins grow with its age', () => {
    const all = endpoints(4);
    const bench = policyBench(all.slice(0, 3), { ...randomly, warmup });
    bench.clock.advance(1_000);
    bench.cluster.update(listOf(all));
    const target = bench.cluster.destination(destination());
    const share = () => {
      let picks = 0;
      for (let i = 0; i < 8_000; i += 1) {
        const state = target.pick(bench.clock.now(), undefined, undefined);
        if (state?.endpoint.id === all[3]?.id) picks += 1;
      }
      return picks / 8_000;
    };
    // Against three warm ones: 0.1 / 3.1, 0.5 / 3.5, 1 / 4.
    expect(share()).toBeCloseTo(0.032, 1);
    expect(share()).toBeLessThan(0.06);
    bench.clock.advance(30_000);
    expect(Math.abs(share() - 0.143)).toBeLessThan(0.03);
    bench.clock.advance(30_000);
    expect(Math.abs(share() - 0.25)).toBeLessThan(0.03);
  });

  test('does not slow those that were there from the start, nor fail when all have just joined', () => {
    const bench = policyBench([], { ...randomly, warmup });
    bench.cluster.update(listOf(endpoints(3)));
    expect(pickedIds(bench)).toHaveLength(3);
  });
});

test('a zone of thousands that fails at once does not make a pick set for each of its endpoints', () => {
  const bench = policyBench(endpoints(4_000), randomly);
  const target = bench.cluster.destination(destination());
  const states = [...bench.cluster.endpoints.values()];
  target.pick(bench.clock.now(), undefined, undefined);
  let built = 0;
  const endpointMap = bench.cluster.endpoints as Map<string, EndpointState>;
  const values = endpointMap.values.bind(endpointMap);
  endpointMap.values = () => {
    built += 1;
    return values();
  };
  for (const state of states.slice(0, 1_900)) {
    for (let i = 0; i < 3; i += 1) attempt(state, 'local-failure', bench.clock.now());
    const picked = target.pick(bench.clock.now(), undefined, undefined) as EndpointState;
    expect(picked.ejections).toBe(0);
    bench.clock.advance(0.5);
  }
  // 950 ms at one set of 4,000 in 40 ms; one more look is for counting who is up.
  expect(built).toBeLessThanOrEqual(26);
});

import type { LocalityPolicy } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import type { EndpointState } from '../src/endpoint-state.ts';
import { levelShares } from '../src/level-shares.ts';
import {
  attempt,
  destination,
  endpoints,
  type PolicyBench,
  policyBench,
  shares,
} from './policy-fixtures.ts';

const places = ['eu/a', 'eu/a', 'eu/b', 'eu/b', 'us/c', 'us/c', 'asia/d', 'asia/d'];

function bench(
  locality: LocalityPolicy,
  self: { labels?: Record<string, string> } = {},
): PolicyBench {
  const all = endpoints(places.length, (i) => {
    const [region, zone] = (places[i] as string).split('/') as [string, string];
    return { locality: { region, zone, subzone: '' }, labels: { rack: `r${i}`, site: region } };
  });
  const made = policyBench(
    all,
    { locality, balancer: { kind: 'random' }, outlier: { maxEjectedRatio: 1 } },
    { region: 'eu', zone: 'a', ...self },
  );
  // Failures are counted from the first use on.
  made.cluster.destination(destination());
  return made;
}

/** Shares of traffic by zone. */
function byZone(made: PolicyBench, picks = 8_000): Record<string, number> {
  const zones: Record<string, number> = {};
  for (const [id, count] of shares(made, picks)) {
    const zone = made.cluster.endpoints.get(id)?.endpoint.locality.zone ?? '';
    zones[zone] = (zones[zone] ?? 0) + count / picks;
  }
  return zones;
}

function eject(made: PolicyBench, ...indices: number[]): void {
  const states = [...made.cluster.endpoints.values()];
  for (const index of indices)
    for (let i = 0; i < 5; i += 1) attempt(states[index] as EndpointState, '5xx', made.clock.now());
  made.clock.advance(1);
}

test('without a locality policy every zone gets its part', () => {
  expect(Object.keys(byZone(bench({ enabled: false }))).sort()).toEqual(['a', 'b', 'c', 'd']);
});

describe('with locality priorities', () => {
  test('traffic stays in the zone', () => {
    expect(byZone(bench({ enabled: true }))).toEqual({ a: 1 });
  });

  test('hostile case 70: a zone that is lost spills over to the region, and a region to the others', () => {
    const made = bench({ enabled: true });
    eject(made, 0, 1);
    expect(byZone(made)).toEqual({ b: 1 });
    eject(made, 2, 3);
    expect(Object.keys(byZone(made)).sort()).toEqual(['c', 'd']);
  });

  test('half of a zone keeps 70 % of the traffic', () => {
    const made = bench({ enabled: true });
    eject(made, 0);
    const zones = byZone(made);
    expect(Math.abs((zones.a ?? 0) - 0.7)).toBeLessThan(0.03);
    expect(Math.abs((zones.b ?? 0) - 0.3)).toBeLessThan(0.03);
  });

  test('hostile case 70: a zone that returns gets one request at a time first', () => {
    const made = bench({ enabled: true });
    eject(made, 0, 1);
    made.clock.advance(30_000);
    const target = made.cluster.destination(destination());
    const inZone = Array.from({ length: 100 }, () => {
      const state = target.pick(made.clock.now(), undefined, undefined);
      state?.begin();
      return state?.endpoint.locality.zone === 'a';
    });
    expect(inZone.filter(Boolean)).toHaveLength(2);
  });

  test('a hash finds the same level each time', () => {
    const made = bench({ enabled: true });
    eject(made, 0);
    const target = made.cluster.destination(
      destination({ policy: { balancer: { kind: 'ring-hash', hashOn: { kind: 'call' } } } }),
    );
    for (let hash = 0; hash < 200; hash += 1) {
      const first = target.pick(made.clock.now(), hash, undefined);
      expect(target.pick(made.clock.now(), hash, undefined)).toBe(first);
    }
  });

  test('a process that does not know where it is uses all', () => {
    const made = policyBench(endpoints(4), { locality: { enabled: true } });
    expect(shares(made, 400).size).toBe(4);
  });

  test('failover names the region that comes next', () => {
    const made = bench({ enabled: true, failover: [{ from: 'eu', to: 'asia' }] });
    eject(made, 0, 1, 2, 3);
    expect(byZone(made)).toEqual({ d: 1 });
    eject(made, 6, 7);
    expect(byZone(made)).toEqual({ c: 1 });
  });

  test('failoverPriority orders by the leading labels that agree', () => {
    const labels = { site: 'us', rack: 'r5' };
    const made = bench({ enabled: true, failoverPriority: ['site', 'rack'] }, { labels });
    const counts = () =>
      [...shares(made, 400).keys()].map(
        (id) => made.cluster.endpoints.get(id)?.endpoint.labels.rack,
      );
    expect(counts()).toEqual(['r5']);
    eject(made, 5);
    expect(counts()).toEqual(['r4']);
    eject(made, 4);
    expect(counts()).toHaveLength(6);
  });

  test('failoverPriority takes key=value and the topology labels', () => {
    const zoneFirst = bench({ enabled: true, failoverPriority: ['topology.kubernetes.io/zone'] });
    expect(byZone(zoneFirst)).toEqual({ a: 1 });
    expect(byZone(bench({ enabled: true, failoverPriority: ['site=asia'] }))).toEqual({ d: 1 });
  });
});

describe('with a distribution', () => {
  const distribute = [{ from: 'eu/a/*', to: { 'eu/*': 80, 'us/c/*': 20 } }];

  test('localities get the shares that it says, and nobody else any', () => {
    const zones = byZone(bench({ enabled: true, distribute }));
    expect(Math.abs((zones.a ?? 0) - 0.4)).toBeLessThan(0.03);
    expect(Math.abs((zones.b ?? 0) - 0.4)).toBeLessThan(0.03);
    expect(Math.abs((zones.c ?? 0) - 0.2)).toBeLessThan(0.03);
    expect(zones.d).toBeUndefined();
  });

  test('the most specific pattern counts', () => {
    const to = { '*': 10, 'eu/a/*': 90 };
    const zones = byZone(bench({ enabled: true, distribute: [{ from: '*', to }] }));
    expect(Math.abs((zones.a ?? 0) - 0.9)).toBeLessThan(0.03);
  });

  test('a rule for another place does not count, nor one that would leave nobody', () => {
    for (const rule of [
      { from: 'us/*', to: { 'us/*': 100 } },
      { from: 'eu/*', to: { 'mars/*': 100 } },
    ]) {
      expect(Object.keys(byZone(bench({ enabled: true, distribute: [rule] })))).toHaveLength(4);
    }
  });
});

test.each([
  [[1], [1]],
  [
    [0.72, 1],
    [1, 0],
  ],
  [
    [0.5, 1],
    [0.7, 0.3],
  ],
  [
    [0.25, 1],
    [0.35, 0.65],
  ],
  [
    [0, 1],
    [0, 1],
  ],
  [
    [0.25, 0.25],
    [0.5, 0.5],
  ],
  [
    [0, 0],
    [1, 0],
  ],
  [
    [0, 0.5, 0.5],
    [0, 0.7, 0.3],
  ],
])("levels that are %j healthy get %j of the traffic, as Envoy's do", (healthy, expected) => {
  for (const [i, share] of levelShares(healthy).entries())
    expect(share).toBeCloseTo(expected[i] as number, 9);
});

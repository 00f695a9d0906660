import type { BalancerPolicy } from '@inmesh/core';
import { seededRandom } from '@inmesh/testing';
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
import { WeightedDraw } from '../src/balancers/weighted-draw.ts';
import type { EndpointState } from '../src/endpoint-state.ts';
import {
  attempt,
  destination,
  endpoints,
  type PolicyBench,
  policyBench,
  shares,
} from './policy-fixtures.ts';

const onCall = { kind: 'call' } as const;
const balancers: [string, BalancerPolicy][] = [
  ['peak-ewma', peakEwma()],
  ['least-request', leastRequest()],
  ['least-request of 5', leastRequest({ choices: 5 })],
  ['round-robin', roundRobin()],
  ['random', random()],
  ['ring-hash', ringHash(onCall)],
  ['maglev', maglev(onCall)],
];

/** Pearson's statistic of what was picked against what the weights say. */
function chiSquare(counts: Map<string, number>, expected: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [id, share] of expected) sum += ((counts.get(id) ?? 0) - share) ** 2 / share;
  return sum;
}

function expectedShares({ cluster }: PolicyBench, picks: number): Map<string, number> {
  const states = [...cluster.endpoints.values()];
  const total = states.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(states.map(({ endpoint, weight }) => [endpoint.id, (picks * weight) / total]));
}

describe.each(balancers)('%s', (name, balancer) => {
  const isHash = name === 'ring-hash' || name === 'maglev';

  test('gives equal endpoints equal shares', () => {
    const bench = policyBench(endpoints(10), { balancer });
    const counts = shares(bench, 20_000);
    // 9 degrees of freedom: 27.9 is passed by chance once in a thousand. A table of hashes is coarser.
    for (const count of counts.values()) expect(Math.abs(count / 2_000 - 1)).toBeLessThan(0.15);
    if (!isHash) expect(chiSquare(counts, expectedShares(bench, 20_000))).toBeLessThan(27.9);
  });

  test('gives endpoints shares by weight while nobody is busy', () => {
    const bench = policyBench(
      endpoints(4, (i) => ({ weight: [1, 2, 3, 14][i] as number })),
      {
        balancer,
      },
    );
    const counts = shares(bench, 20_000);
    const expected = expectedShares(bench, 20_000);
    // 3 degrees of freedom.
    if (!isHash) expect(chiSquare(counts, expected)).toBeLessThan(16.3);
    for (const [id, share] of expected)
      expect(Math.abs((counts.get(id) ?? 0) / share - 1)).toBeLessThan(0.2);
  });

  test('serves a single endpoint, and one of absurd weight beside a light one', () => {
    const single = policyBench(endpoints(1), { balancer });
    expect(shares(single, 10).size).toBe(1);
    const absurd = policyBench(
      endpoints(2, (i) => ({ weight: i === 0 ? 1e9 : 1 })),
      { balancer },
    );
    expect(shares(absurd, 10).size).toBeGreaterThan(0);
  });

  test('gives a retry another endpoint while there is one', () => {
    const { cluster, clock } = policyBench(endpoints(4), { balancer });
    const target = cluster.destination(destination());
    for (let call = 0; call < 200; call += 1) {
      const tried: EndpointState[] = [];
      for (let again = 0; again < 4; again += 1) {
        const state = target.pick(clock.now(), call * 7919, tried) as EndpointState;
        expect(tried).not.toContain(state);
        tried.push(state);
      }
      expect(target.pick(clock.now(), call * 7919, tried)).toBeDefined();
    }
  });
});

describe('round robin', () => {
  test('takes everybody once before anybody twice', () => {
    const bench = policyBench(endpoints(7), { balancer: roundRobin() });
    for (let round = 0; round < 5; round += 1) expect(shares(bench, 7).size).toBe(7);
  });

  test('spreads the turns of a heavy endpoint', () => {
    const bench = policyBench(
      endpoints(4, (i) => ({ weight: i === 0 ? 3 : 1 })),
      {
        balancer: roundRobin(),
      },
    );
    const target = bench.cluster.destination(destination());
    const heavy = [...bench.cluster.endpoints.keys()][0];
    const picks = Array.from(
      { length: 600 },
      () => target.pick(0, undefined, undefined)?.endpoint.id,
    );
    const gaps = picks
      .flatMap((id, i) => (id === heavy ? [i] : []))
      .map((at, i, all) => at - (all[i - 1] ?? at));
    expect(picks.filter((id) => id === heavy).length).toBeGreaterThanOrEqual(299);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(4);
  });

  test.each([1, 3])(
    'does not start at the same endpoint in every process (weights 1 and %d)',
    (weight) => {
      const starts = new Set<string>();
      for (let seed = 0; seed < 40; seed += 1) {
        const all = endpoints(10, (i) => ({ weight: i === 0 ? weight : 1 }));
        const bench = policyBench(all, { balancer: roundRobin() }, { seed });
        const target = bench.cluster.destination(destination());
        starts.add(target.pick(0, undefined, undefined)?.endpoint.id ?? '');
      }
      expect(starts.size).toBeGreaterThan(5);
    },
  );
});

describe('peak EWMA', () => {
  test('between endpoints that are equally fast prefers the one with fewer requests in flight', () => {
    const { cluster, clock } = policyBench(endpoints(2), { balancer: peakEwma() });
    const [busy, idle] = [...cluster.endpoints.values()] as [EndpointState, EndpointState];
    for (const state of [busy, idle]) attempt(state, 'success', clock.now(), 5);
    busy.begin();
    const target = cluster.destination(destination());
    for (let i = 0; i < 100; i += 1)
      expect(target.pick(clock.now(), undefined, undefined)).toBe(idle);
  });

  test('gives one request to an endpoint that nothing is known of, and waits for its answer', () => {
    const { cluster, clock } = policyBench(endpoints(3), { balancer: peakEwma() });
    const [unknown, ...known] = [...cluster.endpoints.values()] as [EndpointState, EndpointState];
    for (const state of known) attempt(state, 'success', clock.now(), 5);
    const target = cluster.destination(destination());
    for (let i = 0; i < 100; i += 1) target.pick(clock.now(), undefined, undefined)?.begin();
    expect(unknown.inFlight).toBe(1);
  });

  test('spreads a burst over endpoints of which nothing is known yet', () => {
    const { cluster, clock } = policyBench(endpoints(10), { balancer: peakEwma() });
    const target = cluster.destination(destination());
    for (let i = 0; i < 200; i += 1) target.pick(clock.now(), undefined, undefined)?.begin();
    for (const { inFlight } of cluster.endpoints.values()) expect(inFlight).toBeLessThan(25);
  });
});

describe('least request', () => {
  test('prefers the endpoint with fewer requests in flight', () => {
    const { cluster } = policyBench(endpoints(2), { balancer: leastRequest() });
    const [busy, idle] = [...cluster.endpoints.values()] as [EndpointState, EndpointState];
    busy.begin();
    const target = cluster.destination(destination());
    for (let i = 0; i < 100; i += 1) expect(target.pick(0, undefined, undefined)).toBe(idle);
  });

  test('keeps requests in flight in the proportion of the weights', () => {
    const { cluster } = policyBench(
      endpoints(3, (i) => ({ weight: [1, 2, 5][i] as number })),
      {
        balancer: leastRequest(),
      },
    );
    const target = cluster.destination(destination());
    for (let i = 0; i < 800; i += 1) target.pick(0, undefined, undefined)?.begin();
    const inFlight = [...cluster.endpoints.values()].map((state) => state.inFlight);
    expect(inFlight[0]).toBeGreaterThan(90);
    expect(inFlight[0]).toBeLessThan(110);
    expect(inFlight[1]).toBeGreaterThan(185);
    expect(inFlight[1]).toBeLessThan(215);
  });

  test('with as many choices as endpoints always finds the idlest', () => {
    const { cluster } = policyBench(endpoints(5), { balancer: leastRequest({ choices: 64 }) });
    const target = cluster.destination(destination());
    for (let i = 0; i < 50; i += 1) target.pick(0, undefined, undefined)?.begin();
    const inFlight = [...cluster.endpoints.values()].map((state) => state.inFlight);
    expect(Math.max(...inFlight) - Math.min(...inFlight)).toBeLessThanOrEqual(2);
  });
});

describe('a weighted draw', () => {
  test('follows any weights', () => {
    const weight = fc.double({ min: 0.01, max: 100, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(weight, { minLength: 1, maxLength: 12 }),
        fc.integer(),
        (weights, seed) => {
          const draw = new WeightedDraw(Float64Array.from(weights), seededRandom(seed));
          const counts = weights.map(() => 0);
          for (let i = 0; i < 4_000; i += 1) {
            const index = draw.next();
            counts[index] = (counts[index] as number) + 1;
          }
          const total = weights.reduce((sum, value) => sum + value, 0);
          for (const [i, value] of weights.entries()) {
            const expected = (4_000 * value) / total;
            expect(Math.abs((counts[i] as number) - expected)).toBeLessThan(
              6 * Math.sqrt(expected) + 6,
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('never draws the one that it is to leave out', () => {
    for (const weights of [
      [1, 1, 1],
      [1, 1e9],
      [5, 1, 1],
    ]) {
      const draw = new WeightedDraw(Float64Array.from(weights), seededRandom(3));
      for (let i = 0; i < 1_000; i += 1) {
        const index = i % weights.length;
        expect(draw.other(index)).not.toBe(index);
        expect(draw.other(index)).toBeLessThan(weights.length);
      }
    }
  });
});

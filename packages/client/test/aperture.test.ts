import { describe, expect, test } from '@jest/globals';
import { type AperturePosition, withinAperture } from '../src/aperture.ts';
import type { EndpointState } from '../src/endpoint-state.ts';
import { attempt, destination, endpoints, policyBench, shares } from './policy-fixtures.ts';

function level(count: number) {
  const states = [...policyBench(endpoints(count)).cluster.endpoints.values()];
  return { states, weights: new Float64Array(count).fill(1) };
}

const policy = { endpoints: 20 };
const idOf = ({ endpoint }: EndpointState) => endpoint.id;

describe('callers that know their place', () => {
  /** What each endpoint of `count` gets from all `callers` together, one each. */
  function load(count: number, callers: number): { perEndpoint: number[]; most: number } {
    const all = level(count);
    const received = new Map(all.states.map((state) => [idOf(state), 0]));
    let most = 0;
    for (let index = 0; index < callers; index += 1) {
      const seat: AperturePosition = { index, count: callers };
      const { states, weights } = withinAperture(all, policy, () => seat);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      most = Math.max(most, states.length);
      for (const [at, state] of states.entries()) {
        received.set(idOf(state), (received.get(idOf(state)) ?? 0) + (weights[at] ?? 0) / total);
      }
    }
    return { perEndpoint: [...received.values()], most };
  }

  test.each([
    [100, 50],
    [1_000, 37],
    [97, 200],
    [500, 3],
  ])('load %d endpoints evenly from %d callers, with few connections each', (count, callers) => {
    const { perEndpoint, most } = load(count, callers);
    for (const share of perEndpoint) expect(share).toBeCloseTo(callers / count, 6);
    // Whole parts of the ring: a few callers have to take larger ones, to cover it all.
    expect(most).toBeLessThanOrEqual(Math.max(20, Math.ceil(count / callers)) * 2 + 1);
  });
});

test('a service that has no more endpoints than the aperture is used whole', () => {
  const all = level(20);
  expect(withinAperture(all, policy, () => 0.3)).toBe(all);
  expect(withinAperture(level(200), null, () => 0.3).states).toHaveLength(200);
});

test('the stretch hardly moves when an endpoint joins', () => {
  const before = new Set(withinAperture(level(200), policy, () => 0.3).states.map(idOf));
  const after = withinAperture(level(201), policy, () => 0.3).states.map(idOf);
  expect(after.filter((id) => before.has(id)).length).toBeGreaterThanOrEqual(17);
});

describe('a destination with an aperture', () => {
  test('picks within it only, and connects to no others', () => {
    const bench = policyBench(endpoints(500), { aperture: policy });
    const seen = shares(bench, 2_000);
    expect(seen.size).toBeGreaterThanOrEqual(15);
    expect(seen.size).toBeLessThanOrEqual(22);
  });

  test('goes beyond it when everybody in it is ejected', () => {
    const bench = policyBench(endpoints(100), {
      aperture: { endpoints: 5 },
      outlier: { maxEjectedRatio: 1 },
    });
    const near = new Set(shares(bench, 500).keys());
    for (const state of bench.cluster.endpoints.values()) {
      if (near.has(idOf(state))) attempt(state, 'refused', bench.clock.now());
    }
    bench.clock.advance(1_000);
    for (const id of shares(bench, 200).keys()) expect(near.has(id)).toBe(false);
  });

  test('refuses one of nobody', () => {
    expect(() => policyBench(endpoints(1), { aperture: { endpoints: 0 } })).toThrow(
      'aperture.endpoints must be a whole number within 1..4294967296, got 0',
    );
  });
});

test('the same destination under another place gets another part', () => {
  const target = (seed: number) => policyBench(endpoints(500), { aperture: policy }, { seed });
  const [one, other] = [shares(target(1), 1_000), shares(target(2), 1_000)];
  expect([...one.keys()].some((id) => !other.has(id))).toBe(true);
  expect(target(1).cluster.destination(destination()).policy.aperture).toEqual(policy);
});

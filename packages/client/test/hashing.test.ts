import type { BalancerPolicy, Endpoint } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import { maglev, ringHash } from '../src/balancer-policies.ts';
import type { EndpointState } from '../src/endpoint-state.ts';
import { hashText } from '../src/hash.ts';
import { destination, endpoints, policyBench } from './policy-fixtures.ts';

const keys = Array.from({ length: 10_000 }, (_, i) => hashText(`user-${i}`));

function owners(all: readonly Endpoint[], balancer: BalancerPolicy, seed = 1): string[] {
  const { cluster } = policyBench(all, { balancer }, { seed });
  const target = cluster.destination(destination());
  return keys.map((key) => target.pick(0, key, undefined)?.endpoint.id ?? '');
}

function moved(before: readonly string[], after: readonly string[]): number {
  return before.filter((id, i) => id !== after[i]).length / before.length;
}

describe.each([
  ['ring hash', ringHash({ kind: 'call' }), 1],
  ['maglev', maglev({ kind: 'call' }), 1.6],
] as const)('%s', (_name, balancer, slack) => {
  test('sends a key to the same endpoint in every process, whatever the order of the list', () => {
    const all = endpoints(20);
    expect(owners([...all].reverse(), balancer, 2)).toEqual(owners(all, balancer, 1));
  });

  test.each([2, 10, 50])('moves only what an endpoint that joins %d others takes', (count) => {
    const before = owners(endpoints(count), balancer);
    const after = owners(endpoints(count + 1), balancer);
    expect(moved(before, after)).toBeLessThan((1.35 * slack) / (count + 1));
    const added = endpoints(count + 1)[count]?.id;
    const strays = before.filter((id, i) => id !== after[i] && after[i] !== added).length;
    expect(strays / keys.length).toBeLessThanOrEqual((slack - 1) / (count + 1));
  });

  test('moves the keys of an endpoint that leaves to all others', () => {
    const all = endpoints(10);
    const gone = all[4]?.id;
    const before = owners(all, balancer);
    const after = owners(
      all.filter(({ id }) => id !== gone),
      balancer,
    );
    const heirs = new Set(after.filter((_, i) => before[i] === gone));
    expect(heirs.size).toBe(9);
    expect(moved(before, after)).toBeLessThan(0.14 * slack);
  });

  test('gives shares by weight', () => {
    const all = endpoints(4, (i) => ({ weight: [1, 1, 2, 4][i] as number }));
    const counts = new Map<string, number>();
    for (const id of owners(all, balancer)) counts.set(id, (counts.get(id) ?? 0) + 1);
    const share = (i: number) => (counts.get(all[i]?.id ?? '') ?? 0) / keys.length;
    for (const [i, expected] of [0.125, 0.125, 0.25, 0.5].entries())
      expect(Math.abs(share(i) / expected - 1)).toBeLessThan(0.2);
  });

  test('sends a retry to the same second endpoint in every process', () => {
    const second = (seed: number) => {
      const { cluster } = policyBench(endpoints(10), { balancer }, { seed });
      const target = cluster.destination(destination());
      return keys.slice(0, 500).map((key) => {
        const first = target.pick(0, key, undefined) as EndpointState;
        return target.pick(0, key, [first])?.endpoint.id;
      });
    };
    expect(second(1)).toEqual(second(2));
  });

  test('serves ten thousand endpoints, each of them', () => {
    const { cluster } = policyBench(endpoints(10_000), { balancer });
    const target = cluster.destination(destination());
    const seen = new Set<string>();
    for (let i = 0; i < 200_000; i += 1)
      seen.add(target.pick(0, undefined, undefined)?.endpoint.id ?? '');
    expect(seen.size).toBeGreaterThan(9_800);
  });

  test('a request without the key goes anywhere', () => {
    const { cluster } = policyBench(endpoints(5), { balancer });
    const target = cluster.destination(destination());
    const seen = new Set(Array.from({ length: 200 }, () => target.pick(0, undefined, undefined)));
    expect(seen.size).toBe(5);
  });
});

test('a ring hands the keys of an ejected endpoint to the one that would own them without it', () => {
  const balancer = ringHash({ kind: 'call' });
  const all = endpoints(10);
  const without = owners(all.slice(1), balancer);
  const { cluster } = policyBench(all, { balancer });
  const target = cluster.destination(destination());
  const first = cluster.endpoints.get(all[0]?.id ?? '') as EndpointState;
  expect(keys.map((key) => target.pick(0, key, [first])?.endpoint.id)).toEqual(without);
});

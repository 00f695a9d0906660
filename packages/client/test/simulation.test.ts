import type { BalancerPolicy } from '@inmesh/core';
import { seededRandom } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { leastRequest, peakEwma, roundRobin } from '../src/balancer-policies.ts';
import type { AttemptResult, EndpointState } from '../src/endpoint-state.ts';
import type { PolicyOptions } from '../src/policy-defaults.ts';
import { destination, endpoints, policyBench } from './policy-fixtures.ts';

interface Behaviour {
  readonly latencyMs: number;
  readonly result: AttemptResult;
}

interface Played {
  /** Of the calls, in the order of the endpoints. */
  readonly shares: number[];
  /** Latencies of all calls, sorted. */
  readonly latencies: number[];
  readonly ejections: number;
}

/** Poisson arrivals at endpoints that behave as said, on the fake clock; counted after a warm-up of 5 s. */
function play(options: {
  count: number;
  ratePerSecond: number;
  seconds: number;
  policy: PolicyOptions;
  behaviour: (index: number, now: number) => Behaviour;
}): Played {
  const random = seededRandom(11);
  const { cluster, clock, health } = policyBench(endpoints(options.count), options.policy);
  const target = cluster.destination(destination());
  const states = [...cluster.endpoints.values()];
  const counts = states.map(() => 0);
  const latencies: number[] = [];
  const start = clock.now();
  const end = start + options.seconds * 1_000;
  while (clock.now() < end) {
    clock.advance((-Math.log(1 - random()) * 1_000) / options.ratePerSecond);
    const now = clock.now();
    const state = target.pick(now, undefined, undefined) as EndpointState;
    const index = states.indexOf(state);
    const { latencyMs, result } = options.behaviour(index, now - start);
    const spent = latencyMs * (0.7 + 0.6 * random());
    state.begin();
    clock.setTimer(() => state.end(result, spent, clock.now()), spent);
    if (now - start < 5_000) continue;
    counts[index] = (counts[index] as number) + 1;
    latencies.push(spent);
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  latencies.sort((a, b) => a - b);
  return { shares: counts.map((count) => count / total), latencies, ejections: health().length };
}

function p99({ latencies }: Played): number {
  return latencies[Math.floor(latencies.length * 0.99)] as number;
}

const noEjection = { outlier: null };
const healthy: Behaviour = { latencyMs: 5, result: 'success' };
const slow: Behaviour = { latencyMs: 250, result: 'success' };

describe('one endpoint 50 times slower than the rest', () => {
  const playSlow = (count: number, balancer: BalancerPolicy) =>
    play({
      count,
      ratePerSecond: 500,
      seconds: 30,
      policy: { balancer, ...noEjection },
      behaviour: (index) => (index === 0 ? slow : healthy),
    });

  test.each([3, 10])('of %d gets less than 3 %% by peak EWMA', (count) => {
    expect(playSlow(count, peakEwma()).shares[0]).toBeLessThan(0.03);
  });

  test('of ten does not show in the 99th percentile by peak EWMA, and does by round robin', () => {
    expect(p99(playSlow(10, peakEwma()))).toBeLessThan(1.5 * 6.5);
    expect(p99(playSlow(10, roundRobin()))).toBeGreaterThan(100);
  });

  test('of ten gets little by least request as well', () => {
    expect(playSlow(10, leastRequest()).shares[0]).toBeLessThan(0.04);
  });

  test('gets its share again after it has recovered', () => {
    const played = play({
      count: 4,
      ratePerSecond: 400,
      seconds: 240,
      policy: { balancer: peakEwma(), ...noEjection },
      behaviour: (index, now) => (index === 0 && now < 20_000 ? slow : healthy),
    });
    expect(played.shares[0]).toBeGreaterThan(0.1);
  });
});

describe('hostile case 68: an endpoint that fails fast', () => {
  const sinkhole: Behaviour = { latencyMs: 0.2, result: '5xx' };
  const playSinkhole = (policy: PolicyOptions) =>
    play({
      count: 10,
      ratePerSecond: 500,
      seconds: 40,
      policy,
      behaviour: (index, now) => (index === 0 && now > 5_000 ? sinkhole : healthy),
    });

  test('does not attract traffic by peak EWMA even when nobody may be ejected', () => {
    expect(playSinkhole({ balancer: peakEwma(), ...noEjection }).shares[0]).toBeLessThan(0.02);
  });

  test('attracts no more than its fair share by peak EWMA from its first answer on', () => {
    const played = play({
      count: 10,
      ratePerSecond: 500,
      seconds: 40,
      policy: { balancer: peakEwma(), ...noEjection },
      behaviour: (index) => (index === 0 ? sinkhole : healthy),
    });
    expect(played.shares[0]).toBeLessThan(0.02);
  });

  test.each([
    ['peak EWMA', peakEwma()],
    ['least request', leastRequest()],
    ['round robin', roundRobin()],
  ])('takes under 1 %% by %s once it may be ejected', (_name, balancer) => {
    const played = playSinkhole({ balancer });
    expect(played.ejections).toBeGreaterThan(0);
    expect(played.shares[0]).toBeLessThan(0.01);
  });
});

test('equal endpoints get equal shares by peak EWMA over time, though latencies scatter', () => {
  const played = play({
    count: 5,
    ratePerSecond: 1_000,
    seconds: 60,
    policy: { balancer: peakEwma(), ...noEjection },
    behaviour: () => healthy,
  });
  for (const share of played.shares) {
    expect(share).toBeGreaterThan(0.1);
    expect(share).toBeLessThan(0.32);
  }
});

test('weights hold by peak EWMA though latencies scatter', () => {
  const { cluster, clock } = policyBench(
    endpoints(2, (i) => ({ weight: i === 0 ? 9 : 1 })),
    { balancer: peakEwma() },
  );
  const random = seededRandom(5);
  const target = cluster.destination(destination());
  const [heavy] = cluster.endpoints.values();
  let toHeavy = 0;
  for (let i = 0; i < 20_000; i += 1) {
    clock.advance(10);
    const state = target.pick(clock.now(), undefined, undefined) as EndpointState;
    if (state === heavy) toHeavy += 1;
    state.begin();
    state.end('success', 5 * (0.9 + 0.2 * random()), clock.now());
  }
  expect(toHeavy / 20_000).toBeGreaterThan(0.8);
  expect(toHeavy / 20_000).toBeLessThan(0.97);
});

test('an endpoint that joins gets its share and no stampede', () => {
  const all = endpoints(4);
  const made = policyBench(all.slice(0, 3), { balancer: peakEwma() });
  const { cluster, clock } = made;
  const target = cluster.destination(destination());
  const answer = (state: EndpointState) => {
    state.begin();
    clock.setTimer(() => state.end('success', 5, clock.now()), 5);
  };
  for (let i = 0; i < 2_000; i += 1) {
    clock.advance(2);
    answer(target.pick(clock.now(), undefined, undefined) as EndpointState);
  }
  cluster.update({
    service: 'reviews.default',
    endpoints: all,
    revision: '2',
    state: 'live',
    asOf: 0,
  });
  const added = cluster.endpoints.get(all[3]?.id ?? '') as EndpointState;
  let picks = 0;
  let most = 0;
  for (let i = 0; i < 2_000; i += 1) {
    clock.advance(2);
    const state = target.pick(clock.now(), undefined, undefined) as EndpointState;
    answer(state);
    if (state === added) picks += 1;
    most = Math.max(most, added.inFlight);
  }
  expect(picks / 2_000).toBeGreaterThan(0.15);
  expect(picks / 2_000).toBeLessThan(0.4);
  expect(most).toBeLessThan(5);
});

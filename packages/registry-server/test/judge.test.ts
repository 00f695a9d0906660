import { latencyBucket, type RolloutPlan } from '@inmesh/core';
import { seededRandom } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { addLatencies } from '../src/graph/sparse-latencies.ts';
import { TrafficTotal } from '../src/graph/traffic-total.ts';
import { fisherTest } from '../src/rollout/fisher-test.ts';
import { judge } from '../src/rollout/judge.ts';
import { resolvePlan } from '../src/rollout/rollout-plan.ts';

const plan: RolloutPlan = resolvePlan({ service: 'reviews', from: 'v1', to: 'v2' });

/** So many calls, of which `errors` failed; each took `ms`. */
function total(calls: number, errors = 0, ms = 10): TrafficTotal {
  const made = new TrafficTotal();
  made.add(calls, errors, [latencyBucket(ms), calls]);
  return made;
}

describe("Fisher's exact test", () => {
  // Against the sum of the hypergeometric terms in exact integers.
  test.each([
    [{ hits: 1, of: 10 }, { hits: 5, of: 10 }, 0.0704334365],
    [{ hits: 0, of: 1_000 }, { hits: 3, of: 100 }, 0.0007309178],
    [{ hits: 10, of: 1_000 }, { hits: 1, of: 100 }, 0.6512659354],
    [{ hits: 0, of: 100 }, { hits: 0, of: 100 }, 1],
    [{ hits: 100, of: 100 }, { hits: 100, of: 100 }, 1],
  ])('%j against %j has p = %d', (a, b, p) => {
    expect(Math.abs(fisherTest(a, b) / p - 1)).toBeLessThan(1e-4);
  });

  test('counts in the millions neither overflow nor take long', () => {
    const p = fisherTest({ hits: 50_000, of: 5_000_000 }, { hits: 5_600, of: 500_000 });
    expect(p).toBeGreaterThan(0);
    expect(p).toBeLessThan(1e-10);
    expect(fisherTest({ hits: 50_000, of: 5_000_000 }, { hits: 5_000, of: 500_000 })).toBeCloseTo(
      0.5,
      1,
    );
  });
});

test('nothing is judged before both versions had enough calls', () => {
  expect(judge(total(10_000), total(99, 99), plan)).toMatchObject({
    kind: 'too-few',
    errorP: null,
  });
  expect(judge(total(99), total(10_000), plan).reason).toBe(
    'too few calls to judge: 99 to the old version and 10000 to the new one, 100 of each are needed',
  );
});

test('a version that is as good is good, and one that is better', () => {
  expect(judge(total(10_000, 100), total(500, 5), plan).kind).toBe('good');
  expect(judge(total(10_000, 1_000, 50), total(500, 0, 10), plan)).toMatchObject({
    kind: 'good',
    reason: 'no worse: 0.00 % errors against 10.00 %, p99 10.5 ms against 50 ms',
  });
});

test('more errors are worse, and the reason says the numbers', () => {
  const { kind, reason, errorP } = judge(total(10_000, 10), total(200, 20), plan);
  expect(kind).toBe('worse');
  expect(errorP).toBeLessThan(0.001);
  expect(reason).toMatch(
    /^worse: 10\.00 % errors \(20 of 200\) against 0\.10 % \(10 of 10000\), by chance/,
  );
});

test('a difference within the margin is none, however sure it is', () => {
  expect(judge(total(1_000_000, 1_000), total(1_000_000, 5_000), plan).kind).toBe('good');
  expect(judge(total(1_000_000, 1_000), total(1_000_000, 7_000), plan).kind).toBe('worse');
});

test('what may be chance is suspect: more traffic has to wait', () => {
  expect(judge(total(1_000), total(100, 2), plan).kind).toBe('suspect');
});

test('slower calls are worse: all of them, or only the slowest', () => {
  expect(judge(total(1_000), total(200, 0, 20), plan)).toMatchObject({ kind: 'worse' });
  const tail = total(9_700);
  tail.add(300, 0, [latencyBucket(2_000), 300]);
  const { kind, reason } = judge(total(10_000), tail, plan);
  expect(kind).toBe('worse');
  expect(reason).toMatch(/calls slower than the old version's p9/);
  expect(judge(total(1_000), total(200, 0, 10.9), plan).kind).toBe('good');
});

test('false alarms of a look stay below its significance, over errors and latency together', () => {
  const random = seededRandom(7);
  const looks = 400;
  let alarms = 0;
  for (let i = 0; i < looks; i += 1) {
    const [from, to] = [drawn(random, 1_000, 0.03), drawn(random, 150, 0.03)];
    // Without margins, which make them rarer still.
    const strict = { ...plan, significance: 0.05, errorMargin: 0, latencyMargin: 0 };
    if (judge(from, to, strict).kind === 'worse') alarms += 1;
  }
  expect(alarms).toBeGreaterThan(0);
  expect(alarms / looks).toBeLessThanOrEqual(0.05);
});

test('a version that fails one call in ten more is found out with a few hundred calls, nearly always', () => {
  const random = seededRandom(8);
  let found = 0;
  for (let i = 0; i < 100; i += 1) {
    if (judge(drawn(random, 1_000, 0.01), drawn(random, 300, 0.11), plan).kind === 'worse')
      found += 1;
  }
  expect(found / 100).toBeGreaterThan(0.95);
});

/** Calls that fail with chance `ratio` and take lognormally long, around 10 ms. */
function drawn(random: () => number, calls: number, ratio: number): TrafficTotal {
  const made = new TrafficTotal();
  for (let i = 0; i < calls; i += 1) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    addLatencies(made.latencies, [latencyBucket(10 * Math.exp(0.5 * normal)), 1]);
    made.calls += 1;
    if (random() < ratio) made.errors += 1;
  }
  return made;
}

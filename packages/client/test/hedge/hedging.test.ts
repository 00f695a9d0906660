import { seededRandom } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { Hedging } from '../../src/hedge/hedging.ts';
import { LatencyQuantile } from '../../src/hedge/latency-quantile.ts';
import { resolvePolicy } from '../../src/policy-defaults.ts';

test('a quantile is right to a tenth, and forgets what is 20 s old', () => {
  const random = seededRandom(3);
  const quantile = new LatencyQuantile(0.95);
  for (let i = 0; i < 10_000; i += 1) quantile.add(100 * random(), i);
  const p95 = quantile.at(10_000) as number;
  expect(p95).toBeGreaterThan(90);
  expect(p95).toBeLessThan(106);
  expect(quantile.at(40_000)).toBeUndefined();
});

test('a quantile is unknown before 20 samples, and takes any latency', () => {
  const quantile = new LatencyQuantile(0.5);
  for (const latency of [0, -1, 1e12]) quantile.add(latency, 0);
  expect(quantile.at(0)).toBeUndefined();
  for (let i = 0; i < 20; i += 1) quantile.add(5, 0);
  expect(quantile.at(0)).toBeCloseTo(5, 0);
});

test('by percentile nothing is raced until it is known what is slow', () => {
  const hedging = new Hedging({ percentile: 0.95, maxRatio: 0.05 });
  expect(hedging.delayMs(0)).toBeUndefined();
  for (let i = 0; i < 100; i += 1) hedging.answered(i < 90 ? 2 : 200, i);
  expect(hedging.delayMs(100)).toBeGreaterThan(150);
});

test('options: off unless asked for, and one way to say the delay replaces the other', () => {
  expect(resolvePolicy().hedge).toBeNull();
  expect(resolvePolicy({ hedge: {} }).hedge).toEqual({ percentile: 0.95, maxRatio: 0.05 });
  expect(resolvePolicy({ hedge: { delayMs: 30 } }).hedge).toEqual({ delayMs: 30, maxRatio: 0.05 });
  expect(() => resolvePolicy({ hedge: { delayMs: 30, percentile: 0.9 } })).toThrow(
    'hedge must be by delayMs or by percentile, got 30 and 0.9',
  );
  expect(() => resolvePolicy({ hedge: { percentile: 1 } })).toThrow('hedge.percentile must be');
  expect(() => resolvePolicy({ hedge: { maxRatio: 2 } })).toThrow(
    'hedge.maxRatio must be within 0..1',
  );
});

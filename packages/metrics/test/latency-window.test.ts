import { seededRandom } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { LatencyWindow, WindowTotal } from '../src/latency-window.ts';

function totalOf(window: LatencyWindow, from: number, to: number): WindowTotal {
  const total = new WindowTotal();
  window.addTo(total, from, to);
  return total;
}

function record(window: LatencyWindow, latencyMs: number, failed: boolean, endedAt: number): void {
  window.record({ startedAt: endedAt - latencyMs, endedAt, flag: '-' }, failed);
}

test('quantiles are within 7 % of the exact ones from 0.2 ms to a minute', () => {
  const random = seededRandom(7);
  const window = new LatencyWindow();
  const values = Array.from({ length: 5_000 }, () => 0.2 * 300_000 ** random());
  for (const value of values) record(window, value, false, 500);
  values.sort((a, b) => a - b);
  const total = totalOf(window, 0, 0);
  for (const ratio of [0.01, 0.5, 0.9, 0.99, 1]) {
    const exact = values[Math.ceil(ratio * values.length) - 1] as number;
    expect(Math.abs((total.quantile(ratio) as number) / exact - 1)).toBeLessThan(0.07);
  }
});

test('only the seconds that are asked for count', () => {
  const window = new LatencyWindow();
  record(window, 1, true, 900);
  record(window, 1, false, 1_500);
  record(window, 1, false, 2_500);
  expect(totalOf(window, 1, 2).calls).toBe(2);
  expect(totalOf(window, 1, 2).errors).toBe(0);
  expect(totalOf(window, 0, 0).errors).toBe(1);
});

test('a second takes the place of the one a turn of the ring before it', () => {
  const window = new LatencyWindow();
  record(window, 5, true, 1_000);
  record(window, 5, false, 65_000);
  expect(totalOf(window, 0, 100).calls).toBe(1);
  expect(totalOf(window, 0, 100).errors).toBe(0);
});

test('what ends a turn of the ring too late is left out and disturbs nothing', () => {
  const window = new LatencyWindow();
  record(window, 5, false, 65_000);
  record(window, 5, false, 1_000);
  expect(totalOf(window, 0, 100).calls).toBe(1);
});

test('latencies that no clock gives are counted and do not break quantiles', () => {
  const window = new LatencyWindow();
  for (const value of [Number.NaN, -3, Number.POSITIVE_INFINITY, 1e9])
    record(window, value, false, 0);
  const total = totalOf(window, 0, 0);
  expect(total.calls).toBe(4);
  expect(total.quantile(0.5)).toBeLessThan(0.1);
  expect(total.quantile(1)).toBeGreaterThan(100_000);
  expect(total.totalMs).toBe(1e9);
});

test('a window without calls has no quantile', () => {
  expect(totalOf(new LatencyWindow(), 0, 100).quantile(0.5)).toBeUndefined();
});

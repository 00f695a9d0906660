import { expect, test } from '@jest/globals';
import { bucketBounds, bucketOf, Histogram, measured } from '../src/histogram.ts';

test('every value falls into the first bucket whose bound is not below it', () => {
  const values = [0, 0.1, 0.75, 1.5, 3, 7.3, 99.9, 4e5, 3_600_000.5, 1e12];
  for (const value of [...bucketBounds, ...bucketBounds.map((bound) => bound + 0.01), ...values]) {
    const first = bucketBounds.findIndex((bound) => value <= bound);
    expect([value, bucketOf(value)]).toEqual([value, first < 0 ? bucketBounds.length : first]);
  }
});

test('NaN, negative and infinite values are counted as 0 and leave the sum a number', () => {
  const histogram = new Histogram();
  for (const value of [Number.NaN, -1, Number.POSITIVE_INFINITY, 2])
    histogram.record(measured(value));
  expect(histogram.count).toBe(4);
  expect(histogram.sum).toBe(2);
  expect(histogram.countAt(0)).toBe(3);
});

test('histograms add up bucket by bucket', () => {
  const one = new Histogram();
  const two = new Histogram();
  one.record(3);
  two.record(3);
  two.record(40);
  one.add(two);
  expect([one.count, one.sum, one.countAt(bucketOf(3))]).toEqual([3, 46, 2]);
});

import { latencyBuckets, latencyQuantile } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OpenSteps, rowLength } from '../src/graph/open-steps.ts';
import { TrafficTotal } from '../src/graph/traffic-total.ts';

const size = 4;

/** A step of the first three rounds, and what one report tells of it, by bucket. */
const told = fc.record({
  step: fc.integer({ min: 0, max: 3 * size - 1 }),
  counts: fc.dictionary(fc.integer({ min: 0, max: latencyBuckets - 1 }).map(String), fc.nat(1_000)),
});

test('whatever reports tell of a step, in whatever order, it holds their sum', () => {
  fc.assert(
    fc.property(fc.array(told, { maxLength: 40 }), (reports) => {
      const open = new OpenSteps(size);
      const expected = new Map<number, TrafficTotal>();
      for (const { step, counts } of reports) {
        const latencies = Object.entries(counts).flatMap(([bucket, n]) => [Number(bucket), n]);
        const calls = Object.values(counts).reduce((sum, n) => sum + n, 0);
        if ((open.inPlaceOf(step) ?? -1) > step) continue;
        if (!open.has(step)) {
          expected.delete(open.inPlaceOf(step) ?? -1);
          open.begin(step);
          expected.set(step, new TrafficTotal());
        }
        open.add(step, calls, Math.floor(calls / 2), latencies);
        expected.get(step)?.add(calls, Math.floor(calls / 2), latencies);
      }
      for (let step = 0; step < 3 * size; step += 1) {
        const total = new TrafficTotal();
        open.addTo(total, step);
        expect(total).toEqual(expected.get(step) ?? new TrafficTotal());
        expect(rowOf(open, step)).toEqual(expectedRow(expected.get(step)));
      }
    }),
    { numRuns: 200 },
  );
});

test('a count beyond all measure stays at the largest, and does not begin anew', () => {
  const open = new OpenSteps(size);
  open.begin(1);
  for (let i = 0; i < 3; i += 1) open.add(1, 2 ** 31, 2 ** 31, [40, 2 ** 31]);
  const total = new TrafficTotal();
  open.addTo(total, 1);
  expect([total.calls, total.errors, total.latencies[40]]).toEqual(Array(3).fill(2 ** 32 - 1));
});

function rowOf(open: OpenSteps, step: number): number[] | undefined {
  if (!open.has(step)) return undefined;
  const row = new Float32Array(rowLength);
  open.readRow(step, row, 0);
  return [...row];
}

function expectedRow(total: TrafficTotal | undefined): number[] | undefined {
  if (total === undefined) return undefined;
  const quantiles = [0.5, 0.9, 0.99].map((ratio) => latencyQuantile(total.latencies, ratio) ?? 0);
  return [...Float32Array.of(total.calls, total.errors, ...quantiles)];
}

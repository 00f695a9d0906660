import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRetryBudget } from '../src/retry-budget.ts';

const policy = { ratio: 0.2, minPerSecond: 10, ttlMs: 10_000 };

function withdrawAll(budget: ReturnType<typeof createRetryBudget>, now: number): number {
  let taken = 0;
  while (budget.tryWithdraw(now)) taken += 1;
  return taken;
}

test('saves up what two seconds of its minimum bring, before any call and afterwards', () => {
  const budget = createRetryBudget(policy);
  expect(budget.remaining(0)).toBe(20);
  expect(withdrawAll(budget, 0)).toBe(20);
  expect(budget.remaining(1_000)).toBe(10);
  expect(withdrawAll(budget, 3_600_000)).toBe(20);
});

test('saves up a fifth of the calls of two seconds where that is more, and not both', () => {
  const budget = createRetryBudget(policy);
  for (let i = 0; i < 10_000; i += 1) budget.deposit(i);
  expect(budget.remaining(9_999)).toBe(400);
  expect(withdrawAll(budget, 9_999)).toBe(400);
  expect(budget.remaining(9_999)).toBe(0);
});

test('deals out evenly what a failing destination may bear: no second gets three times its load', () => {
  const budget = createRetryBudget(policy);
  const perSecond = new Array<number>(40).fill(0);
  for (let i = 0; i < 4_000; i += 1) {
    const second = Math.floor(i / 100);
    budget.deposit(10 * i);
    for (let retry = 0; second >= 10 && retry < 2; retry += 1) {
      if (budget.tryWithdraw(10 * i)) perSecond[second] = (perSecond[second] as number) + 1;
    }
  }
  expect(Math.max(...perSecond)).toBeLessThanOrEqual(60);
  for (const retries of perSecond.slice(12)) expect(Math.abs(retries - 20)).toBeLessThanOrEqual(1);
});

test('five deposits of a fifth are one retry where nothing is reserved', () => {
  const budget = createRetryBudget({ ...policy, minPerSecond: 0 });
  for (let i = 0; i < 4; i += 1) budget.deposit(0);
  expect(budget.tryWithdraw(0)).toBe(false);
  budget.deposit(0);
  expect(budget.tryWithdraw(0)).toBe(true);
  expect(budget.tryWithdraw(0)).toBe(false);
});

test('deposits expire, but for a single retry', () => {
  const budget = createRetryBudget({ ...policy, minPerSecond: 0 });
  for (let i = 0; i < 1_000; i += 1) budget.deposit(0);
  expect(withdrawAll(budget, 10_001)).toBe(1);
});

test('a destination that always fails gets no more than its share of retries, however long it lasts', () => {
  const budget = createRetryBudget(policy);
  let retries = 0;
  const calls = 1_000 * 60;
  for (let i = 0; i < calls; i += 1) {
    budget.deposit(i);
    if (budget.tryWithdraw(i)) retries += 1;
    if (budget.tryWithdraw(i)) retries += 1;
  }
  // The minimum of two seconds was there before the first call, and came in until calls were known.
  expect(retries).toBeLessThanOrEqual(calls * 0.2 + 30);
  expect(retries).toBeGreaterThan(calls * 0.19);
});

test('in no span are there more retries than the budget says, and its reserve', () => {
  const [ratio, perMs, reserveMs] = [0.5, 0.001, 2_000];
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.boolean()), { maxLength: 300 }),
      (steps) => {
        const budget = createRetryBudget({ ratio, minPerSecond: 1_000 * perMs, ttlMs: 10_000 });
        let now = 0;
        const calls: number[] = [];
        let retries = 0;
        for (const [wait, isCall] of steps) {
          now += wait;
          if (isCall) {
            budget.deposit(now);
            calls.push(now);
          } else if (budget.tryWithdraw(now)) retries += 1;
        }
        // Calls in spurts have both: their share, and the minimum between the spurts.
        const earned = calls.length * ratio + now * perMs;
        expect(retries).toBeLessThanOrEqual(earned + perMs * reserveMs);
      },
    ),
  );
});

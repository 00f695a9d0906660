import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRetryBudget } from '../src/retry-budget.ts';

const policy = { ratio: 0.2, minPerSecond: 10, ttlMs: 10_000 };

function withdrawAll(budget: ReturnType<typeof createRetryBudget>, now: number): number {
  let taken = 0;
  while (budget.tryWithdraw(now)) taken += 1;
  return taken;
}

test('allows ten a second over ten seconds before any call', () => {
  expect(withdrawAll(createRetryBudget(policy), 0)).toBe(100);
});

test('allows a fifth of the calls where that is more, and not both', () => {
  const budget = createRetryBudget(policy);
  for (let i = 0; i < 1_000; i += 1) budget.deposit(i);
  expect(budget.remaining(1_000)).toBe(200);
  expect(withdrawAll(budget, 1_000)).toBe(200);
  expect(budget.remaining(1_000)).toBe(0);
});

test('five deposits of a fifth are one retry where nothing is reserved', () => {
  const budget = createRetryBudget({ ...policy, minPerSecond: 0 });
  for (let i = 0; i < 4; i += 1) budget.deposit(0);
  expect(budget.tryWithdraw(0)).toBe(false);
  budget.deposit(0);
  expect(budget.tryWithdraw(0)).toBe(true);
  expect(budget.tryWithdraw(0)).toBe(false);
});

test('deposits expire', () => {
  const budget = createRetryBudget({ ...policy, minPerSecond: 0 });
  for (let i = 0; i < 1_000; i += 1) budget.deposit(0);
  expect(withdrawAll(budget, 10_001)).toBe(0);
});

test('what was taken from the reserve comes back after the ttl', () => {
  const budget = createRetryBudget(policy);
  withdrawAll(budget, 0);
  expect(budget.tryWithdraw(8_000)).toBe(false);
  expect(withdrawAll(budget, 10_001)).toBe(100);
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
  // A bucket is a tenth of the ttl, and the minimum was there before the first call.
  expect(retries).toBeLessThanOrEqual(calls * 0.2 + 200);
  expect(retries).toBeGreaterThan(calls * 0.19);
});

test('in no window are there more retries than the budget says', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.boolean()), { maxLength: 300 }),
      (steps) => {
        const budget = createRetryBudget({ ratio: 0.5, minPerSecond: 1, ttlMs: 10_000 });
        let now = 0;
        const calls: number[] = [];
        const retries: number[] = [];
        for (const [wait, isCall] of steps) {
          now += wait;
          if (isCall) {
            budget.deposit(now);
            calls.push(now);
          } else if (budget.tryWithdraw(now)) {
            retries.push(now);
            // A bucket is a tenth of the ttl, so a window may be that much short.
            const taken = retries.filter((at) => at > now - 9_000).length;
            const deposited = calls.filter((at) => at > now - 10_000).length * 0.5;
            expect(taken).toBeLessThanOrEqual(Math.max(10, deposited));
          }
        }
      },
    ),
  );
});

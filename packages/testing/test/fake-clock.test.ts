import { createFakeClock, seededRandom } from '@inmesh/testing';
import { expect, test } from '@jest/globals';

test('timers run in order, each at its own time, and nested ones in the same advance', () => {
  const clock = createFakeClock();
  const seen: string[] = [];
  clock.setTimer(() => seen.push(`b@${clock.now()}`), 20);
  clock.setTimer(() => {
    seen.push(`a@${clock.now()}`);
    clock.setTimer(() => seen.push(`c@${clock.now()}`), 5);
  }, 10);
  clock.setTimer(() => seen.push('never'), 10).cancel();
  clock.advance(30);
  expect(seen).toEqual(['a@10', 'c@15', 'b@20']);
  expect(clock.now()).toBe(30);
  expect(clock.pendingTimers).toBe(0);
});

test('a jump of the wall clock does not move monotonic time', () => {
  const clock = createFakeClock();
  const before = clock.wallNow();
  clock.jumpWall(3_600_000);
  expect(clock.now()).toBe(0);
  expect(clock.wallNow() - before).toBe(3_600_000);
});

test('a seed gives the same numbers in 0..1 every time', () => {
  const one = seededRandom(7);
  const two = seededRandom(7);
  const numbers = Array.from({ length: 1000 }, () => one());
  expect(numbers).toEqual(Array.from({ length: 1000 }, () => two()));
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...numbers)).toBeLessThan(1);
});

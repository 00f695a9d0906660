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

test('a delay beyond what Node can wait is clamped, as the system clock clamps it', () => {
  const clock = createFakeClock();
  let fired = 0;
  clock.setTimer(() => {
    fired += 1;
  }, 2 ** 40);
  clock.advance(2 ** 31 - 2);
  expect(fired).toBe(0);
  clock.advance(1);
  expect(fired).toBe(1);
});

test('promises settle between timers when time is moved asynchronously', async () => {
  const clock = createFakeClock();
  const seen: string[] = [];
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => void clock.setTimer(resolve, ms));
  const run = async (): Promise<void> => {
    await wait(10);
    seen.push(`first@${clock.now()}`);
    await wait(10);
    seen.push(`second@${clock.now()}`);
  };
  const done = run();
  await clock.advanceAsync(25);
  await done;
  expect(seen).toEqual(['first@10', 'second@20']);
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

test('block lets time pass without timers, which then come late', () => {
  const clock = createFakeClock();
  let ranAt = 0;
  clock.setTimer(() => {
    ranAt = clock.now();
  }, 100);
  clock.block(300);
  expect(ranAt).toBe(0);
  clock.advance(0);
  expect(ranAt).toBe(300);
});

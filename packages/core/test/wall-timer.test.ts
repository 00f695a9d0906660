import { setWallTimer } from '@inmesh/core';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';

test('a wall timer runs once, when the wall clock has got there', () => {
  const clock = createFakeClock();
  let runs = 0;
  setWallTimer(
    clock,
    () => {
      runs += 1;
    },
    clock.wallNow() + 90_000,
  );
  clock.advance(89_999);
  expect(runs).toBe(0);
  clock.advance(1);
  expect(runs).toBe(1);
  clock.advance(1_000_000);
  expect([runs, clock.pendingTimers]).toEqual([1, 0]);
});

test('a wall timer notices within a minute that the clock has jumped, in either direction', () => {
  const clock = createFakeClock();
  let runs = 0;
  setWallTimer(
    clock,
    () => {
      runs += 1;
    },
    clock.wallNow() + 3_600_000,
  );
  clock.jumpWall(-3_600_000);
  clock.advance(3_600_000);
  expect(runs).toBe(0);
  clock.jumpWall(3_600_000);
  clock.advance(60_000);
  expect(runs).toBe(1);
});

test('a wall timer for a moment that is over runs at once, but never synchronously', () => {
  const clock = createFakeClock();
  let runs = 0;
  setWallTimer(
    clock,
    () => {
      runs += 1;
    },
    clock.wallNow() - 1,
  );
  expect(runs).toBe(0);
  clock.advance(0);
  expect(runs).toBe(1);
});

test('a wall timer that was cancelled, also after it has looked, does not run', () => {
  const clock = createFakeClock();
  let runs = 0;
  const timer = setWallTimer(
    clock,
    () => {
      runs += 1;
    },
    clock.wallNow() + 200_000,
  );
  clock.advance(130_000);
  timer.cancel();
  clock.advance(200_000);
  expect([runs, clock.pendingTimers]).toEqual([0, 0]);
});

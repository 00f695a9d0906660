import type { Clock } from '@inmesh/core';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { Watchdog } from '../src/watchdog.ts';

test('barks after the limit of silence, counted from the last sound', () => {
  const clock = createFakeClock();
  let silentAt = 0;
  const dog = new Watchdog({
    clock,
    limitMs: 300,
    onSilent: () => {
      silentAt = clock.now();
    },
  });
  clock.advance(250);
  dog.heard();
  clock.advance(1_000);
  expect(silentAt).toBe(550);
  expect(clock.pendingTimers).toBe(0);
});

test('a stopped one neither barks nor keeps a timer', () => {
  const clock = createFakeClock();
  const dog = new Watchdog({
    clock,
    limitMs: 300,
    onSilent: () => {
      throw new Error('barked');
    },
  });
  dog.stop();
  expect(clock.pendingTimers).toBe(0);
});

test('a process that was blocked gets to read what waits in its sockets before the stream is called dead', () => {
  const timers: (() => void)[] = [];
  let now = 0;
  let silent = false;
  const clock: Clock = {
    now: () => now,
    wallNow: () => 0,
    setTimer(callback) {
      timers.push(callback);
      return { cancel: () => {} };
    },
  };
  const dog = new Watchdog({
    clock,
    limitMs: 300,
    onSilent: () => {
      silent = true;
    },
  });
  now = 60_000; // the loop stood still for a minute
  timers.shift()?.();
  expect(silent).toBe(false);
  dog.heard();
  now += 100;
  timers.shift()?.();
  expect(silent).toBe(false);
  now += 300;
  timers.shift()?.();
  expect(silent).toBe(true);
});

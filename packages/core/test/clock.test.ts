import { maxTimerDelayMs, systemClock } from '@inmesh/core';
import { expect, test } from '@jest/globals';

test.each([2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY])(
  'a delay of %d is the longest there is, not one millisecond',
  async (delayMs) => {
    let fired = false;
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const timer = systemClock.setTimer(() => {
      fired = true;
    }, delayMs);
    // A real timer of 5 ms that starts later ends later than one of 1 ms.
    await new Promise<void>(
      (resolve) => void systemClock.setTimer(resolve, 5, { keepAlive: true }),
    );
    process.off('warning', warned);
    timer.cancel();
    expect(fired).toBe(false);
    expect(warnings).toEqual([]);
  },
);

test('a negative delay is none', async () => {
  await new Promise<void>((resolve) => void systemClock.setTimer(resolve, -5, { keepAlive: true }));
});

test('a cancelled timer does not run, and cancelling twice does no harm', async () => {
  let fired = false;
  const timer = systemClock.setTimer(() => {
    fired = true;
  }, 0);
  timer.cancel();
  timer.cancel();
  await new Promise<void>((resolve) => void systemClock.setTimer(resolve, 5, { keepAlive: true }));
  expect(fired).toBe(false);
});

test('monotonic time does not go back, and wall time is the epoch', () => {
  const before = systemClock.now();
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
  expect(Math.abs(systemClock.wallNow() - Date.now())).toBeLessThan(1000);
  expect(maxTimerDelayMs).toBe(2_147_483_647);
});

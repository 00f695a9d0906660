import { createFakeClock, seededRandom } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { createDeadlineWheel, WheelTimer } from '../src/deadline-wheel.ts';

class Probe extends WheelTimer {
  firedAt: number | undefined = undefined;
  readonly #fired: () => void;
  constructor(fired: () => void = () => {}) {
    super();
    this.#fired = fired;
  }
  override onDue(): void {
    this.#fired();
  }
}

test('every deadline is met, never early and at most one step late', () => {
  const clock = createFakeClock(123.4);
  const wheel = createDeadlineWheel(clock);
  const random = seededRandom(1);
  const late: number[] = [];
  let left = 2_000;
  for (let i = 0; i < 2_000; i += 1) {
    const at = clock.now() + random() * 20_000;
    const probe = new Probe(() => {
      left -= 1;
      late.push(clock.now() - at);
    });
    wheel.set(probe, at);
    if (i % 10 === 0) clock.advance(random() * 50);
  }
  clock.advance(40_000);
  expect(left).toBe(0);
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...late)).toBeLessThanOrEqual(8.001);
  expect(clock.pendingTimers).toBe(0);
});

test('a timer that was cleared or moved does not run at its old time', () => {
  const clock = createFakeClock();
  const wheel = createDeadlineWheel(clock);
  const fired: string[] = [];
  const cleared = new Probe(() => fired.push('cleared'));
  const moved = new Probe(() => fired.push('moved'));
  wheel.set(cleared, 100);
  wheel.set(moved, 100);
  wheel.clear(cleared);
  wheel.clear(cleared);
  wheel.set(moved, 500);
  clock.advance(400);
  expect(fired).toEqual([]);
  clock.advance(200);
  expect(fired).toEqual(['moved']);
});

test('a timer may set and clear others, and itself, while it runs', () => {
  const clock = createFakeClock();
  const wheel = createDeadlineWheel(clock);
  const fired: number[] = [];
  const victim = new Probe(() => fired.push(-1));
  const again: Probe = new Probe(() => {
    fired.push(clock.now());
    wheel.clear(victim);
    if (fired.length < 3) wheel.set(again, clock.now() + 10);
  });
  wheel.set(victim, 16);
  wheel.set(again, 16);
  clock.advance(100);
  expect(fired).toEqual([16, 32, 48]);
});

test('a clock that stood still for long runs everything that fell due', () => {
  const clock = createFakeClock();
  const wheel = createDeadlineWheel(clock);
  let fired = 0;
  for (let i = 1; i <= 100; i += 1) wheel.set(new Probe(() => (fired += 1)), i * 100);
  clock.advance(3_600_000);
  expect(fired).toBe(100);
});

test('72: no deadline is too far, and Infinity is none', () => {
  const clock = createFakeClock();
  const wheel = createDeadlineWheel(clock);
  let fired = 0;
  wheel.set(new Probe(() => (fired += 1)), 2 ** 31);
  wheel.set(new Probe(() => (fired += 1)), Infinity);
  clock.advance(60_000);
  expect(fired).toBe(0);
  wheel.close();
  expect(clock.pendingTimers).toBe(0);
});

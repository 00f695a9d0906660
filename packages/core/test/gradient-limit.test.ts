import { type ConcurrencyLimiter, createGradientLimit, defaultAdaptiveLimit } from '@inmesh/core';
import { createFakeClock, seededRandom } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';

/** Ten workers of 10 ms each: 1,000 requests a second. */
const workers = 10;
const serviceMs = 10;
const capacity = (workers * 1_000) / serviceMs;
/** An answer later than that is of no use to anybody. */
const deadlineMs = 100;

interface Played {
  /** Answers in time, a second. */
  readonly goodput: number;
  readonly limit: number;
}

/** Poisson arrivals at a server with a queue, for `seconds`; counted after the first ten. */
function play(offered: number, seconds: number, limiter: ConcurrencyLimiter): Played {
  const clock = createFakeClock();
  const random = seededRandom(5);
  const freeAt = new Array<number>(workers).fill(0);
  let inFlight = 0;
  let good = 0;
  const end = seconds * 1_000;
  while (clock.now() < end) {
    clock.advance((-Math.log(1 - random()) * 1_000) / offered);
    const now = clock.now();
    if (inFlight >= limiter.limit) continue;
    inFlight += 1;
    const worker = freeAt.indexOf(Math.min(...freeAt));
    const startsAt = Math.max(now, freeAt[worker] as number);
    const endsAt = startsAt + serviceMs * (0.5 + random());
    freeAt[worker] = endsAt;
    clock.setTimer(() => {
      limiter.record(endsAt - now, inFlight, false, endsAt);
      inFlight -= 1;
      if (endsAt - now <= deadlineMs && now > 10_000) good += 1;
    }, endsAt - now);
  }
  return { goodput: good / (seconds - 10), limit: limiter.limit };
}

const adaptive = () => createGradientLimit(defaultAdaptiveLimit);
const none: ConcurrencyLimiter = { limit: Number.POSITIVE_INFINITY, record() {} };

describe('at three times its capacity a server', () => {
  test('does next to nothing of use without a limit', () => {
    expect(play(3 * capacity, 20, none).goodput).toBeLessThan(0.1 * capacity);
  });

  test('keeps 90 % of its goodput with the adaptive limit, however long it lasts', () => {
    const { goodput, limit } = play(3 * capacity, 120, adaptive());
    expect(goodput).toBeGreaterThan(0.9 * capacity);
    // Hardly more than there are workers: the queue does not become the normal.
    expect(limit).toBeLessThan(5 * workers);
  });
});

test('below its capacity nothing is refused', () => {
  expect(play(0.7 * capacity, 40, adaptive()).goodput).toBeGreaterThan(0.68 * capacity);
});

test('the limit grows while latency stays what it is, up to its maximum', () => {
  const limiter = createGradientLimit({ ...defaultAdaptiveLimit, maxLimit: 60 });
  for (let now = 0; now < 60_000; now += 5) limiter.record(10, limiter.limit, false, now);
  expect(limiter.limit).toBeGreaterThanOrEqual(30);
  expect(limiter.limit).toBeLessThanOrEqual(60);
});

test('results that were dropped lower it, and never below its minimum', () => {
  const limiter = adaptive();
  for (let now = 0; now < 60_000; now += 5) limiter.record(0, 20, true, now);
  expect(limiter.limit).toBe(defaultAdaptiveLimit.minLimit);
});

test('reading the limit changes nothing', () => {
  const limiter = adaptive();
  for (let i = 0; i < 1_000; i += 1) expect(limiter.limit).toBe(20);
});

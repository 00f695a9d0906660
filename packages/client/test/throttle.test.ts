import { createFakeClock, seededRandom } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { Throttle } from '../src/throttle.ts';
import { clientOf, upstream } from './client-fixture.ts';

const policy = { factor: 2, maxRatio: 0.9, windowMs: 10_000 };

/** Calls a millisecond apart at a destination that takes `acceptRatio` of them. Gives the share that was sent. */
function sentRatio(acceptRatio: number, calls = 20_000): number {
  const throttle = new Throttle(policy);
  const random = seededRandom(2);
  const clock = createFakeClock();
  let sent = 0;
  for (let i = 0; i < calls; i += 1) {
    clock.advance(1);
    if (!throttle.admits(clock.now(), random)) continue;
    sent += 1;
    throttle.ended(random() < acceptRatio, clock.now());
  }
  return sent / calls;
}

test('refuses nothing while the destination takes half of the calls and more', () => {
  expect(sentRatio(1)).toBe(1);
  expect(sentRatio(0.6)).toBeGreaterThan(0.95);
});

test('sends a destination that takes nothing a tenth of the calls', () => {
  expect(sentRatio(0)).toBeGreaterThan(0.09);
  expect(sentRatio(0)).toBeLessThan(0.12);
});

test('opens again by itself when the destination takes calls again', () => {
  const throttle = new Throttle(policy);
  const random = seededRandom(2);
  for (let now = 0; now < 10_000; now += 1) {
    if (throttle.admits(now, random)) throttle.ended(false, now);
  }
  expect(throttle.refusalRatio(10_000)).toBe(0.9);
  for (let now = 10_000; now < 40_000; now += 1) {
    if (throttle.admits(now, random)) throttle.ended(true, now);
  }
  expect(throttle.refusalRatio(40_000)).toBe(0);
});

test('a burst of calls that are all under way is refused nothing', () => {
  const throttle = new Throttle(policy);
  for (let call = 0; call < 1_000; call += 1) expect(throttle.admits(0, () => 0)).toBe(true);
});

test('a few failures are no reason yet', () => {
  const throttle = new Throttle(policy);
  for (let call = 0; call < 9; call += 1) throttle.ended(false, 0);
  expect(throttle.refusalRatio(0)).toBe(0);
  throttle.ended(false, 0);
  expect(throttle.refusalRatio(0)).toBe(0.9);
});

test('a client refuses here what its destination would refuse', async () => {
  const busy = await upstream({ fault: { kind: 'status', status: 503 } });
  const client = clientOf([busy], { throttle: {}, breaker: null, retry: { maxRetries: 0 } });
  const codes = new Map<string, number>();
  for (let i = 0; i < 200; i += 1) {
    const code = await client.request('http://reviews/').then(
      ({ status }) => String(status),
      (error) => error.code as string,
    );
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  expect([...codes.keys()].sort()).toEqual(['503', 'overloaded']);
  expect(busy.requests).toBeLessThan(60);
});

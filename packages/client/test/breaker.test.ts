import type { BreakerPolicy, BreakerState } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Breaker, createBreaker } from '../src/breaker.ts';
import { defaultPolicy } from '../src/policy-defaults.ts';

const policy = defaultPolicy.breaker as BreakerPolicy;

function run(breaker: Breaker, results: readonly boolean[], now: number): void {
  for (const ok of results) breaker.settle(breaker.tryAcquire(now), ok, now);
}

function opened(now: number, over: Partial<typeof policy> = {}): Breaker {
  const breaker = createBreaker({ ...policy, ...over });
  run(breaker, Array(20).fill(false), now);
  expect(breaker.state).toBe('open');
  return breaker;
}

describe('a closed breaker', () => {
  test('opens at half of at least twenty calls', () => {
    const breaker = createBreaker(policy);
    run(breaker, [...Array(10).fill(true), ...Array(9).fill(false)], 0);
    expect(breaker.state).toBe('closed');
    run(breaker, [false], 0);
    expect(breaker.state).toBe('open');
  });

  test('stays closed below twenty calls though all of them fail', () => {
    const breaker = createBreaker(policy);
    run(breaker, Array(19).fill(false), 0);
    expect(breaker.state).toBe('closed');
  });

  test('opens when a success is the twentieth call and the failures are many enough', () => {
    const breaker = createBreaker(policy);
    run(breaker, [...Array(19).fill(false), true], 0);
    expect(breaker.state).toBe('open');
  });

  test('forgets failures that have left the window', () => {
    const breaker = createBreaker(policy);
    run(breaker, Array(19).fill(false), 0);
    run(breaker, [false], 11_000);
    expect(breaker.state).toBe('closed');
  });

  test('forgets old failures though only successes came since', () => {
    const breaker = createBreaker(policy);
    run(breaker, Array(19).fill(false), 0);
    run(breaker, Array(40).fill(true), 11_000);
    expect(breaker.state).toBe('closed');
  });

  test('does not count calls that say nothing', () => {
    const breaker = createBreaker(policy);
    for (let i = 0; i < 100; i += 1) breaker.settle(breaker.tryAcquire(0), undefined, 0);
    run(breaker, Array(19).fill(false), 0);
    expect(breaker.state).toBe('closed');
  });
});

describe('an open breaker', () => {
  test('refuses until the sleep is over and then lets exactly one probe pass', () => {
    const breaker = opened(0);
    expect(breaker.tryAcquire(4_999)).toBe(0);
    expect(breaker.tryAcquire(5_000)).toBeGreaterThan(0);
    expect(breaker.tryAcquire(5_000)).toBe(0);
    expect(breaker.tryAcquire(5_001)).toBe(0);
  });

  test('does not change when its state is read, however late', () => {
    const breaker = opened(0);
    for (let i = 0; i < 10; i += 1) expect(breaker.state).toBe('open');
    expect(breaker.tryAcquire(60_000)).toBeGreaterThan(0);
    expect(breaker.state).toBe('half-open');
  });

  test('is not closed by a late success of a call from before it opened', () => {
    const breaker = createBreaker(policy);
    const late = breaker.tryAcquire(0);
    run(breaker, Array(20).fill(false), 0);
    breaker.settle(late, true, 1);
    expect(breaker.state).toBe('open');
    breaker.tryAcquire(5_000);
    breaker.settle(late, true, 5_001);
    expect(breaker.state).toBe('half-open');
  });

  test('is not opened for longer by a late failure of a call from before it opened', () => {
    const breaker = createBreaker(policy);
    const late = breaker.tryAcquire(0);
    run(breaker, Array(20).fill(false), 0);
    const probe = breaker.tryAcquire(5_000);
    breaker.settle(late, false, 5_000);
    breaker.settle(probe, true, 5_001);
    expect(breaker.state).toBe('closed');
  });
});

describe('a half-open breaker', () => {
  test('closes on the success of its probe and starts counting anew', () => {
    const breaker = opened(0);
    breaker.settle(breaker.tryAcquire(5_000), true, 5_010);
    expect(breaker.state).toBe('closed');
    run(breaker, [...Array(11).fill(true), ...Array(9).fill(false)], 5_020);
    expect(breaker.state).toBe('closed');
  });

  test('has forgotten, once closed, the calls from before it opened', () => {
    const breaker = createBreaker(policy);
    const late = Array.from({ length: 20 }, () => breaker.tryAcquire(0));
    run(breaker, Array(20).fill(false), 0);
    breaker.settle(breaker.tryAcquire(5_000), true, 5_010);
    for (const ticket of late) breaker.settle(ticket, false, 5_020);
    expect(breaker.state).toBe('closed');
  });

  test('opens again for a whole sleep on the failure of its probe', () => {
    const breaker = opened(0);
    breaker.settle(breaker.tryAcquire(5_000), false, 6_000);
    expect(breaker.state).toBe('open');
    expect(breaker.tryAcquire(10_999)).toBe(0);
    expect(breaker.tryAcquire(11_000)).toBeGreaterThan(0);
  });

  test('gives the place of a probe that said nothing to the next call at once', () => {
    const breaker = opened(0);
    breaker.settle(breaker.tryAcquire(5_000), undefined, 5_001);
    expect(breaker.tryAcquire(5_001)).toBeGreaterThan(0);
  });

  test('replaces a probe that is lost after the sleep, and ignores its late answer', () => {
    const breaker = opened(0);
    const lost = breaker.tryAcquire(5_000);
    expect(breaker.tryAcquire(9_999)).toBe(0);
    const next = breaker.tryAcquire(10_000);
    expect(next).toBeGreaterThan(lost);
    breaker.settle(lost, false, 10_001);
    expect(breaker.state).toBe('half-open');
    breaker.settle(next, true, 10_002);
    expect(breaker.state).toBe('closed');
  });

  test('lets as many probes pass as the policy says and wants as many successes', () => {
    const breaker = opened(0, { probes: 3, successesToClose: 2 });
    const tickets = [1, 2, 3, 4].map(() => breaker.tryAcquire(5_000));
    expect(tickets.map((ticket) => ticket > 0)).toEqual([true, true, true, false]);
    breaker.settle(tickets[0] as number, true, 5_001);
    expect(breaker.state).toBe('half-open');
    breaker.settle(tickets[1] as number, true, 5_001);
    expect(breaker.state).toBe('closed');
    breaker.settle(tickets[2] as number, false, 5_001);
    expect(breaker.state).toBe('closed');
  });

  test('counts one probe once, however often it is settled', () => {
    const breaker = opened(0, { successesToClose: 2 });
    const ticket = breaker.tryAcquire(5_000);
    breaker.settle(ticket, true, 5_001);
    breaker.settle(ticket, true, 5_001);
    expect(breaker.state).toBe('half-open');
  });
});

describe('a forced breaker', () => {
  test('refuses everything while forced open, and after that starts closed', () => {
    const breaker = createBreaker(policy);
    breaker.force('open');
    expect(breaker.tryAcquire(1e12)).toBe(0);
    expect(breaker.state).toBe('open');
    breaker.force(undefined);
    expect(breaker.state).toBe('closed');
    expect(breaker.tryAcquire(0)).toBeGreaterThan(0);
  });

  test('lets everything pass while forced closed', () => {
    const breaker = opened(0);
    breaker.force('closed');
    run(breaker, Array(100).fill(false), 1);
    expect(breaker.state).toBe('closed');
  });

  test('is left as it is when there was no force to end', () => {
    const breaker = opened(0);
    breaker.force(undefined);
    expect(breaker.state).toBe('open');
  });
});

test('every change is told once, with where it came from', () => {
  const told: [BreakerState, BreakerState][] = [];
  const breaker = createBreaker(policy, (from, to) => told.push([from, to]));
  run(breaker, Array(20).fill(false), 0);
  breaker.settle(breaker.tryAcquire(5_000), false, 5_000);
  breaker.settle(breaker.tryAcquire(10_000), true, 10_000);
  expect(told).toEqual([
    ['closed', 'open'],
    ['open', 'half-open'],
    ['half-open', 'open'],
    ['open', 'half-open'],
    ['half-open', 'closed'],
  ]);
});

test('whatever happens, no more probes are out than allowed, and it recovers once all is well', () => {
  const step = fc.record({
    wait: fc.integer({ min: 0, max: 8_000 }),
    result: fc.constantFrom(true, false, undefined, 'lost' as const),
    keep: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 1, max: 3 }),
      (steps, probes) => {
        const breaker = createBreaker({ ...policy, minCalls: 3, probes });
        let now = 0;
        const kept: number[] = [];
        for (const { wait, result, keep } of steps) {
          now += wait;
          const ticket = breaker.tryAcquire(now);
          if (breaker.state === 'half-open') {
            let more = 0;
            while (breaker.tryAcquire(now) > 0) more += 1;
            expect(more).toBeLessThan(probes + 1);
          }
          if (keep) kept.push(ticket);
          else if (result !== 'lost') breaker.settle(ticket, result, now);
        }
        for (const ticket of kept) breaker.settle(ticket, false, now);
        for (let i = 0; i < 20 && breaker.state !== 'closed'; i += 1) {
          now += policy.sleepMs;
          breaker.settle(breaker.tryAcquire(now), true, now);
        }
        expect(breaker.state).toBe('closed');
      },
    ),
  );
});

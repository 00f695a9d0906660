import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LatencyCost } from '../src/latency-cost.ts';

const decayMs = 10_000;

test('nothing is known before the first result', () => {
  expect(new LatencyCost(decayMs).at(1e9)).toBe(0);
});

test('a latency above the average replaces it at once', () => {
  const cost = new LatencyCost(decayMs);
  cost.succeeded(5, 0);
  cost.succeeded(250, 1);
  expect(cost.at(1)).toBe(250);
});

test('a latency below the average is approached with the decay time', () => {
  const cost = new LatencyCost(decayMs);
  cost.succeeded(250, 0);
  for (let now = 500; now <= decayMs; now += 500) cost.succeeded(5, now);
  expect(cost.at(decayMs)).toBeCloseTo(5 + 245 / Math.E, 0);
});

test('sixty-odd better answers outweigh a peak, however soon they come', () => {
  const cost = new LatencyCost(decayMs);
  cost.succeeded(250, 0);
  for (let answer = 1; answer <= 5; answer += 1) cost.succeeded(5, answer);
  expect(cost.at(5)).toBeGreaterThan(200); // a lucky few do not
  for (let answer = 6; answer <= 120; answer += 1) cost.succeeded(5, answer);
  expect(cost.at(120)).toBeLessThan(15);
});

test('unused, the cost fades, and is forgotten after five decay times', () => {
  const cost = new LatencyCost(decayMs);
  cost.succeeded(250, 0);
  expect(cost.at(decayMs)).toBeCloseTo(250 / Math.E, 5);
  expect(cost.at(5 * decayMs + 1)).toBe(0);
});

test('reading it does not change it', () => {
  const [read, unread] = [new LatencyCost(decayMs), new LatencyCost(decayMs)];
  for (const cost of [read, unread]) cost.succeeded(100, 0);
  for (let now = 0; now < 1_000; now += 1) read.at(now);
  expect(read.at(1_000)).toBe(unread.at(1_000));
});

describe('failures', () => {
  test('never make an endpoint look faster, however fast they come', () => {
    // In whole microseconds: below that lie only numbers so small that products vanish.
    const latency = fc.integer({ min: 1, max: 1_000_000 }).map((us) => us / 1_000);
    fc.assert(
      fc.property(latency, fc.array(latency, { minLength: 1 }), (success, failures) => {
        const cost = new LatencyCost(decayMs);
        cost.succeeded(success, 0);
        let before = cost.at(0);
        for (const failure of failures) {
          cost.failed(failure, 0);
          expect(cost.at(0)).toBeGreaterThan(before * 0.999);
          before = cost.at(0);
        }
      }),
    );
  });

  test('from the first request on cost like a slow answer', () => {
    const cost = new LatencyCost(decayMs);
    cost.failed(0.1, 0);
    expect(cost.at(0)).toBeGreaterThan(1_000);
  });

  test('in a row raise the cost up to 256 times', () => {
    const cost = new LatencyCost(decayMs);
    cost.succeeded(5, 0);
    for (let i = 0; i < 5; i += 1) cost.failed(0.1, 0);
    expect(cost.at(0) / 5).toBeGreaterThan(3);
    for (let i = 0; i < 500; i += 1) cost.failed(0.1, 0);
    expect(cost.at(0) / 5).toBe(256);
  });

  test('of one in a hundred hardly matter', () => {
    const cost = new LatencyCost(decayMs);
    let worst = 0;
    for (let i = 0; i < 2_000; i += 1) {
      if (i % 100 === 50) cost.failed(5, i * 10);
      else cost.succeeded(5, i * 10);
      worst = Math.max(worst, cost.at(i * 10));
    }
    expect(worst).toBeLessThan(7);
  });

  test('are forgiven after successes', () => {
    const cost = new LatencyCost(decayMs);
    cost.succeeded(5, 0);
    for (let i = 0; i < 100; i += 1) cost.failed(5, 0);
    for (let i = 0; i < 100; i += 1) cost.succeeded(5, 1);
    expect(cost.at(1)).toBeCloseTo(5, 3);
  });

  test('keep what is known from fading while they last', () => {
    const cost = new LatencyCost(decayMs);
    cost.succeeded(100, 0);
    for (let now = 1_000; now <= 60_000; now += 1_000) cost.failed(0.1, now);
    expect(cost.at(60_000)).toBeGreaterThanOrEqual(100);
  });
});

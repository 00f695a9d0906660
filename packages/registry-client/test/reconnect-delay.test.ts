import { seededRandom } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { reconnectDelayMs } from '../src/reconnect-delay.ts';

const options = { initialMs: 1_000, maxMs: 5_000, random: seededRandom(7) };

test('the window doubles up to the maximum, and stays there for ever', () => {
  const ceilings = [1, 2, 3, 4, 100, 1e9].map((attempt) =>
    reconnectDelayMs(attempt, { ...options, random: () => 1 }),
  );
  expect(ceilings).toEqual([1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
});

describe('a registry that returns after 20 s (case 56)', () => {
  /** When each of `clients` that lost the registry at 0 tries first after it is back. */
  function returns(clients: number, backAtMs: number): number[] {
    return Array.from({ length: clients }, () => {
      let at = 0;
      for (let attempt = 1; at < backAtMs; attempt += 1) at += reconnectDelayMs(attempt, options);
      return at - backAtMs;
    });
  }

  test('has 5,000 clients back within five seconds, evenly, never as a herd', () => {
    const after = returns(5_000, 20_000);
    expect(Math.max(...after)).toBeLessThanOrEqual(5_000);
    const perTenth = new Array<number>(50).fill(0);
    for (const ms of after)
      perTenth[Math.floor(ms / 100)] = (perTenth[Math.floor(ms / 100)] ?? 0) + 1;
    // Even would be 100 in each tenth of a second; those who draw short waits come earlier.
    expect(Math.max(...perTenth)).toBeLessThan(300);
  });

  test('tries while it is away are few: one in two and a half seconds for each client', () => {
    let tries = 0;
    for (let client = 0; client < 1_000; client += 1) {
      let at = 0;
      for (let attempt = 1; at < 60_000; attempt += 1, tries += 1) {
        at += reconnectDelayMs(attempt, options);
      }
    }
    expect(tries / 1_000).toBeLessThan(32);
  });
});

import type { QuotaAsk, QuotaGrant } from '@inmesh/core';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { SharedAllowance } from '../src/shared-allowance.ts';
import { TokenBuckets } from '../src/token-buckets.ts';

/** `count` processes under one limit, and the registry that they ask; `away` makes it reject. */
function fleet(count: number, perSecond = 100) {
  const clock = createFakeClock(1_000);
  const buckets = new TokenBuckets(perSecond, perSecond, 1_000);
  const registry = { away: false, hangs: false, asks: 0 };
  const take = async ({ keys }: QuotaAsk): Promise<QuotaGrant> => {
    registry.asks += 1;
    if (registry.hangs) await new Promise(() => {});
    if (registry.away) throw new Error('away');
    return {
      keys: keys.map(({ key, tokens }) => {
        let taken = 0;
        let waitMs = 0;
        for (; taken < tokens && waitMs === 0; ) {
          waitMs = buckets.take(key, clock.now());
          if (waitMs === 0) taken += 1;
        }
        return { tokens: taken, waitMs };
      }),
    };
  };
  const options = { perSecond, burst: perSecond, maxKeys: 10, take, clock };
  return {
    clock,
    registry,
    processes: Array.from({ length: count }, () => new SharedAllowance(options)),
  };
}

test('all processes together let through what the limit says, however uneven the requests are', async () => {
  const { clock, processes } = fleet(5);
  const [busy, ...others] = processes as [SharedAllowance, ...SharedAllowance[]];
  let passed = 0;
  for (let ms = 0; ms < 10_000; ms += 5) {
    clock.advance(5);
    const asked = [busy, busy, others[ms % 4] as SharedAllowance];
    for (const one of asked) if ((await one.take('user')) === 0) passed += 1;
  }
  // A burst, ten seconds of the rate, and what is held at the end.
  expect(passed).toBeGreaterThan(0.95 * 1_000);
  expect(passed).toBeLessThanOrEqual(100 + 1_000);
});

test('a caller within the limit waits for the registry once, and then for nobody', async () => {
  const { clock, processes, registry } = fleet(1);
  const [only] = processes as [SharedAllowance];
  expect(only.take('user')).toBeInstanceOf(Promise);
  for (let i = 0; i < 200; i += 1) {
    await clock.advanceAsync(20);
    expect(only.take('user')).toBe(0);
  }
  expect(registry.asks).toBeLessThan(60);
});

test('a caller above it is refused without another ask, until there may be a token', async () => {
  const { clock, processes, registry } = fleet(1, 1);
  const [only] = processes as [SharedAllowance];
  expect(await only.take('user')).toBe(0);
  const wait = await only.take('user');
  expect(wait).toBeGreaterThan(0);
  const { asks } = registry;
  for (let i = 0; i < 50; i += 1) expect(await only.take('user')).toBeGreaterThan(0);
  expect(registry.asks).toBe(asks);
  await clock.advanceAsync(1_001);
  expect(await only.take('user')).toBe(0);
});

test.each(['away', 'hangs'] as const)(
  'while the registry %s each process counts for itself, and no request waits for long',
  async (how) => {
    const { clock, processes, registry } = fleet(1, 1);
    const [only] = processes as [SharedAllowance];
    registry[how] = true;
    const results: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const taken = Promise.resolve(only.take('user')).then((ms) => results.push(ms));
      await clock.advanceAsync(250);
      await taken;
    }
    expect(results.map((ms) => ms === 0)).toEqual([true, false, false]);
    expect(clock.pendingTimers).toBe(0);
  },
);

test('tokens that nobody used are gone after a second: the others have had them', async () => {
  const { clock, processes, registry } = fleet(1);
  const [only] = processes as [SharedAllowance];
  await only.take('user');
  const { asks } = registry;
  await clock.advanceAsync(1_001);
  expect(await only.take('user')).toBe(0);
  expect(registry.asks).toBeGreaterThan(asks);
});

import { createPipeline, type InboundStep, rateLimit } from '@inmesh/inbound';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { TokenBuckets } from '../src/token-buckets.ts';
import { inboundRequest } from './inbound-request.ts';

/** Takes the header `user` for a verified token. */
const asUser: InboundStep = {
  name: 'as-user',
  run(request, { context }) {
    const principal = request.headers.user as string | undefined;
    context.identity = { peer: undefined, peerVerified: false, principal, claims: {} };
    return undefined;
  },
};

function limited(options: Partial<Parameters<typeof rateLimit>[0]> = {}) {
  const clock = createFakeClock();
  const limit = rateLimit({ perSecond: 2, clock, ...options });
  const pipeline = createPipeline({ authentication: [asUser], authorization: [limit], clock });
  const ask = (user: string) => pipeline.handle(pipeline.begin(inboundRequest('/', { user })));
  return { clock, ask, limit };
}

test('a caller above its rate is refused with 429 and told when to come back; others are not', () => {
  const { clock, ask } = limited();
  expect([ask('ann'), ask('ann')].map((verdict) => 'kind' in verdict && verdict.kind)).toEqual([
    'proceed',
    'proceed',
  ]);
  expect(ask('ann')).toMatchObject({
    status: 429,
    code: 'rate_limited',
    flag: 'RL',
    headers: ['retry-after', '1'],
  });
  expect(ask('bob')).toEqual({ kind: 'proceed' });
  clock.advance(500);
  expect(ask('ann')).toEqual({ kind: 'proceed' });
  expect(ask('ann')).toMatchObject({ status: 429 });
});

test('what has no key passes uncounted', () => {
  const { ask } = limited({ key: () => undefined });
  for (let i = 0; i < 10; i += 1) expect(ask('ann')).toEqual({ kind: 'proceed' });
});

test('a million made-up keys keep at most so many buckets, and idle ones go by themselves', () => {
  const buckets = new TokenBuckets(1, 5, 1_000);
  for (let i = 0; i < 1_000_000; i += 1) buckets.take(`key ${i}`, i / 1_000);
  expect(buckets.size).toBeLessThanOrEqual(1_001);
  for (let i = 0; i < 1_000; i += 1) buckets.take('one', 10_000_000);
  expect(buckets.size).toBe(1);
});

test('over any time a key gets its rate and one burst', () => {
  const buckets = new TokenBuckets(10, 20, 10);
  let passed = 0;
  for (let ms = 0; ms < 60_000; ms += 5) if (buckets.take('one', ms) === 0) passed += 1;
  expect(passed).toBeGreaterThanOrEqual(600);
  expect(passed).toBeLessThanOrEqual(620);
});

test('options that cannot be are refused with name and value', () => {
  expect(() => rateLimit({ perSecond: 0 })).toThrow('perSecond must be above 0, got 0');
  expect(() => rateLimit({ perSecond: 1, burst: 0 })).toThrow('burst must be 1 or more, got 0');
  expect(() => rateLimit({ perSecond: 1, maxKeys: 0.5 })).toThrow('maxKeys must be');
});

test('it shows the callers that it remembers and what it refused, and looking takes no token', async () => {
  const { ask, limit } = limited({ burst: 1 });
  ask('ann');
  ask('ann');
  ask('bob');
  const shown = { perSecond: 2, burst: 1, shared: false, keys: 2, refused: 1 };
  expect([limit.inspect(), limit.inspect()]).toEqual([shown, shown]);
  const fleet = limited({ shared: () => Promise.reject(new Error('the registry is away')) });
  await fleet.ask('ann');
  expect(fleet.limit.inspect()).toMatchObject({ shared: true, keys: 1, refused: 0 });
});

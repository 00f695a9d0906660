import { MeshError, type TapOrder, type TappedCalls } from '@inmesh/core';
import { type CallTap, type CallTapOptions, createCallTap } from '@inmesh/metrics';
import { createFakeClock, eventually, type FakeClock, seededRandom } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { endedCall, endedRequest } from './ended.ts';

interface Setting {
  readonly clock: FakeClock;
  readonly tap: CallTap;
  readonly told: TappedCalls[];
}

function setUp(options: Partial<CallTapOptions> = {}): Setting {
  const clock = createFakeClock(1_003);
  const told: TappedCalls[] = [];
  const send = async (calls: TappedCalls): Promise<void> => void told.push(calls);
  return { clock, told, tap: createCallTap({ send, clock, ...options }) };
}

function order(more: Partial<TapOrder> = {}): TapOrder {
  return { tap: '1', perSecond: 100, endsInMs: 60_000, ...more };
}

function paths(told: readonly TappedCalls[]): string[] {
  return told.flatMap(({ calls }) => calls.map(({ path }) => path));
}

test('while nobody looks nothing is kept, and no timer runs', () => {
  const { clock, tap, told } = setUp();
  tap.observer.callEnded(endedCall());
  tap.observer.requestEnded(endedRequest());
  expect(clock.pendingTimers).toBe(0);
  tap.use([order()]);
  clock.advance(1_000);
  expect(told).toEqual([]);
  tap.close();
  expect(clock.pendingTimers).toBe(0);
});

test('both sides of a process are told together, without queries, credentials and whatever else is not allowed', () => {
  const { clock, tap, told } = setUp();
  const headers: Record<string, string> = {
    authorization: 'Bearer secret',
    cookie: 'secret',
    'x-secret': 'secret',
    'user-agent': 'curl/8\r\n\u001b[31m',
  };
  const header = (name: string): string | undefined => headers[name];
  tap.use([order()]);
  tap.observer.callEnded(endedCall({ path: '/ratings/7?token=secret', header }));
  tap.observer.requestEnded(endedRequest({ path: '/orders/7?user=secret#secret', header }));
  clock.advance(250);
  expect(told).toEqual([
    {
      tap: '1',
      skipped: 0,
      calls: [
        expect.objectContaining({
          direction: 'outbound',
          peer: 'reviews.default',
          peerVersion: 'v1',
          path: '/ratings/7',
          status: 200,
          agoMs: 250,
          headers: { 'user-agent': 'curl/8\\u000d\\u000a\\u001b[31m' },
        }),
        expect.objectContaining({
          direction: 'inbound',
          peer: 'productpage.default',
          path: '/orders/7',
          attempts: 1,
        }),
      ],
    },
  ]);
  expect(JSON.stringify(told)).not.toContain('secret');
});

test('a process may hide parts of its paths, and show further headers', () => {
  const { clock, tap, told } = setUp({
    headers: ['X-Tenant'],
    redactPath: (path) => path.replace(/\d+/g, '_'),
  });
  tap.use([order()]);
  tap.observer.callEnded(endedCall({ header: (name) => (name === 'x-tenant' ? 'a' : 'other') }));
  clock.advance(250);
  expect(told[0]?.calls[0]).toMatchObject({ path: '/ratings/_', headers: { 'x-tenant': 'a' } });
});

test.each(['Authorization', 'cookie', 'x-api-key', 'x-auth-token', 'no name'])(
  'the header %s is refused',
  (name) => {
    expect(() => setUp({ headers: [name] })).toThrow(`tap.headers: "${name.toLowerCase()}"`);
  },
);

test('only what fits every part of the filter is told', () => {
  const { clock, tap, told } = setUp();
  tap.use([order({ direction: 'outbound', method: 'GET', path: '/a', failedOnly: true })]);
  tap.observer.requestEnded(endedRequest({ path: '/a', status: 500 }));
  tap.observer.callEnded(endedCall({ path: '/a', status: 500, method: 'POST' }));
  tap.observer.callEnded(endedCall({ path: '/b', status: 500 }));
  tap.observer.callEnded(endedCall({ path: '/a/good' }));
  tap.observer.callEnded(endedCall({ path: '/a/bad', status: 500 }));
  tap.observer.callEnded(endedCall({ path: '/a/none', status: 0, flag: 'UF' }));
  clock.advance(250);
  expect(paths(told)).toEqual(['/a/bad', '/a/none']);
});

test('more than a second may bear is counted, and the next second has room again', async () => {
  const { clock, tap, told } = setUp();
  tap.use([order({ perSecond: 2 })]);
  const call = (endedAt: number): void => tap.observer.callEnded(endedCall({ endedAt }));
  for (let i = 0; i < 5; i += 1) call(2_000);
  await clock.advanceAsync(250);
  for (let i = 0; i < 3; i += 1) call(3_000);
  await clock.advanceAsync(250);
  expect(told.map(({ calls, skipped }) => [calls.length, skipped])).toEqual([
    [2, 3],
    [2, 1],
  ]);
});

test('a share of the calls is told when a share is asked for', () => {
  const { clock, tap, told } = setUp({ random: seededRandom(7) });
  tap.use([order({ sampleRatio: 0.1 })]);
  for (let i = 0; i < 300; i += 1) tap.observer.callEnded(endedCall());
  clock.advance(250);
  expect(told[0]?.calls.length).toBeGreaterThan(15);
  expect(told[0]?.calls.length).toBeLessThan(45);
  expect(told[0]?.skipped).toBe(0);
});

test('a tap ends by itself, and is not asked for its end', () => {
  const { clock, tap, told } = setUp();
  tap.use([order({ endsInMs: 1_000 }), order({ tap: '2', endsInMs: 2_000 })]);
  clock.advance(1_000);
  tap.observer.callEnded(endedCall());
  clock.advance(1_000);
  tap.observer.callEnded(endedCall());
  clock.advance(60_000);
  expect(told.map((calls) => calls.tap)).toEqual(['2']);
  expect(clock.pendingTimers).toBe(0);
});

test('while a message is under way what comes is bounded, and told after it', async () => {
  let answer: () => void = () => {};
  const sent: TappedCalls[] = [];
  const { clock, tap } = setUp({
    send: (told) => {
      sent.push(told);
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  });
  tap.use([order()]);
  tap.observer.callEnded(endedCall());
  clock.advance(250);
  for (let i = 0; i < 90; i += 1) tap.observer.callEnded(endedCall());
  clock.advance(60);
  expect(sent).toHaveLength(1);
  answer();
  await eventually(() => {
    clock.advance(250);
    return sent.length === 2;
  });
  expect([sent[1]?.calls.length, sent[1]?.skipped]).toEqual([50, 40]);
});

test('a tap that the registry knows no more is forgotten; what else fails is lost', async () => {
  let error = new MeshError('registry_unavailable', 'away');
  let sends = 0;
  const { clock, tap } = setUp({
    send: async () => {
      sends += 1;
      throw error;
    },
  });
  tap.use([order()]);
  tap.observer.callEnded(endedCall());
  await clock.advanceAsync(250);
  error = new MeshError('not_found', 'ended');
  tap.observer.callEnded(endedCall());
  await clock.advanceAsync(250);
  tap.observer.callEnded(endedCall());
  await clock.advanceAsync(250);
  expect(sends).toBe(2);
});

test('an order that goes on keeps what it has told of the second', () => {
  const { clock, tap, told } = setUp();
  tap.use([order({ perSecond: 1 })]);
  tap.observer.callEnded(endedCall({ endedAt: 2_000 }));
  tap.use([order({ perSecond: 1 }), order({ tap: '2' })]);
  tap.observer.callEnded(endedCall({ endedAt: 2_010 }));
  clock.advance(250);
  expect(told.map(({ tap: name, calls, skipped }) => [name, calls.length, skipped])).toEqual([
    ['1', 1, 1],
    ['2', 1, 0],
  ]);
  tap.use([]);
  expect(clock.pendingTimers).toBe(0);
});

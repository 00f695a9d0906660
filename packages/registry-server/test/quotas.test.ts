import { describe, expect, test } from '@jest/globals';
import { QuotaTable } from '../src/quota/quota-table.ts';
import { startRegistry } from './registry-fixture.ts';

const ask = { perSecond: 10, burst: 20, keys: [{ key: 'jason', tokens: 15 }] };

test('all who ask for one service share its limit, and another service has its own', () => {
  const table = new QuotaTable();
  expect(table.take('reviews.default', ask, 0).keys).toEqual([{ tokens: 15, waitMs: 0 }]);
  expect(table.take('reviews.default', ask, 0).keys).toEqual([
    { tokens: 5, waitMs: expect.any(Number) },
  ]);
  expect(table.take('ratings.default', ask, 0).keys[0]?.tokens).toBe(15);
  expect(table.take('reviews.default', ask, 1_000).keys[0]?.tokens).toBe(10);
});

test('keys such as __proto__ are keys like any other', () => {
  const keys = [{ key: '__proto__', tokens: 1 }];
  expect(new QuotaTable().take('reviews.default', { ...ask, keys }, 0).keys[0]?.tokens).toBe(1);
});

test('limits that nobody asks for any more make room', () => {
  const table = new QuotaTable();
  for (let perSecond = 1; perSecond <= 5_000; perSecond += 1) {
    table.take('reviews.default', { ...ask, perSecond }, 0);
  }
  expect(table.size).toBe(1_000);
});

describe('over HTTP', () => {
  const open = async (
    send: Awaited<ReturnType<typeof startRegistry>>['send'],
    service?: string,
  ) => {
    const body = { client: 'test', ...(service === undefined ? {} : { service }) };
    const { json } = await send('/v1/sessions', { method: 'POST', body });
    return json.session as string;
  };

  test('a session takes tokens of its service, and one without a service is refused', async () => {
    const { send } = await startRegistry();
    const session = await open(send, 'reviews.default');
    const path = `/v1/sessions/${session}/quotas`;
    const { status, json } = await send(path, { method: 'POST', body: ask });
    expect([status, json]).toEqual([200, { keys: [{ tokens: 15, waitMs: 0 }] }]);
    const none = await send(`/v1/sessions/${await open(send)}/quotas`, {
      method: 'POST',
      body: ask,
    });
    expect([none.status, none.json.code]).toEqual([403, 'forbidden']);
  });

  test.each([
    [{ ...ask, perSecond: 0 }, '/perSecond'],
    [{ ...ask, burst: 0.5 }, '/burst'],
    [{ ...ask, keys: [] }, '/keys'],
    [{ ...ask, keys: [{ key: '', tokens: 1 }] }, '/keys/0/key'],
    [{ ...ask, keys: [{ key: 'a', tokens: 1_001 }] }, '/keys/0/tokens'],
    [{ ...ask, keys: [{ key: 'a', tokens: 1.5 }] }, '/keys/0/tokens'],
  ])('an ask that makes no sense is refused with its path: %#', async (body, path) => {
    const { send } = await startRegistry();
    const session = await open(send, 'reviews.default');
    const answer = await send(`/v1/sessions/${session}/quotas`, { method: 'POST', body });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(path);
  });
});

import type { RequestContext } from '@inmesh/core';
import { runInContext } from '@inmesh/core';
import { eventually } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import {
  type CallFallback,
  type ClientOptions,
  callService,
  fallbacks,
  lastGoodResponse,
  respondBy,
  respondWith,
} from '../../src/index.ts';
import { client, upstream } from '../client-fixture.ts';

const down = { kind: 'status', status: 503 } as const;

async function reviews(
  fallback: CallFallback | readonly CallFallback[],
  options: Partial<ClientOptions> = {},
) {
  const main = await upstream((request, response) => response.end(`main ${request.url}`));
  const archive = await upstream((request, response) => response.end(`archive ${request.url}`));
  const made = client({
    endpoints: { reviews: [{ port: main.port }], archive: [{ port: archive.port }] },
    interceptors: [fallbacks({ 'reviews.default': fallback })],
    breaker: null,
    outlier: null,
    retry: { maxRetries: 0 },
    ...options,
  });
  return { main, archive, client: made };
}

test('a call that goes well is left alone', async () => {
  const { client } = await reviews(respondWith({ body: 'instead' }));
  const response = await client.request('http://reviews/1');
  expect(response.text()).toBe('main /1');
  expect(response.headers['inmesh-fallback']).toBeUndefined();
});

test('a value answers a bad status, a dead endpoint and a deadline', async () => {
  const { client, main } = await reviews(
    respondWith({ status: 203, headers: { 'content-type': 'application/json' }, body: '[]' }),
  );
  const isFallback = async () => {
    const response = await client.request('http://reviews/1', { timeoutMs: 100 });
    expect(response.status).toBe(203);
    expect(response.text()).toBe('[]');
    expect(response.headers).toEqual({
      'content-type': 'application/json',
      'inmesh-fallback': 'value',
    });
  };
  main.fault = down;
  await isFallback();
  main.fault = { kind: 'silent' };
  await isFallback();
  main.resetConnections();
  await main.refuse();
  await isFallback();
});

test('through fetch as well, and the answer of the upstream is read away', async () => {
  const { client, main } = await reviews(respondWith({ body: 'instead' }));
  main.fault = down;
  const response = await client.fetch('http://reviews/1');
  expect(response.status).toBe(200);
  expect(await response.text()).toBe('instead');
  await eventually(() => client.inspect().callsInFlight === 0);
});

test('a function gets the call and how it failed', async () => {
  const { client, main } = await reviews(
    respondBy(async (call, { status, error }) => ({
      body: `${call.path} ${status} ${error?.code}`,
    })),
  );
  main.fault = down;
  expect((await client.request('http://reviews/1')).text()).toBe('/1 503 undefined');
  main.fault = { kind: 'silent' };
  expect((await client.request('http://reviews/1', { timeoutMs: 50 })).text()).toBe(
    '/1 0 deadline_exceeded',
  );
});

test('a function that hangs is bounded, and then the bad answer itself is handed on, body and all', async () => {
  const { client, main } = await reviews(respondBy(() => new Promise(() => {}), 50));
  main.fault = (request) => (request.url === '/1' ? down : undefined);
  expect((await client.request('http://reviews/1')).status).toBe(503);
});

test('a function that throws fails its own call with both causes kept', async () => {
  const wrong = new Error('wrong');
  const { client, main } = await reviews(
    respondBy(() => {
      throw wrong;
    }),
  );
  main.fault = { kind: 'silent' };
  await expect(client.request('http://reviews/1', { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'deadline_exceeded',
    cause: { errors: [{ code: 'deadline_exceeded' }, wrong] },
  });
});

test('another service gets the same request, unless its body cannot be sent again', async () => {
  const { client, main } = await reviews(callService('archive'));
  main.fault = down;
  const response = await client.request('http://reviews/1?a=b');
  expect(response.text()).toBe('archive /1?a=b');
  expect(response.headers['inmesh-fallback']).toBe('service');
  const stream = new Blob(['x']).stream();
  const posted = await client.request('http://reviews/1', { method: 'POST', body: stream });
  expect(posted.status).toBe(503);
});

test('fallbacks are asked in turn', async () => {
  const { client, main, archive } = await reviews([
    lastGoodResponse(),
    callService('archive', { timeoutMs: 100 }),
    respondWith({ body: 'last resort' }),
  ]);
  main.fault = down;
  archive.fault = down;
  expect((await client.request('http://reviews/1')).text()).toBe('last resort');
});

describe('the last good response', () => {
  const as = (principal: string | undefined): RequestContext => ({
    trace: undefined,
    deadline: Infinity,
    identity: { peer: undefined, peerVerified: false, principal, claims: {} },
    baggage: '',
    passOn: [],
  });

  test('answers the same GET with its age, and no other', async () => {
    const { client, main } = await reviews(lastGoodResponse());
    await client.request('http://reviews/1');
    main.fault = down;
    const response = await client.request('http://reviews/1');
    expect(response.text()).toBe('main /1');
    expect(response.headers).toMatchObject({ age: '0', 'inmesh-fallback': 'last-good' });
    expect((await client.request('http://reviews/2')).status).toBe(503);
    expect((await client.request('http://reviews/1', { method: 'POST' })).status).toBe(503);
  });

  test('is never given to another user, nor kept of calls that carry credentials', async () => {
    const { client, main } = await reviews(lastGoodResponse());
    const get = (principal: string | undefined, headers = {}) =>
      runInContext(as(principal), () => client.request('http://reviews/me', { headers }));
    await get('issuer/ann');
    await get(undefined, { authorization: 'Bearer ann' });
    await get(undefined, { cookie: 'session=ann' });
    main.fault = down;
    expect((await get('issuer/ann')).status).toBe(200);
    expect((await get('issuer/bob')).status).toBe(503);
    expect((await get(undefined)).status).toBe(503);
    expect((await get(undefined, { authorization: 'Bearer ann' })).status).toBe(503);
    expect((await get(undefined, { cookie: 'session=ann' })).status).toBe(503);
  });

  test.each([
    { 'set-cookie': 'a=b' },
    { 'cache-control': 'no-store' },
    { 'cache-control': 'private, max-age=60' },
    { vary: '*' },
    { vary: 'x-user' },
  ])('is not kept of an answer with %o', async (headers: Record<string, string>) => {
    const main = await upstream((_request, response) => {
      response.writeHead(200, headers).end('mine');
    });
    const made = client({
      endpoints: { reviews: [{ port: main.port }] },
      interceptors: [fallbacks({ 'reviews.default': lastGoodResponse() })],
      retry: { maxRetries: 0 },
    });
    await made.request('http://reviews/1');
    main.fault = down;
    expect((await made.request('http://reviews/1')).status).toBe(503);
  });

  test('is a copy: what one caller does to its body no other sees', async () => {
    const { client, main } = await reviews(lastGoodResponse());
    (await client.request('http://reviews/1')).body.fill(0);
    main.fault = down;
    (await client.request('http://reviews/1')).body.fill(0);
    expect((await client.request('http://reviews/1')).text()).toBe('main /1');
  });
});

test("the caller's abort ends a fallback that is being asked, and has no fallback itself", async () => {
  let asked = 0;
  const { client, main } = await reviews(
    respondBy(() => {
      asked += 1;
      return new Promise(() => {});
    }, 60_000),
  );
  const first = new AbortController();
  main.fault = { kind: 'silent' };
  const hanging = client.request('http://reviews/1', { signal: first.signal });
  await eventually(() => main.requests === 1);
  first.abort();
  await expect(hanging).rejects.toMatchObject({ code: 'aborted' });
  expect(asked).toBe(0);
  main.fault = down;
  const second = new AbortController();
  const response = client.fetch('http://reviews/1', { signal: second.signal });
  await eventually(() => asked === 1);
  second.abort();
  await expect(response).rejects.toThrow();
});

test('options that cannot be are refused with name and value', () => {
  expect(() => lastGoodResponse({ maxAgeMs: 0 })).toThrow('lastGoodResponse.maxAgeMs');
  expect(() => callService('api.example.com')).toThrow('names no service');
  expect(() => respondBy(() => ({}), 0)).toThrow('respondBy.timeoutMs');
});

import { createWorkload } from '@inmesh/core';
import { eventually, recordingObserver, type Upstream } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import type { Client, ClientOptions } from '../../src/index.ts';
import { client, clientOf, upstream } from '../client-fixture.ts';

interface Raced {
  readonly client: Client;
  readonly upstreams: readonly Upstream[];
  /** Requests that arrived anywhere. */
  requests(): number;
}

/** Two endpoints; the first request of all meets `firstFault`, and every later one `laterFault`. */
async function raced(
  options: Partial<ClientOptions> & { first?: Upstream['fault']; later?: Upstream['fault'] } = {},
): Promise<Raced> {
  const { first = { kind: 'silent' }, later, ...rest } = options;
  let arrived = 0;
  const fault: Upstream['fault'] = (request, number) => {
    arrived += 1;
    const chosen = arrived === 1 ? first : later;
    return typeof chosen === 'function' ? chosen(request, number) : chosen;
  };
  const upstreams = [await upstream({ fault }), await upstream({ fault })];
  const client = clientOf(upstreams, { hedge: { delayMs: 20, maxRatio: 1 }, ...rest });
  return { client, upstreams, requests: () => arrived };
}

test('a slow first attempt is raced at another endpoint; the good answer wins and the other is cut', async () => {
  const { client, upstreams, requests } = await raced();
  const response = await client.request('http://reviews/', { timeoutMs: 5_000 });
  expect(response.text()).toBe('ok');
  expect(upstreams.map((one) => one.requests)).toEqual([1, 1]);
  expect(requests()).toBe(2);
  await eventually(() => upstreams.every((one) => one.inFlight === 0));
  const [service] = client.inspect().services;
  expect(service?.endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});

test('an answer in time is raced by nobody', async () => {
  const { client, requests } = await raced({
    first: { kind: 'slow', delayMs: 1 },
    hedge: { delayMs: 1_000 },
  });
  await client.request('http://reviews/');
  await client.request('http://reviews/');
  expect(requests()).toBe(2);
});

test('a second attempt that fails leaves the call to the first', async () => {
  const { client, requests } = await raced({
    first: { kind: 'slow', delayMs: 150 },
    later: { kind: 'status', status: 503 },
  });
  const response = await client.request('http://reviews/');
  expect([response.status, response.text(), requests()]).toEqual([200, 'ok', 2]);
});

test('a first attempt that fails while a second one runs leaves the call to that', async () => {
  const { client, requests } = await raced({
    first: (request) => {
      setTimeout(() => request.socket.resetAndDestroy(), 60);
      return { kind: 'silent' };
    },
    later: { kind: 'slow', delayMs: 150 },
  });
  expect((await client.request('http://reviews/')).text()).toBe('ok');
  expect(requests()).toBe(2);
});

test('when both fail the retries are asked as ever', async () => {
  const { client, requests } = await raced({
    first: { kind: 'slow', delayMs: 40 },
    later: { kind: 'status', status: 503 },
    retry: { maxRetries: 0 },
  });
  const response = await client.request('http://reviews/');
  expect([response.status, requests()]).toEqual([200, 2]);
});

test.each([
  ['POST', {}],
  ['PUT', {}],
  ['GET', { maxRetries: 0 }],
  ['GET', { idempotent: false }],
])('a %s with %o is never sent twice', async (method, options) => {
  const { client, requests } = await raced({ first: { kind: 'slow', delayMs: 100 } });
  await client.request('http://reviews/', { method, ...options });
  expect(requests()).toBe(1);
});

test('a POST that its caller vouches for is raced', async () => {
  const { client, requests } = await raced();
  await client.request('http://reviews/', { method: 'POST', body: 'x', idempotent: true });
  expect(requests()).toBe(2);
});

test('never the same endpoint: with one alone nobody is raced', async () => {
  const only = await upstream({ fault: { kind: 'slow', delayMs: 100 } });
  const client = clientOf([only], { hedge: { delayMs: 10, maxRatio: 1 } });
  await client.request('http://reviews/');
  expect(only.requests).toBe(1);
});

test('the budget bounds how many are raced', async () => {
  const slow = { kind: 'slow', delayMs: 60 } as const;
  const { client, requests } = await raced({
    first: slow,
    later: slow,
    hedge: { delayMs: 10, maxRatio: 0.2 },
  });
  await Promise.all(Array.from({ length: 20 }, () => client.request('http://reviews/')));
  expect(requests()).toBeLessThanOrEqual(24);
  expect(requests()).toBeGreaterThan(20);
});

test('the caller that goes away cuts both', async () => {
  const { client, upstreams } = await raced({ later: { kind: 'silent' } });
  const caller = new AbortController();
  const result = client.request('http://reviews/', { signal: caller.signal });
  await eventually(() => upstreams.every((one) => one.inFlight === 1));
  caller.abort();
  await expect(result).rejects.toMatchObject({ code: 'aborted' });
  await eventually(() => upstreams.every((one) => one.inFlight === 0));
  expect(client.inspect().callsInFlight).toBe(0);
});

test('observers hear of one call and two attempts', async () => {
  const observer = recordingObserver();
  const { client } = await raced({ observers: [observer] });
  await client.request('http://reviews/');
  expect(observer.calls).toHaveLength(1);
  expect(observer.attempts.map(({ number }) => number).sort()).toEqual([1, 2]);
});

test('the second attempt goes to another zone while there is one', async () => {
  const at = (zone: string) => ({ locality: { region: 'eu', zone, subzone: '' } });
  const upstreams = [await upstream(), await upstream(), await upstream()];
  const [near, alsoNear, far] = upstreams as [Upstream, Upstream, Upstream];
  for (const one of [near, alsoNear]) one.fault = { kind: 'slow', delayMs: 400 };
  const endpoints = {
    reviews: [
      { port: near.port, ...at('a') },
      { port: alsoNear.port, ...at('a') },
      { port: far.port, ...at('b') },
    ],
  };
  const raceable = client({
    endpoints,
    workload: createWorkload({ service: 'shop', locality: { region: 'eu', zone: 'a' } }),
    locality: { enabled: true },
    hedge: { delayMs: 10, maxRatio: 1 },
  });
  for (let i = 0; i < 4; i += 1) await raceable.request('http://reviews/');
  expect([near.requests + alsoNear.requests, far.requests]).toEqual([4, 4]);
});

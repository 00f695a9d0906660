import { getEventListeners } from 'node:events';
import type { RequestContext } from '@inmesh/core';
import { runInContext } from '@inmesh/core';
import { eventually, type UpstreamFault } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { fallbacks, type RequestOptions, requestCache, respondWith } from '../src/index.ts';
import { client, upstream } from './client-fixture.ts';
import { requestContext } from './command/command-bench.ts';

const ann = { peer: undefined, peerVerified: false, principal: 'ann', claims: {} };

/** Answers with the number of the request, so that a shared answer is known by it. */
async function counting(
  policy: Parameters<typeof requestCache>[0] = { 'reviews.default': {} },
  headers: Readonly<Record<string, string>> = {},
) {
  const shared: [service: string, calls: number][] = [];
  const reviews = await upstream((request, response) => {
    response.writeHead(200, headers).end(`${request.method} ${request.url} ${reviews.requests}`);
  });
  const made = client({
    endpoints: { reviews: [{ port: reviews.port }] },
    interceptors: [requestCache(policy, { onShared: (...told) => shared.push(told) })],
    outlier: null,
    breaker: null,
    retry: { maxRetries: 0 },
  });
  return {
    reviews,
    shared,
    client: made,
    text: async (path = '/7', options: RequestOptions = {}) =>
      (await made.request(`http://reviews${path}`, options)).text(),
  };
}

const inRequest = <T>(body: () => Promise<T>, over: Partial<RequestContext> = {}): Promise<T> =>
  runInContext(requestContext(over), body);

test('within one inbound request the same GET is one call, while it is awaited and afterwards', async () => {
  const { text, reviews, client, shared } = await counting();
  await inRequest(async () => {
    expect(await Promise.all([text(), text(), text()])).toEqual(Array(3).fill('GET /7 1'));
    expect(await text()).toBe('GET /7 1');
    const fetched = await Promise.all([
      client.fetch('http://reviews/7'),
      client.fetch('http://reviews/7'),
    ]);
    expect(await Promise.all(fetched.map((one) => one.text()))).toEqual(Array(2).fill('GET /7 2'));
  });
  expect(reviews.requests).toBe(2);
  // Two that waited, one that came later, and one that waited.
  expect(shared).toEqual([2, 1, 1].map((calls) => ['reviews.default', calls]));
});

test('nothing is shared between requests, between end users, or by code outside of any', async () => {
  const { text } = await counting();
  const seen = await Promise.all([
    inRequest(() => text(), { identity: ann }),
    inRequest(() => text(), { identity: { ...ann, principal: 'bob' } }),
    inRequest(() => text()),
    text(),
    text(),
  ]);
  expect(new Set(seen).size).toBe(5);
  const context = requestContext({ identity: ann });
  const asAnn = await runInContext(context, () => text());
  context.identity = { ...ann, principal: 'bob' };
  expect(await runInContext(context, () => text())).not.toBe(asAnn);
});

test.each<[what: string, path: string, options: RequestOptions]>([
  ['path', '/8', {}],
  ['method', '/7', { method: 'HEAD' }],
  ['any header', '/7', { headers: { 'x-tenant': 'b' } }],
  ['credentials', '/7', { headers: { authorization: 'Bearer b' } }],
  ['the key of the endpoint', '/7', { hashKey: 'b' }],
  ['patience', '/7', { timeoutMs: 5_000 }],
])('calls that differ in %s are different calls', async (_what, path, options) => {
  const { text, reviews } = await counting();
  await inRequest(async () => {
    await text();
    await text(path, options);
  });
  expect(reviews.requests).toBe(2);
});

test('the headers of a trace make no difference', async () => {
  const { text, reviews } = await counting();
  await inRequest(async () => {
    await text('/7', { headers: { traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01` } });
    await text('/7', { headers: { traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` } });
  });
  expect(reviews.requests).toBe(1);
});

test('other services, other methods and bodies are left alone', async () => {
  const { text, reviews } = await counting({ 'ratings.default': {} });
  await inRequest(async () => [await text(), await text()]);
  expect(reviews.requests).toBe(2);
});

test('once the request has written to the service, it reads afresh until its end', async () => {
  const { text } = await counting();
  await inRequest(async () => {
    expect(await text()).toBe('GET /7 1');
    expect(await text('/7', { method: 'POST', body: 'stars' })).toBe('POST /7 2');
    expect(await text()).toBe('GET /7 3');
    expect(await text()).toBe('GET /7 4');
  });
  expect(await inRequest(async () => [await text(), await text()])).toEqual(
    Array(2).fill('GET /7 5'),
  );
});

test("a caller that asks for a fresh answer gets one, and an answer says when it is nobody else's", async () => {
  const { text, reviews } = await counting();
  await inRequest(async () => {
    await text();
    await text('/7', { headers: { 'cache-control': 'no-cache' } });
  });
  expect(reviews.requests).toBe(2);
  for (const headers of [{ 'cache-control': 'no-store' }, { vary: '*' }]) {
    const strict = await counting(undefined, headers);
    const both = await inRequest(() => Promise.all([strict.text(), strict.text()]));
    expect(new Set(both)).toEqual(new Set(['GET /7 1', 'GET /7 2']));
  }
});

test('what each caller gets is its own to change', async () => {
  const { client } = await counting(undefined, { 'x-a': '1' });
  await inRequest(async () => {
    const get = () => client.request('http://reviews/7');
    const [first, second] = await Promise.all([get(), get()]);
    first.body.fill(0);
    Object.assign(first.headers, { 'x-a': 'changed' });
    expect([second.text(), second.headers['x-a']]).toEqual(['GET /7 1', '1']);
    expect((await get()).text()).toBe('GET /7 1');
  });
});

describe('failures', () => {
  test.each<[what: string, fault: UpstreamFault, outcome: object]>([
    ['a status', { kind: 'status', status: 503 }, { value: { status: 503 } }],
    ['the call', { kind: 'reset' }, { reason: { code: 'connection_closed' } }],
  ])(
    'of %s are shared by those who wait, and asked again by the next',
    async (_of, fault, outcome) => {
      const { client, reviews, text } = await counting();
      const get = () => client.request('http://reviews/7');
      await inRequest(async () => {
        reviews.fault = fault;
        expect(await Promise.allSettled([get(), get()])).toMatchObject([outcome, outcome]);
        expect(reviews.requests).toBe(1);
        reviews.fault = undefined;
        expect([await text(), await text()]).toEqual(['GET /7 2', 'GET /7 2']);
      });
    },
  );

  test('a body that was cut is asked for again, for all of them', async () => {
    const reviews = await upstream({
      fault: (_request, number) =>
        number === 1 ? { kind: 'cut', afterBytes: 2, body: 'whole' } : undefined,
      handler: (_request, response) => void response.end('whole'),
    });
    const made = client({
      endpoints: { reviews: [{ port: reviews.port }] },
      interceptors: [requestCache({ 'reviews.default': {} })],
    });
    const get = async () => (await made.request('http://reviews/7')).text();
    expect(await inRequest(() => Promise.all([get(), get()]))).toEqual(['whole', 'whole']);
    expect(reviews.requests).toBe(2);
  });

  test("a fallback's answer is shared like any other", async () => {
    let asked = 0;
    const made = client({
      endpoints: { reviews: [] },
      interceptors: [
        requestCache({ 'reviews.default': {} }),
        (next) => (call, sink) => {
          asked += 1;
          next(call, sink);
        },
        fallbacks({ 'reviews.default': respondWith({ body: 'instead' }) }),
      ],
    });
    const get = async () => (await made.request('http://reviews/7')).text();
    expect(await inRequest(async () => [await get(), await get()])).toEqual(
      Array(2).fill('instead'),
    );
    expect(asked).toBe(1);
  });
});

describe('callers that go away', () => {
  test('leave the answer to the others, and no listener on their signal', async () => {
    let answer: () => void = () => {};
    const slow = await upstream((_request, response) => {
      answer = () => response.end('late');
    });
    const made = client({
      endpoints: { reviews: [{ port: slow.port }] },
      interceptors: [requestCache({ 'reviews.default': {} })],
    });
    const get = (signal?: AbortSignal) =>
      made.request('http://reviews/', signal === undefined ? {} : { signal });
    await inRequest(async () => {
      const caller = new AbortController();
      const [leaving, staying] = [get(caller.signal), get()];
      await eventually(() => slow.requests === 1);
      caller.abort('enough');
      await expect(leaving).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
      answer();
      expect((await staying).text()).toBe('late');
      expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    });
  });

  test('end the call when they were all there were, and the next one makes its own', async () => {
    const { client, reviews, text } = await counting();
    reviews.fault = { kind: 'silent' };
    await inRequest(async () => {
      const callers = [new AbortController(), new AbortController()];
      const calls = callers.map(({ signal }) => client.request('http://reviews/7', { signal }));
      await eventually(() => reviews.requests === 1);
      for (const caller of callers) caller.abort();
      const left = await Promise.allSettled(calls);
      expect(left).toMatchObject(Array(2).fill({ reason: { code: 'aborted' } }));
      await eventually(() => client.inspect().callsInFlight === 0);
      reviews.fault = undefined;
      expect(await text()).toBe('GET /7 2');
      const gone = AbortSignal.abort();
      await expect(client.request('http://reviews/8', { signal: gone })).rejects.toMatchObject({
        code: 'aborted',
      });
      expect(reviews.requests).toBe(2);
    });
  });
});

describe('what cannot be shared', () => {
  const large = 'x'.repeat(1_000);

  test.each([
    ['a length that is said', true],
    ['chunks without a length', false],
  ])(
    'a large body, by %s, flows to the first, and the others call themselves',
    async (_how, said) => {
      const reviews = await upstream((_request, response) => {
        if (said) response.setHeader('content-length', 2 * large.length);
        response.write(large);
        response.end(large);
      });
      const made = client({
        endpoints: { reviews: [{ port: reviews.port }] },
        interceptors: [requestCache({ 'reviews.default': { maxBodyBytes: 1_500 } })],
      });
      const get = async () => (await made.fetch('http://reviews/7')).text();
      const all = await inRequest(() => Promise.all([get(), get(), get()]));
      expect(all.map((text) => text.length)).toEqual([2_000, 2_000, 2_000]);
      expect(reviews.requests).toBe(3);
      expect(made.inspect().callsInFlight).toBe(0);
    },
  );

  test('a stream of events flows at once', async () => {
    const reviews = await upstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    });
    const made = client({
      endpoints: { reviews: [{ port: reviews.port }] },
      interceptors: [requestCache({ 'reviews.default': {} })],
    });
    await inRequest(async () => {
      const response = await made.fetch('http://reviews/events');
      const reader = response.body?.getReader();
      expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 1\n\n');
      await reader?.cancel();
    });
    await eventually(() => made.inspect().callsInFlight === 0);
  });
});

test('one request keeps no more answers than it may; what comes beyond is asked for each time', async () => {
  const { text, reviews } = await counting({ 'reviews.default': { maxEntries: 2 } });
  await inRequest(async () => {
    for (const path of ['/1', '/2', '/3', '/1', '/2', '/3']) await text(path);
  });
  expect(reviews.requests).toBe(4);
});

test('a policy that cannot be is refused with name and value', () => {
  expect(() => requestCache({ 'reviews.default': { maxEntries: 0 } })).toThrow(
    'requestCache.maxEntries must be a whole number within 1..100000, got 0',
  );
});

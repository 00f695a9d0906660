import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners, getMaxListeners } from 'node:events';
import { currentContext, type RequestContext, runInContext } from '@inmesh/core';
import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { clientOf, type Echoed, echo, upstream } from './client-fixture.ts';

function contextOf(user: string): RequestContext {
  return {
    trace: undefined,
    deadline: Infinity,
    identity: undefined,
    baggage: '',
    passOn: ['x-user', user],
  };
}

test('no identity leaks over a reused socket: retries and answers keep their caller', async () => {
  const server = await upstream(echo);
  // Every third request fails, each user's once at most, so that retries start inside undici's callbacks.
  const failed = new Set<string | undefined>();
  server.fault = ({ url }, number) => {
    if (number % 3 !== 0 || failed.has(url)) return undefined;
    failed.add(url);
    return { kind: 'reset' };
  };
  const mesh = clientOf([server], {
    pool: { maxConnections: 2 },
    outlier: null,
    breaker: null,
    retry: { backoffBaseMs: 0, backoffMaxMs: 0, maxRetries: 5 },
    retryBudget: { minPerSecond: 1_000 },
  });
  const call = async (i: number): Promise<void> => {
    const user = `user-${i}`;
    await runInContext(contextOf(user), async () => {
      const { headers } = (await mesh.request(`http://reviews/?${user}`)).json() as Echoed;
      expect(headers['x-user']).toBe(user);
      expect(currentContext()?.passOn[1]).toBe(user);
      const response = await mesh.fetch(`http://reviews/?${user}`);
      expect(((await response.json()) as Echoed).headers['x-user']).toBe(user);
    });
  };
  await Promise.all(Array.from({ length: 40 }, (_, i) => call(i)));
  expect(failed.size).toBeGreaterThan(5);
  expect(server.connections).toBeLessThan(server.requests / 2);
});

test('the sockets, timers and lists of a client run in nobody’s context', async () => {
  const server = await upstream();
  const storage = new AsyncLocalStorage<string>();
  const mesh = clientOf([server]);
  const stores: (string | undefined)[] = [];
  await storage.run('opener', async () => {
    await runInContext(contextOf('opener'), () => mesh.request('http://reviews/'));
  });
  await storage.run('second', async () => {
    const { promise, resolve } = withResolvers();
    mesh.send(
      {
        service: 'reviews.default',
        scheme: 'http',
        authority: 'reviews',
        port: undefined,
        method: 'GET',
        path: '/',
        headers: [],
        context: undefined,
        body: null,
        options: {},
        signal: undefined,
        startedAt: performance.now(),
        deadline: Infinity,
      },
      {
        start() {},
        head: () => void stores.push(storage.getStore(), currentContext()?.passOn[1]),
        data: () => true,
        end: resolve,
        fail: resolve,
      },
    );
    await promise;
  });
  expect(stores).toEqual([undefined, undefined]);
});

test('abort at each stage ends the call and leaves no listener on the signal', async () => {
  const listeners = new Set<unknown>();
  const tracked = (): AbortController => {
    const controller = new AbortController();
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = ((...args: Parameters<typeof add>) => {
      listeners.add(args[1]);
      add(...args);
    }) as typeof add;
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      listeners.delete(args[1]);
      remove(...args);
    }) as typeof remove;
    return controller;
  };
  const server = await upstream();
  const mesh = clientOf([server], {
    pool: { maxRequests: 1 },
    retry: { backoffBaseMs: 5_000, backoffMaxMs: 5_000 },
    random: () => 0.999,
    outlier: null,
  });
  const aborted = async (
    stage: (signal: AbortSignal) => Promise<unknown>,
    reached: () => boolean,
  ): Promise<void> => {
    const controller = tracked();
    const call = stage(controller.signal);
    await eventually(reached);
    controller.abort(new Error('enough'));
    await expect(call).rejects.toMatchObject({
      message: expect.stringMatching(/enough|went away/),
    });
    expect(listeners.size).toBe(0);
    expect(mesh.inspect().callsInFlight).toBe(0);
  };
  const request = (signal: AbortSignal) => mesh.request('http://reviews/', { signal });
  // Before it begins.
  const early = tracked();
  early.abort(new Error('before'));
  await expect(request(early.signal)).rejects.toMatchObject({ code: 'aborted' });
  expect([listeners.size, server.requests]).toEqual([0, 0]);
  // While it waits for the head.
  server.fault = { kind: 'silent' };
  await aborted(request, () => server.requests === 1);
  // While it waits for the next try.
  server.fault = { kind: 'status', status: 503 };
  await aborted(request, () => server.requests === 2 && server.inFlight === 0);
  // While the body comes, by request and by fetch.
  server.fault = { kind: 'drip', intervalMs: 20, body: 'x'.repeat(1_000) };
  await aborted(request, () => server.requests === 3);
  await aborted(
    async (signal) => (await mesh.fetch('http://reviews/', { signal })).text(),
    () => server.requests === 4,
  );
  // While it waits for a place.
  server.fault = { kind: 'silent' };
  const first = new AbortController();
  const holder = mesh.request('http://reviews/', { signal: first.signal });
  await eventually(() => server.requests === 5);
  const queued = tracked();
  const waiting = request(queued.signal);
  queued.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'aborted', maybeProcessed: false });
  first.abort();
  await expect(holder).rejects.toMatchObject({ code: 'aborted' });
  expect(listeners.size).toBe(0);
  // And one that ends well.
  server.fault = undefined;
  await request(tracked().signal);
  expect(listeners.size).toBe(0);
});

test('a fetch that is aborted rejects with the signal’s reason', async () => {
  const server = await upstream({ fault: { kind: 'silent' } });
  const { fetch } = clientOf([server]);
  const controller = new AbortController();
  const call = fetch('http://reviews/', { signal: controller.signal });
  controller.abort();
  await expect(call).rejects.toMatchObject({ name: 'AbortError' });
});

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((given) => {
    resolve = given;
  });
  return { promise, resolve };
}

test('73: twenty calls under one signal are no leak that Node warns of, and all end with it', async () => {
  const server = await upstream({ fault: { kind: 'silent' } });
  const mesh = clientOf([server]);
  const controller = new AbortController();
  const { signal } = controller;
  const calls = Promise.allSettled(
    Array.from({ length: 20 }, () => mesh.request('http://reviews/', { signal })),
  );
  await eventually(() => server.requests === 20);
  expect(getMaxListeners(signal)).toBeGreaterThan(20);
  controller.abort();
  for (const result of await calls) expect(result.status).toBe('rejected');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

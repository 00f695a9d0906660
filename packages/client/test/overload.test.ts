import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runInContext } from '@inmesh/core';
import { attach, createPipeline, loadLimits } from '@inmesh/inbound';
import { createFakeClock, eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { createDeadlineWheel, WheelTimer } from '../src/deadline-wheel.ts';
import { clientOf, closeAfter, upstream } from './client-fixture.ts';
import { requestContext } from './command/command-bench.ts';

const noBreaker = { breaker: null, outlier: { consecutive5xx: 1 } } as const;
const shed = {
  kind: 'status',
  status: 503,
  headers: { 'inmesh-overloaded': '1', 'retry-after': '1' },
} as const;

test('a request that was shed goes to another endpoint at once, whatever its method, and the full one rests without being ejected', async () => {
  const full = await upstream({ fault: shed });
  const free = await upstream();
  const client = clientOf([full, free], { ...noBreaker, balancer: { kind: 'round-robin' } });
  for (let i = 0; i < 20; i += 1) {
    const { status } = await client.request('http://reviews/', { method: 'POST', body: 'x' });
    expect(status).toBe(200);
  }
  expect(full.requests).toBe(1);
  expect(free.requests).toBe(20);
  const ejected = client.inspect().services[0]?.endpoints.map((endpoint) => endpoint.ejected);
  expect(ejected).toEqual([false, false]);
});

test('an endpoint that rests is used all the same when there is no other', async () => {
  const full = await upstream({ fault: shed });
  const client = clientOf([full], { ...noBreaker, retry: { maxRetries: 0 } });
  await client.request('http://reviews/');
  full.fault = undefined;
  expect((await client.request('http://reviews/')).status).toBe(200);
});

test('a real server that sheds load is understood', async () => {
  const pipeline = createPipeline({ limits: [loadLimits({ maxInFlight: 1 })] });
  const server = createServer((_request, response) => {
    setTimeout(() => response.end('slow'), 150);
  });
  attach(server, pipeline);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeAfter({
    close: async () => {
      pipeline.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  const full = { port: (server.address() as AddressInfo).port };
  const free = await upstream();
  const client = clientOf([full, free], { balancer: { kind: 'round-robin' } });
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => client.request('http://reviews/', { method: 'POST' })),
  );
  expect(answers.map(({ status }) => status)).toEqual(new Array(8).fill(200));
});

test('the priority of a call, of the request it serves, or of the client goes out with it', async () => {
  const only = await upstream();
  const sent = () => only.lastRequest?.headers['inmesh-priority'];
  const client = clientOf([only], { priority: 'batch' });
  await client.request('http://reviews/');
  expect(sent()).toBe('batch');
  await runInContext(requestContext({ priority: 'critical' }), () =>
    client.request('http://reviews/'),
  );
  expect(sent()).toBe('critical');
  await client.request('http://reviews/', { priority: 'default' });
  expect(sent()).toBeUndefined();
});

test('an adaptive limit bounds the calls in flight', async () => {
  const only = await upstream({ fault: { kind: 'slow', delayMs: 50 } });
  const limit = { initialLimit: 5, minLimit: 1, maxLimit: 5 };
  const client = clientOf([only], { limit });
  await Promise.all(Array.from({ length: 20 }, () => client.request('http://reviews/')));
  expect(only.maxInFlight).toBeLessThanOrEqual(5);
  const full = clientOf([only], { limit, pool: { maxPending: 0 } });
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, () => full.request('http://reviews/')),
  );
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
});

/** Keeps our own event loop from turning. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('a blocked event loop of our own is not blamed on the endpoint: answers that are there count', async () => {
  const only = await upstream({ fault: { kind: 'slow', delayMs: 200 } });
  const client = clientOf([only], { retry: { perTryTimeoutMs: 1_000, maxRetries: 0 } });
  await client.request('http://reviews/');
  const calls = Array.from({ length: 5 }, () => client.request('http://reviews/'));
  await eventually(() => only.inFlight === 5);
  block(1_500);
  const statuses = await Promise.all(calls.map((call) => call.then(({ status }) => status)));
  expect(statuses).toEqual([200, 200, 200, 200, 200]);
});

test('a blocked event loop of our own opens no breaker and ejects nobody, though calls time out', async () => {
  const hanging = await upstream({ fault: { kind: 'silent' } });
  const other = await upstream({ fault: { kind: 'silent' } });
  const client = clientOf([hanging, other], {
    breaker: { minCalls: 1 },
    outlier: { consecutiveLocalFailures: 1 },
    retry: { maxRetries: 0 },
  });
  const calls = Array.from({ length: 5 }, () =>
    client.request('http://reviews/', { timeoutMs: 300 }),
  );
  const settled = Promise.allSettled(calls);
  await eventually(() => hanging.inFlight + other.inFlight === 5);
  block(600);
  const codes = (await settled).map((result) => result.status === 'rejected' && result.reason.code);
  expect(codes).toEqual(new Array(5).fill('deadline_exceeded'));
  const [service] = client.inspect().services;
  expect(service?.destinations[0]?.breaker).toBe('closed');
  expect(service?.endpoints.map(({ ejected }) => ejected)).toEqual([false, false]);
});

test('the deadline wheel says so when its timers come late, after what waits has had its turn', () => {
  const clock = createFakeClock();
  const wheel = createDeadlineWheel(clock);
  const seen: boolean[] = [];
  class Seen extends WheelTimer {
    override onDue(): void {
      seen.push(wheel.late);
    }
  }
  wheel.set(new Seen(), 100);
  clock.advance(200);
  wheel.set(new Seen(), 300);
  clock.block(500);
  clock.advance(0);
  expect(seen).toEqual([false]);
  clock.advance(1);
  expect(seen).toEqual([false, true]);
  expect(wheel.late).toBe(false);
  wheel.close();
});

test('shed answers open no breaker', async () => {
  const full = await upstream({ fault: shed });
  const client = clientOf([full], { retry: { maxRetries: 0 }, breaker: { minCalls: 5 } });
  const ask = async () => (await client.request('http://reviews/')).status;
  for (let i = 0; i < 20; i += 1) expect(await ask()).toBe(503);
  const { breaker } = client.inspect().services[0]?.destinations[0] ?? {};
  expect(breaker).toBe('closed');
  full.fault = { kind: 'status', status: 503 };
  for (let i = 0; i < 5; i += 1) await ask();
  expect(client.inspect().services[0]?.destinations[0]?.breaker).toBe('open');
});

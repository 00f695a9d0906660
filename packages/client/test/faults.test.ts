import { createServer, type Server, type Socket } from 'node:net';
import { runInContext } from '@inmesh/core';
import {
  createFakeClock,
  createMemorySource,
  eventually,
  recordingObserver,
} from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { client, clientOf, closeAfter, echo, upstream } from './client-fixture.ts';

/** A server below HTTP, for what no HTTP server would do. */
async function rawServer(onConnection: (socket: Socket) => void): Promise<{ port: number }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeAfter({
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  });
  return { port: (server.address() as { port: number }).port };
}

test('killing one of three endpoints under load fails no idempotent call', async () => {
  const servers = [await upstream(), await upstream(), await upstream()];
  const mesh = clientOf(servers, { outlier: null });
  let done = 0;
  const worker = async (): Promise<void> => {
    while (done < 600) {
      done += 1;
      if (done === 200) void servers[1]?.close();
      const { status } = await mesh.request('http://reviews/');
      expect(status).toBe(200);
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
});

test('a burst at an endpoint that was killed fails no call, POST included, whatever the retry budget', async () => {
  const [gone, good] = [await upstream(), await upstream()];
  await gone.close();
  const mesh = clientOf([gone, good], {
    balancer: { kind: 'round-robin' },
    retryBudget: { ratio: 0, minPerSecond: 0 },
  });
  const calls = Array.from({ length: 100 }, (_, i) =>
    mesh.request('http://reviews/', { method: i % 2 === 0 ? 'GET' : 'POST' }),
  );
  const statuses = (await Promise.all(calls)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200]));
});

test('a half-open peer that accepts and never answers costs one per-try time-out', async () => {
  const silent = await rawServer(() => {});
  const good = await upstream();
  const observer = recordingObserver();
  const mesh = clientOf([silent, good], {
    balancer: { kind: 'round-robin' },
    retry: { perTryTimeoutMs: 400 },
    observers: [observer],
  });
  for (let i = 0; i < 4; i += 1) {
    expect((await mesh.request('http://reviews/')).status).toBe(200);
  }
  expect(observer.attempts.some(({ error }) => error?.code === 'attempt_timeout')).toBe(true);
});

test('63: a body that drips hits the one overall deadline', async () => {
  const server = await upstream({
    fault: { kind: 'drip', intervalMs: 10, body: 'x'.repeat(1000) },
  });
  const observer = recordingObserver();
  const mesh = clientOf([server], { observers: [observer] });
  await expect(mesh.request('http://reviews/', { timeoutMs: 100 })).rejects.toMatchObject({
    code: 'deadline_exceeded',
    attempts: 1,
  });
  const response = await mesh.fetch('http://reviews/', { mesh: { timeoutMs: 100 } });
  await expect(response.text()).rejects.toMatchObject({ code: 'deadline_exceeded' });
  expect(observer.calls).toMatchObject([{ flag: 'UT' }, { flag: 'UT' }]);
  await eventually(() => server.openConnections === 0);
});

test('a deadline that covers the head only lets the body flow on', async () => {
  const server = await upstream({ fault: { kind: 'drip', intervalMs: 10, body: 'x'.repeat(30) } });
  const mesh = clientOf([server]);
  const response = await mesh.fetch('http://reviews/', {
    mesh: { timeoutMs: 100, deadlineCoversBody: false },
  });
  expect(await response.text()).toBe('x'.repeat(30));
});

test('a cut body is asked for again by request, and fails a fetch that has handed it over', async () => {
  const server = await upstream((_request, response) => response.end('whole'));
  const cut = { kind: 'cut', afterBytes: 2, body: 'whole' } as const;
  server.fault = (_request, number) => (number === 1 ? cut : undefined);
  const observer = recordingObserver();
  const mesh = clientOf([server], { observers: [observer] });
  const response = await mesh.request('http://reviews/');
  expect(response.text()).toBe('whole');
  expect(observer.calls).toMatchObject([{ attempts: 2, status: 200, responseBytes: 5 }]);
  server.fault = cut;
  await expect(
    mesh.request('http://reviews/', { method: 'POST', body: 'x' }),
  ).rejects.toMatchObject({ code: 'connection_closed', attempts: 1 });
  const fetched = await mesh.fetch('http://reviews/');
  await expect(fetched.text()).rejects.toMatchObject({ code: 'connection_closed' });
});

test('65: a POST that may have been processed is not sent again, unless a key vouches for it', async () => {
  const server = await upstream({ fault: { kind: 'reset' } });
  const mesh = clientOf([server], { outlier: null });
  const post = { method: 'POST', body: 'x' };
  await expect(mesh.request('http://reviews/', post)).rejects.toMatchObject({ attempts: 1 });
  expect(server.requests).toBe(1);
  await expect(
    mesh.request('http://reviews/', { ...post, headers: { 'idempotency-key': '7' } }),
  ).rejects.toMatchObject({ attempts: 3 });
  expect(server.requests).toBe(4);
});

test('a POST that could not be connected goes to another endpoint', async () => {
  const gone = await upstream();
  await gone.close();
  const good = await upstream(echo);
  const mesh = clientOf([gone, good]);
  for (let i = 0; i < 10; i += 1) {
    const response = await mesh.request('http://reviews/', { method: 'POST', body: 'x' });
    expect(response.status).toBe(200);
  }
});

test('67: an answer that says no is not asked again, and a call that is a retry itself does not retry', async () => {
  const server = await upstream();
  const mesh = clientOf([server], { outlier: null });
  server.fault = { kind: 'status', status: 503, headers: { 'inmesh-retry': 'no' } };
  expect((await mesh.request('http://reviews/')).status).toBe(503);
  expect(server.requests).toBe(1);
  server.fault = { kind: 'status', status: 503 };
  const context = {
    trace: undefined,
    deadline: Infinity,
    identity: undefined,
    baggage: '',
    passOn: [],
    attempt: 2,
  };
  await runInContext(context, () => mesh.request('http://reviews/'));
  expect(server.requests).toBe(2);
  await mesh.request('http://reviews/');
  expect(server.requests).toBe(5);
});

test('67: retries stop at the budget', async () => {
  const server = await upstream({ fault: { kind: 'status', status: 503 } });
  const observer = recordingObserver();
  const mesh = clientOf([server], {
    retryBudget: { ratio: 0.2, minPerSecond: 0 },
    outlier: null,
    breaker: null,
    observers: [observer],
    retry: { backoffBaseMs: 0, backoffMaxMs: 0 },
  });
  for (let i = 0; i < 50; i += 1) await mesh.request('http://reviews/');
  expect(server.requests).toBeLessThanOrEqual(61);
  expect(observer.calls.some(({ flag }) => flag === 'URX')).toBe(true);
});

test('an idle connection that the server closed without a word fails no call', async () => {
  const server = await upstream({ fault: { kind: 'close-idle' } });
  const mesh = clientOf([server], { outlier: null });
  for (let i = 0; i < 30; i += 1) {
    expect((await mesh.request('http://reviews/')).status).toBe(200);
  }
  for (let i = 0; i < 30; i += 1) {
    // The close has arrived by now, so that a POST does not race with it.
    await eventually(() => server.openConnections === 0);
    const { status } = await mesh.request('http://reviews/', { method: 'POST', body: 'x' });
    expect(status).toBe(200);
  }
});

test('74: calls beyond the limits wait in a bounded queue, and beyond that fail at once', async () => {
  const held: (() => void)[] = [];
  const server = await upstream((_request, response) => {
    held.push(() => response.end('ok'));
  });
  const observer = recordingObserver();
  const mesh = clientOf([server], {
    pool: { maxRequests: 2, maxPending: 1 },
    observers: [observer],
  });
  const calls = [1, 2, 3].map(() => mesh.request('http://reviews/'));
  await expect(mesh.request('http://reviews/')).rejects.toMatchObject({
    code: 'overloaded',
    maybeProcessed: false,
  });
  expect(observer.calls).toMatchObject([{ flag: 'UO' }]);
  await eventually(() => held.length === 2);
  expect(server.requests).toBe(2);
  expect(mesh.inspect().services[0]?.destinations).toMatchObject([
    { breaker: 'closed', inFlight: 2, pending: 1, maxRequests: 2, maxPending: 1 },
  ]);
  held.shift()?.();
  await eventually(() => held.length === 2);
  for (const release of held) release();
  expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('a waiting call that gives up leaves its place to the next', async () => {
  const held: (() => void)[] = [];
  const server = await upstream((_request, response) => {
    held.push(() => response.end('ok'));
  });
  const mesh = clientOf([server], { pool: { maxRequests: 1, maxPending: 2 } });
  const first = mesh.request('http://reviews/');
  await expect(mesh.request('http://reviews/', { timeoutMs: 20 })).rejects.toMatchObject({
    code: 'deadline_exceeded',
    attempts: 0,
  });
  const third = mesh.request('http://reviews/');
  await eventually(() => held.length === 1);
  held[0]?.();
  await eventually(() => held.length === 2);
  held[1]?.();
  expect((await Promise.all([first, third])).map(({ status }) => status)).toEqual([200, 200]);
});

test('connections stay within the limit, and calls share them', async () => {
  const server = await upstream();
  const mesh = clientOf([server], { pool: { maxConnections: 4 } });
  await Promise.all(Array.from({ length: 100 }, () => mesh.request('http://reviews/')));
  expect(server.connections).toBeLessThanOrEqual(4);
  expect(server.requests).toBe(100);
});

test('a burst of calls that last gets connections of its own, however many handshakes go at once', async () => {
  const held: (() => void)[] = [];
  const server = await upstream((_request, response) => {
    held.push(() => response.end());
  });
  const mesh = clientOf([server]);
  const calls = Array.from({ length: 40 }, () => mesh.request('http://reviews/'));
  await eventually(() => held.length === 40);
  for (const release of held) release();
  for (const { status } of await Promise.all(calls)) expect(status).toBe(200);
});

test('a connection serves no more requests than it may, and 1 switches keep-alive off', async () => {
  const server = await upstream(echo);
  const mesh = clientOf([server], { pool: { maxRequestsPerConnection: 1 } });
  for (let i = 0; i < 3; i += 1) {
    const { headers } = (await mesh.request('http://reviews/')).json() as {
      headers: Record<string, string>;
    };
    expect(headers.connection).toBe('close');
  }
  expect(server.connections).toBe(3);
});

test('a connection over its age takes nothing new', async () => {
  const clock = createFakeClock(1_000);
  const server = await upstream();
  const mesh = clientOf([server], { pool: { maxConnectionAgeMs: 1_000 }, clock });
  await mesh.request('http://reviews/');
  await mesh.request('http://reviews/');
  expect(server.connections).toBe(1);
  clock.advance(1_001);
  await mesh.request('http://reviews/');
  expect(server.connections).toBe(2);
});

test('74: an unread body over 64 KiB holds its upstream back, and the deadline frees it', async () => {
  let written = 0;
  const server = await upstream((_request, response) => {
    const chunk = Buffer.alloc(64 * 1024);
    const more = (): void => {
      while (!response.destroyed && written < 256 * 1024 * 1024) {
        written += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
    };
    more();
  });
  const mesh = clientOf([server]);
  const response = await mesh.fetch('http://reviews/', { mesh: { timeoutMs: 150 } });
  expect(response.status).toBe(200);
  await eventually(() => server.openConnections === 0);
  expect(written).toBeLessThan(64 * 1024 * 1024);
  await expect(response.text()).rejects.toMatchObject({ code: 'deadline_exceeded' });
});

test('a breaker that opens stops calls at once and lets one through later', async () => {
  const server = await upstream({ fault: { kind: 'status', status: 500 } });
  const clock = createFakeClock(1_000);
  const observer = recordingObserver();
  const mesh = clientOf([server], { clock, observers: [observer], outlier: null });
  for (let i = 0; i < 20; i += 1) await mesh.request('http://reviews/');
  await expect(mesh.request('http://reviews/')).rejects.toMatchObject({ code: 'circuit_open' });
  expect(server.requests).toBe(20);
  expect(observer.events).toContainEqual(expect.objectContaining({ to: 'open' }));
  server.fault = undefined;
  clock.advance(5_001);
  // Looking changes nothing: it is the next call that may try (Hystrix #236).
  for (let look = 0; look < 3; look += 1) {
    expect(mesh.inspect().services[0]?.destinations).toMatchObject([
      { subset: '', breaker: 'open', inFlight: 0, pending: 0, idleMs: 5_001 },
    ]);
  }
  expect(server.requests).toBe(20);
  expect((await mesh.request('http://reviews/')).status).toBe(200);
  expect((await mesh.request('http://reviews/')).status).toBe(200);
});

test('71: a probe whose caller goes away does not leave the breaker open for ever', async () => {
  const server = await upstream({ fault: { kind: 'status', status: 500 } });
  const clock = createFakeClock(1_000);
  const mesh = clientOf([server], { clock, outlier: null });
  for (let i = 0; i < 20; i += 1) await mesh.request('http://reviews/');
  clock.advance(5_001);
  server.fault = { kind: 'silent' };
  const controller = new AbortController();
  const probe = mesh.request('http://reviews/', { signal: controller.signal });
  await eventually(() => server.requests === 21);
  controller.abort();
  await expect(probe).rejects.toMatchObject({ code: 'aborted' });
  server.fault = undefined;
  clock.advance(5_001);
  expect((await mesh.request('http://reviews/')).status).toBe(200);
});

test('72: the wall clock may jump by an hour either way', async () => {
  const clock = createFakeClock(1_000);
  const server = await upstream();
  const mesh = clientOf([server], { clock });
  for (const jump of [3_600_000, -7_200_000]) {
    clock.jumpWall(jump);
    expect((await mesh.request('http://reviews/', { timeoutMs: 1_000 })).status).toBe(200);
  }
});

test('75: endpoints that come and go leave nothing behind', async () => {
  const source = createMemorySource();
  const server = await upstream();
  const mesh = client({ source });
  source.set('reviews', [{ port: server.port }]);
  await mesh.request('http://reviews/');
  for (let i = 0; i < 2_000; i += 1) {
    source.set('reviews', [{ port: server.port, id: `reviews-${i}` }]);
    if (i % 100 === 0) await mesh.request('http://reviews/');
  }
  source.set('reviews', [{ port: server.port, id: 'the-last' }]);
  await eventually(() => server.openConnections === 0);
  expect(mesh.inspect().services[0]?.endpoints).toHaveLength(1);
});

test('75: a flood of unknown names is forgotten', async () => {
  const source = createMemorySource();
  const mesh = client({ source });
  for (let i = 0; i < 3_000; i += 1) {
    await expect(mesh.request(`http://name-${i}/`)).rejects.toMatchObject({
      code: 'unknown_service',
    });
  }
  expect(source.followers).toBeLessThanOrEqual(1_000);
});

test('an endpoint that is removed finishes what it has and gets nothing new', async () => {
  const source = createMemorySource();
  let release: (() => void) | undefined;
  const old = await upstream((_request, response) => {
    release = () => response.end('old');
  });
  const fresh = await upstream((_request, response) => response.end('new'));
  const mesh = client({ source });
  source.set('reviews', [{ port: old.port }]);
  const slow = mesh.request('http://reviews/');
  await eventually(() => release !== undefined);
  source.set('reviews', [{ port: fresh.port }]);
  expect((await mesh.request('http://reviews/')).text()).toBe('new');
  release?.();
  expect((await slow).text()).toBe('old');
  await eventually(() => old.openConnections === 0);
});

test.each([
  ['no HTTP at all', 'hello\r\n\r\n'],
  ['a broken chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
])('an upstream that speaks %s fails its call and nothing else', async (_what, text) => {
  const bad = await rawServer((socket) => socket.on('data', () => socket.end(text)));
  const mesh = clientOf([bad], { retry: { maxRetries: 0 } });
  await expect(mesh.request('http://reviews/')).rejects.toMatchObject({
    code: expect.stringMatching(/protocol_error|connection_closed/),
  });
  expect(mesh.inspect().callsInFlight).toBe(0);
});

test('a status above 599 is legal on the wire', async () => {
  const odd = await rawServer((socket) =>
    socket.on('data', () => socket.write('HTTP/1.1 799 Odd\r\ncontent-length: 2\r\n\r\nok')),
  );
  const mesh = clientOf([odd]);
  expect((await mesh.request('http://reviews/')).status).toBe(799);
  const response = await mesh.fetch('http://reviews/');
  expect([response.status, response.ok, await response.text()]).toEqual([799, false, 'ok']);
});

test('a header called __proto__ is only a header', async () => {
  const odd = await rawServer((socket) =>
    socket.on('data', () =>
      socket.write('HTTP/1.1 200 OK\r\n__proto__: x\r\n__proto__: y\r\ncontent-length: 0\r\n\r\n'),
    ),
  );
  const mesh = clientOf([odd]);
  const { headers, headerPairs } = await mesh.request('http://reviews/');
  expect(headerPairs.slice(0, 4)).toEqual(['__proto__', 'x', '__proto__', 'y']);
  expect(({} as { x?: string }).x).toBeUndefined();
  expect(headers['content-length']).toBe('0');
});

test('informational answers are passed over', async () => {
  const early = await rawServer((socket) =>
    socket.on('data', () =>
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
      ),
    ),
  );
  expect((await clientOf([early]).request('http://reviews/')).text()).toBe('ok');
});

test('an endpoint that says it is draining gets nothing new while there is another', async () => {
  const leaving = await upstream((_request, response) => {
    response.setHeader('inmesh-draining', '1').end('ok');
  });
  const staying = await upstream();
  const mesh = clientOf([leaving, staying]);
  for (let i = 0; i < 20; i += 1) await mesh.request('http://reviews/');
  expect(leaving.requests).toBeLessThanOrEqual(1);
  expect(mesh.inspect().services[0]?.endpoints.some(({ draining }) => draining)).toBe(
    leaving.requests === 1,
  );
});

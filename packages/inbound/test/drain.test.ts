import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type RequestListener,
  type Server,
} from 'node:http';
import {
  createServer as createSecureServer,
  request as httpsRequest,
  Agent as SecureAgent,
} from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  applyServerDefaults,
  attach,
  createDrain,
  createPipeline,
  type Drain,
  healthz,
} from '@inmesh/inbound';
import { eventually } from '@inmesh/testing';
import { afterEach, expect, test } from '@jest/globals';
import { Pool } from 'undici';
import { testCertificate } from './test-certificate.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function start(
  handler: RequestListener,
  quietMs = 50,
): Promise<{ server: Server; drain: Drain; port: number }> {
  const server = createServer(handler);
  applyServerDefaults(server);
  const drain = createDrain(server, { quietMs });
  cleanups.push(() => drain.close(0));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, drain, port: (server.address() as AddressInfo).port };
}

const echo: RequestListener = (request, response) => {
  request.setEncoding('utf8');
  let body = '';
  request.on('data', (text) => {
    body += text;
  });
  request.on('end', () => response.end(body));
};

async function openSocket(
  port: number,
): Promise<{ socket: Socket; received: () => string; closed: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  return { socket, received: () => text, closed: once(socket, 'close') };
}

test('under load no request of a keep-alive client is lost, POST included', async () => {
  const [one, two] = [await start(echo, 200), await start(echo, 200)];
  const pools = [one, two].map(
    ({ port }) => new Pool(`http://127.0.0.1:${port}`, { connections: 16 }),
  );
  cleanups.unshift(() => Promise.all(pools.map((pool) => pool.destroy())));
  const answered = [0, 0];
  /** Requests handed to each pool and not answered: those that wait for a connection too. */
  const pending = [0, 0];
  const failures: unknown[] = [];
  let current = 0;
  let stop = false;
  // Whatever happens the workers end, and do not spin on destroyed pools.
  cleanups.unshift(() => {
    stop = true;
  });
  // A client as simple as can be: it stays with an endpoint until that says that it is draining.
  const worker = async (id: number): Promise<void> => {
    for (let n = 0; !stop; n += 1) {
      const at = current;
      const body = `${id}/${n}`;
      pending[at] = (pending[at] ?? 0) + 1;
      try {
        const answer = await (pools[at] as Pool).request({ path: '/', method: 'POST', body });
        if ((await answer.body.text()) !== body) failures.push('wrong body');
        if (answer.headers['inmesh-draining'] === '1') current = 1;
        answered[at] = (answered[at] ?? 0) + 1;
      } catch (error) {
        failures.push(error);
        stop = true;
      }
      pending[at] = (pending[at] ?? 0) - 1;
    }
  };
  const workers = Array.from({ length: 24 }, (_, id) => worker(id));
  await eventually(() => stop || (answered[0] ?? 0) > 150);
  one.drain.start();
  // The propagation window: here as long as it takes until the client has turned away.
  await eventually(() => stop || (current === 1 && pending[0] === 0));
  const report = await one.drain.close();
  const before = answered[1] ?? 0;
  await eventually(() => stop || (answered[1] ?? 0) > before + 100);
  stop = true;
  await Promise.all(workers);
  expect(failures).toEqual([]);
  expect(report).toEqual({ cutRequests: 0, cutConnections: 0 });
}, 30_000);

test('while draining everything that arrives is served, and told to go elsewhere', async () => {
  const { drain, port, server } = await start(echo);
  const agent = new Agent({ keepAlive: true });
  cleanups.push(() => agent.destroy());
  drain.start();
  drain.start();
  for (let i = 0; i < 3; i += 1) {
    const request = httpRequest({ port, host: '127.0.0.1', agent, method: 'POST' }).end('hello');
    const [response] = await once(request, 'response');
    response.resume();
    expect(response.headers.connection).toBe('close');
    expect(response.headers['inmesh-draining']).toBe('1');
    await once(response, 'end');
  }
  expect(drain.phase).toBe('draining');
  expect(server.listening).toBe(true);
});

test('a response that was in flight when the drain began says goodbye too, and is finished', async () => {
  let finish = (): void => {};
  const { drain, port } = await start((_request, response) => {
    finish = () => response.end('done');
  });
  const request = httpRequest({
    port,
    host: '127.0.0.1',
    agent: new Agent({ keepAlive: true }),
  }).end();
  await eventually(() => drain.inFlight > 0);
  const closed = drain.close();
  finish();
  const [response] = await once(request, 'response');
  response.setEncoding('utf8');
  expect(response.headers.connection).toBe('close');
  expect(await response.toArray()).toEqual(['done']);
  expect(await closed).toEqual({ cutRequests: 0, cutConnections: 0 });
  expect([drain.phase, drain.inFlight, drain.connections]).toEqual(['closed', 0, 0]);
});

test('an idle connection with half a request on it is not closed before the answer', async () => {
  const { drain, port } = await start(echo, 0);
  const { socket, received, closed } = await openSocket(port);
  socket.write('POST / HTTP/1.1\r\nhost: a\r\n');
  const idle = await openSocket(port);
  await eventually(() => drain.connections >= 2);
  const closing = drain.close();
  // The idle one goes: from then on the sweep has looked at the other one too.
  await idle.closed;
  socket.write('content-length: 5\r\n\r\nhello');
  await closed;
  expect(received()).toMatch(/^HTTP\/1\.1 200 /);
  expect(received()).toMatch(/connection: close\r\n/i);
  expect(received()).toMatch(/hello$/);
  expect(await closing).toEqual({ cutRequests: 0, cutConnections: 0 });
});

test('a connection kept alive is not closed before it has been quiet for long enough', async () => {
  const { drain, port } = await start(echo, 60_000);
  const { socket, received, closed } = await openSocket(port);
  await eventually(() => drain.connections >= 1);
  const closing = drain.close();
  // Several sweeps later it is still there, and its next request is served.
  for (const until = performance.now() + 100; performance.now() < until; ) await nextTurn();
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi');
  await closed;
  expect(received()).toMatch(/hi$/);
  expect(await closing).toEqual({ cutRequests: 0, cutConnections: 0 });
});

test('what does not end in time is cut and counted, upgraded connections included', async () => {
  const { drain, port, server } = await start(() => {});
  server.on('upgrade', (_request, socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  );
  const never = await openSocket(port);
  never.socket.on('error', () => {});
  never.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  const upgraded = await openSocket(port);
  upgraded.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
  await once(upgraded.socket, 'data');
  await eventually(() => drain.inFlight > 0);
  expect(await drain.close(60)).toEqual({ cutRequests: 1, cutConnections: 2 });
  expect([drain.inFlight, drain.connections]).toEqual([0, 0]);
  await Promise.all([never.closed, upgraded.closed]);
});

test('a request that the pipeline refuses is counted and says goodbye as well', async () => {
  const { drain, port, server } = await start(echo);
  attach(server, createPipeline());
  drain.start();
  const headers = { 'inmesh-timeout-ms': '0' };
  const request = httpRequest({ port, host: '127.0.0.1', headers }).end();
  const [response] = await once(request, 'response');
  response.resume();
  expect(response.statusCode).toBe(504);
  expect(response.headers.connection).toBe('close');
  expect(response.headers['inmesh-draining']).toBe('1');
  expect(await drain.close()).toEqual({ cutRequests: 0, cutConnections: 0 });
});

test('closing twice gives one report, the server closes once, and nothing stays subscribed', async () => {
  const { drain, server, port } = await start(echo);
  let closes = 0;
  server.on('close', () => {
    closes += 1;
  });
  const idle = await openSocket(port);
  const first = drain.close();
  expect(drain.close()).toBe(first);
  await first;
  await idle.closed;
  await nextTurn();
  expect(closes).toBe(1);
  expect(server.listenerCount('connection')).toBe(createServer().listenerCount('connection'));
  expect(Object.hasOwn(server, 'closeIdleConnections')).toBe(false);
});

test('a server that never listened closes at once', async () => {
  const drain = createDrain(createServer());
  expect(await drain.close()).toEqual({ cutRequests: 0, cutConnections: 0 });
});

test('the health endpoint turns to 503 when the drain begins', async () => {
  let answer: RequestListener = () => {};
  const { drain, port } = await start((request, response) => answer(request, response));
  answer = healthz(drain);
  const probe = async (): Promise<unknown[]> => {
    const [response] = await once(httpRequest({ port, host: '127.0.0.1' }).end(), 'response');
    const [text] = await response.setEncoding('utf8').toArray();
    return [response.statusCode, JSON.parse(text)];
  };
  expect(await probe()).toEqual([200, { status: 'serving' }]);
  drain.start();
  expect(await probe()).toEqual([503, { status: 'draining' }]);
});

test('over TLS idle connections are closed, requests finished, and a hanging handshake does not hold the drain', async () => {
  let finish = (): void => {};
  const server = createSecureServer(testCertificate, (request, response) => {
    if (request.url === '/slow') finish = () => response.end('slow');
    else response.end('fast');
  });
  const drain = createDrain(server, { quietMs: 50 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new SecureAgent({ keepAlive: true, ca: testCertificate.cert });
  const get = (path: string) => httpsRequest({ port, host: '127.0.0.1', path, agent }).end();
  const hanging = await openSocket(port);
  const slow = once(get('/slow'), 'response');
  const [fast] = await once(get('/fast'), 'response');
  fast.resume();
  await once(fast, 'end');
  await eventually(() => drain.inFlight === 1);
  const closing = drain.close();
  await eventually(() => drain.connections <= 2);
  finish();
  const [response] = await slow;
  expect(await response.setEncoding('utf8').toArray()).toEqual(['slow']);
  expect((await closing).cutRequests).toBe(0);
  await hanging.closed;
  agent.destroy();
});

test('an option that cannot be is refused with its name and value', () => {
  expect(() => createDrain(createServer(), { quietMs: -1 })).toThrow(
    'quietMs must be at least 0, got -1',
  );
  expect(() => createDrain(createServer()).close(Number.NaN)).toThrow(
    'timeoutMs must be at least 0, got NaN',
  );
});

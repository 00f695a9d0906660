import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { currentContext } from '@inmesh/core';
import {
  applyServerDefaults,
  attach,
  createDrain,
  createPipeline,
  type InboundStep,
  meshHttp,
  meshOf,
  refuse,
} from '@inmesh/inbound';
import { eventually, recordingObserver, send, sendRaw } from '@inmesh/testing';
import { afterEach, expect, test } from '@jest/globals';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function listen(server: Server): Promise<{ port: number; url: string }> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}

test('every listener of a request and its response runs in its context, on a connection used twice', async () => {
  const seen: Record<string, Set<string | undefined>> = {};
  const server = createServer((request, response) => {
    const id = request.headers['x-request-id'] as string;
    const heard = new Set<string | undefined>();
    seen[id] = heard;
    const hear = (): void => void heard.add(currentContext()?.passOn[1]);
    for (const event of ['data', 'end', 'close']) request.on(event, hear);
    for (const event of ['drain', 'finish', 'close']) response.on(event, hear);
    // Beyond what sockets buffer, so that the response really drains.
    request.on('end', () => response.end(Buffer.alloc(8 << 20)));
  });
  attach(server, createPipeline());
  const { url } = await listen(server);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const id of ['one', 'two']) {
    const request = httpRequest(url, { method: 'POST', agent, headers: { 'x-request-id': id } });
    // Two writes, the second after the handler began: what comes then is emitted from the socket.
    request.write('first');
    await eventually(() => seen[id] !== undefined);
    request.end('second');
    const [response] = await once(request, 'response');
    response.resume();
    await once(response, 'end');
  }
  agent.destroy();
  expect(seen).toEqual({ one: new Set(['one']), two: new Set(['two']) });
});

test('bodies are counted, whatever their framing', async () => {
  const observer = recordingObserver();
  const server = createServer(
    meshHttp(createPipeline({ observers: [observer] }), async (request, response) => {
      let length = 0;
      for await (const chunk of request) length += chunk.length;
      if (request.headers['x-chunked'] === undefined) response.setHeader('content-length', 1000);
      response.setHeader('x-read', length);
      response.write('a'.repeat(400));
      response.end('b'.repeat(600));
    }),
  );
  const { url } = await listen(server);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const chunked = { 'transfer-encoding': 'chunked', 'x-chunked': '1' };
  await send(url, { method: 'POST', body: 'é'.repeat(50), agent });
  await send(url, { method: 'POST', body: 'x'.repeat(70), headers: chunked, agent });
  await send(url, { method: 'HEAD', agent });
  agent.destroy();
  await observer.until(({ requests }) => requests.length === 3);
  const [fixed, framed, head] = observer.requests;
  expect([fixed?.requestBytes, fixed?.responseBytes]).toEqual([100, 1000]);
  expect(framed?.requestBytes).toBe(70);
  // The sizes of the chunks are counted with them.
  expect(framed?.responseBytes).toBeGreaterThanOrEqual(1000);
  expect(framed?.responseBytes).toBeLessThan(1050);
  expect([head?.requestBytes, head?.responseBytes]).toEqual([0, 0]);
});

for (const [how, fail] of [
  [
    'throws',
    () => {
      throw new Error('secret');
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('secret');
    },
  ],
] as [string, () => unknown][]) {
  test(`a plain handler that ${how} is answered with 500, and what it had prepared is not sent`, async () => {
    const observer = recordingObserver();
    const errors: unknown[] = [];
    const handler = meshHttp(
      createPipeline({ observers: [observer] }),
      (_request, response) => {
        response.setHeader('set-cookie', 'session=1');
        return fail();
      },
      { onError: (error) => errors.push(error) },
    );
    const { url } = await listen(createServer(handler));
    const { status, headers, text } = await send(url);
    expect(status).toBe(500);
    expect(headers['set-cookie']).toBeUndefined();
    expect(JSON.parse(text)).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      detail: 'the handler of this request failed',
      code: 'internal',
    });
    expect(errors).toEqual([new Error('secret')]);
    await observer.until(({ requests }) => requests.length === 1);
    expect(observer.requests[0]?.status).toBe(500);
  });
}

test('a handler that fails in the middle of its answer cuts it, and is recorded as UC', async () => {
  const observer = recordingObserver();
  const handler = meshHttp(
    createPipeline({ observers: [observer] }),
    async (_request, response) => {
      response.writeHead(200, { 'content-length': 10 });
      await new Promise<void>((resolve) => response.write('half', () => resolve()));
      throw new Error('half way');
    },
    { onError: () => {} },
  );
  const { url } = await listen(createServer(handler));
  await expect(send(url)).rejects.toThrow();
  await observer.until(({ requests }) => requests.length === 1);
  const recorded = observer.requests[0];
  expect([recorded?.status, recorded?.flag]).toEqual([200, 'UC']);
});

test('no listener of the server is a way around the pipeline, those added later included', async () => {
  const server = createServer();
  const handled: string[] = [];
  const handle =
    (event: string): RequestListener =>
    (request, response) => {
      handled.push(`${event} ${meshOf(request)?.path}`);
      response.end();
    };
  const forbidden = refuse(403, 'forbidden', 'no');
  const detach = attach(
    server,
    createPipeline({
      authorization: [
        { name: 'x', run: (_request, { path }) => (path === '/no' ? forbidden : undefined) },
      ],
    }),
  );
  for (const event of ['request', 'checkContinue', 'checkExpectation'])
    server.on(event, handle(event));
  const { port, url } = await listen(server);
  const raw = (path: string, expect: string): Promise<string> =>
    sendRaw(
      port,
      `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: ${expect}\r\n\r\n`,
    );
  expect((await send(`${url}/no`)).status).toBe(403);
  for (const expectation of ['100-continue', 'something-else']) {
    expect(await raw('/no', expectation)).toMatch(/^HTTP\/1\.1 403 /);
    expect(await raw('/yes', expectation)).toMatch(/^HTTP\/1\.1 200 /);
  }
  await send(`${url}/yes`);
  expect(handled).toEqual(['checkContinue /yes', 'checkExpectation /yes', 'request /yes']);

  detach();
  expect((await send(`${url}/no`)).status).toBe(200);
  expect(handled.at(-1)).toBe('request undefined');
});

test('a request whose caller left while a step waited is never handled', async () => {
  const observer = recordingObserver();
  let pass = (): void => {};
  let handled = 0;
  const pipeline = createPipeline({
    observers: [observer],
    authentication: [
      {
        name: 'waits',
        run: () =>
          new Promise((resolve) => {
            pass = () => resolve(undefined);
          }),
      },
    ],
  });
  const handler = meshHttp(pipeline, () => {
    handled += 1;
  });
  const { url } = await listen(createServer(handler));
  const request = httpRequest(url, { agent: false }).end();
  request.on('error', () => {});
  await eventually(() => pipeline.inFlight > 0);
  request.destroy();
  await observer.until(({ requests }) => requests.length === 1);
  pass();
  await new Promise(setImmediate);
  expect(handled).toBe(0);
  expect(observer.requests[0]?.flag).toBe('DC');
  expect(pipeline.inFlight).toBe(0);
});

test('a connection that is no socket, as test tools inject, is served and counts as nothing sent', async () => {
  const observer = recordingObserver();
  const server = createServer((_request, response) => response.end('hello'));
  attach(server, createPipeline({ observers: [observer] }));
  const drain = createDrain(server);
  const [ours, theirs] = duplexPair();
  server.emit('connection', theirs);
  ours.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  expect(await text(ours)).toMatch(/hello$/);
  await observer.until(({ requests }) => requests.length === 1);
  expect(observer.requests[0]).toMatchObject({ status: 200, flag: '-', responseBytes: 0 });
  expect(await drain.close()).toEqual({ cutRequests: 0, cutConnections: 0 });
});

test.each<[string, InboundStep['run'], number, string]>([
  ['a handler', () => undefined, 200, 'hello'],
  ['a refusal', () => refuse(403, 'forbidden', 'no'), 403, '"code":"forbidden"'],
  ['an answer', () => ({ kind: 'answer', status: 204, headers: ['x-own', '1'] }), 204, ''],
])('headers that a step asked for go out with %s', async (_what, run, status, body) => {
  const observer = recordingObserver();
  const add: InboundStep = {
    name: 'add',
    run(_request, exchange) {
      exchange.responseHeaders = [
        'access-control-allow-origin',
        'http://shop.test',
        'vary',
        'origin',
      ];
      return undefined;
    },
  };
  const pipeline = createPipeline({
    observers: [observer],
    authentication: [add, { name: 'decides', run }],
  });
  const server = createServer((_request, response) => response.end('hello'));
  attach(server, pipeline);
  const { url } = await listen(server);
  const response = await fetch(url);
  expect(response.status).toBe(status);
  expect(response.headers.get('access-control-allow-origin')).toBe('http://shop.test');
  expect(response.headers.get('vary')).toBe('origin');
  expect(response.headers.get('x-own')).toBe(status === 204 ? '1' : null);
  expect(await response.text()).toContain(body);
  await observer.until(({ requests }) => requests.length === 1);
  expect(observer.requests[0]).toMatchObject({ status, flag: '-' });
});

test('outside a mesh there is no exchange', () => {
  expect(meshOf({})).toBeUndefined();
  expect(meshOf({ raw: {} })).toBeUndefined();
});

test('the server waits longer for an idle connection than clients keep one', () => {
  const server = createServer();
  applyServerDefaults(server);
  expect(server.keepAliveTimeout).toBeGreaterThan(60_000);
  expect(server.headersTimeout).toBeGreaterThan(60_000);
  expect(server.requestTimeout).toBeGreaterThanOrEqual(server.headersTimeout);
  expect(server.maxRequestsPerSocket).toBe(0);
  expect(server.maxHeadersCount).toBeGreaterThan(200);
});

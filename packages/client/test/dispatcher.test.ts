import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { type Dispatcher, fetch as undiciFetch, request as undiciRequest } from 'undici';
import type { Client } from '../src/index.ts';
import { clientOf, closeAfter, type Echoed, echo, upstream } from './client-fixture.ts';

test('Node’s own fetch and undici’s go through the dispatcher', async () => {
  const server = await upstream(echo);
  const { dispatcher } = clientOf([server]);
  const init = { dispatcher, method: 'POST', body: 'x'.repeat(100_000), duplex: 'half' };
  for (const fetch of [globalThis.fetch, undiciFetch] as (typeof globalThis.fetch)[]) {
    const response = await fetch('http://reviews/path?q=1', init as unknown as RequestInit);
    const got = (await response.json()) as Echoed;
    expect(got).toMatchObject({ method: 'POST', url: '/path?q=1', headers: { host: 'reviews' } });
    expect(got.body).toHaveLength(100_000);
    const error = await fetch('http://nobody/', { dispatcher } as unknown as RequestInit).catch(
      (e) => e,
    );
    // By its text: to a fetch of another realm, as Jest's is, our error is none of its own.
    expect(String(error.cause)).toContain('nobody.default: no service of that name');
  }
  const { statusCode, body } = await undiciRequest('http://reviews/', { dispatcher });
  expect([statusCode, ((await body.json()) as Echoed).url]).toEqual([200, '/']);
  const outside = await undiciRequest(`http://127.0.0.1:${server.port}/out`, { dispatcher });
  expect(((await outside.body.json()) as Echoed).url).toBe('/out');
});

/** The two interfaces that undici's handlers may have, recording alike. */
function handlers(options: { pauseAtHead?: boolean; pauseAtData?: boolean } = {}): {
  readonly kind: string;
  readonly handler: Dispatcher.DispatchHandler;
  readonly seen: string[];
  readonly resume: () => void;
  readonly abort: (error: Error) => void;
}[] {
  const modern: string[] = [];
  let controller: Dispatcher.DispatchController | undefined;
  const legacy: string[] = [];
  let resumeLegacy: () => void = () => {};
  let abortLegacy: (error?: Error) => void = () => {};
  return [
    {
      kind: 'new',
      seen: modern,
      resume: () => controller?.resume(),
      abort: (error) => controller?.abort(error),
      handler: {
        onRequestStart(given) {
          controller = given;
          modern.push('start');
        },
        onResponseStart(given, status, headers) {
          modern.push(`head ${status} ${String(headers['x-a'])}`);
          if (options.pauseAtHead) given.pause();
        },
        onResponseData(given, chunk) {
          modern.push(`data ${chunk.length}`);
          if (options.pauseAtData) given.pause();
        },
        onResponseEnd: () => void modern.push('end'),
        onResponseError: (_given, error) => void modern.push(`error ${error.message}`),
      },
    },
    {
      kind: 'old',
      seen: legacy,
      resume: () => resumeLegacy(),
      abort: (error) => abortLegacy(error),
      handler: {
        onConnect(abort) {
          abortLegacy = abort;
          legacy.push('start');
        },
        onHeaders(status, headers, resume) {
          resumeLegacy = resume;
          const at = headers.findIndex((part) => part.toString() === 'x-a');
          legacy.push(`head ${status} ${headers[at + 1]?.toString()}`);
          return !options.pauseAtHead;
        },
        onData(chunk) {
          legacy.push(`data ${chunk.length}`);
          return !options.pauseAtData;
        },
        onComplete: () => void legacy.push('end'),
        onError: (error) => void legacy.push(`error ${error.message}`),
      },
    },
  ];
}

const get = { origin: 'http://reviews', path: '/', method: 'GET' } as const;

test('handlers of both interfaces are told the same', async () => {
  const server = await upstream((_request, response) => {
    response.setHeader('X-A', '1').end('body');
  });
  const { dispatcher } = clientOf([server]);
  for (const { handler, seen } of handlers()) {
    expect(dispatcher.dispatch(get, handler)).toBe(true);
    await eventually(() => seen.includes('end'));
    expect(seen).toEqual(['start', 'head 200 1', 'data 4', 'end']);
  }
});

test('a handler that pauses gets nothing until it resumes', async () => {
  const server = await upstream((_request, response) => {
    response.setHeader('x-a', '1').end(Buffer.alloc(1_000_000));
  });
  const mesh = clientOf([server]);
  for (const { handler, seen, resume } of handlers({ pauseAtHead: true, pauseAtData: true })) {
    mesh.dispatcher.dispatch(get, handler);
    await eventually(() => seen.length === 2);
    await quiet(mesh);
    expect(seen).toEqual(['start', 'head 200 1']);
    resume();
    await eventually(() => seen.length === 3);
    await quiet(mesh);
    expect(seen).toHaveLength(3);
    while (!seen.includes('end')) {
      resume();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const bytes = seen.reduce((sum, one) => sum + Number(/^data (\d+)/.exec(one)?.[1] ?? 0), 0);
    expect(bytes).toBe(1_000_000);
  }
});

test('a handler’s abort reaches the upstream, with its own reason', async () => {
  const server = await upstream({ fault: { kind: 'silent' } });
  const { dispatcher } = clientOf([server]);
  let number = 0;
  for (const { handler, seen, abort } of handlers()) {
    number += 1;
    dispatcher.dispatch(get, handler);
    await eventually(() => server.requests === number);
    abort(new Error('changed my mind'));
    expect(seen).toEqual(['start', 'error changed my mind']);
    await eventually(() => server.openConnections === 0);
  }
});

test('nothing is retried once the head was handed over', async () => {
  const server = await upstream({ fault: { kind: 'cut', afterBytes: 2, body: 'whole' } });
  const { dispatcher } = clientOf([server]);
  for (const { handler, seen } of handlers()) {
    const before = server.requests;
    dispatcher.dispatch(get, handler);
    await eventually(() => seen.some((one) => one.startsWith('error')));
    expect(server.requests).toBe(before + 1);
  }
});

test('a handler that throws ends its own call', async () => {
  const server = await upstream();
  const mesh = clientOf([server]);
  const errors: Error[] = [];
  mesh.dispatcher.dispatch(get, {
    onRequestStart() {},
    onResponseStart() {
      throw new Error('handler');
    },
    onResponseError: (_controller, error) => void errors.push(error),
  });
  await eventually(() => errors.length === 1);
  expect(errors[0]?.message).toBe('handler');
  expect((await mesh.request('http://reviews/')).status).toBe(200);
});

test('62: paths that would override the destination are refused', async () => {
  const server = await upstream();
  const { dispatcher } = clientOf([server]);
  for (const path of ['//evil/', 'http://evil/', '/a b', '/a\r\nx: y', '', 'x']) {
    const [{ handler, seen }] = handlers() as [ReturnType<typeof handlers>[0]];
    dispatcher.dispatch({ ...get, path }, handler);
    expect(seen.at(-1)).toMatch(/^error path /);
  }
  expect(server.connections).toBe(0);
});

test('an upgrade hands the socket over', async () => {
  const server = createServer();
  server.on('upgrade', (request, socket: Duplex) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n',
    );
    socket.write(`${request.headers.host} `);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  closeAfter({ close: () => new Promise((resolve) => server.close(() => resolve())) });
  const mesh = clientOf([{ port }]);
  for (const origin of ['http://reviews', `http://127.0.0.1:${port}`]) {
    const { socket } = await mesh.dispatcher.upgrade({
      ...get,
      origin,
      protocol: 'echo',
    } as Parameters<Dispatcher['upgrade']>[0]);
    socket.write('hello');
    let text = '';
    for await (const chunk of socket) {
      text += chunk;
      if (text.endsWith('hello')) break;
    }
    expect(text).toBe(`${new URL(origin).host} hello`);
    socket.destroy();
  }
  expect(mesh.inspect().callsInFlight).toBe(0);
});

/** Long enough for what is on its way to arrive: a call of the same client that goes all the way. */
async function quiet(mesh: Client): Promise<void> {
  await mesh.request('http://reviews/');
}

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { attach, createPipeline, type Pipeline, refuse } from '@inmesh/inbound';
import { meshExpress } from '@inmesh/inbound/express';
import { meshFastify } from '@inmesh/inbound/fastify';
import { type RecordingObserver, recordingObserver, send, sendRaw } from '@inmesh/testing';
import { afterEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import { fastify } from 'fastify';

const express4 = createRequire(import.meta.url)('express4') as typeof express;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Lets only `/open` and what is below it pass: what runs must always be what was decided about. */
function openOnly(observer: RecordingObserver): Pipeline {
  const forbidden = refuse(403, 'forbidden', 'only /open');
  return createPipeline({
    observers: [observer],
    authorization: [
      {
        name: 'open-only',
        run: (_request, { path }) => (/^\/open(\/|$)/.test(path) ? undefined : forbidden),
      },
    ],
  });
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

function expressApp(of: typeof express, attached: boolean) {
  return (pipeline: Pipeline): Promise<number> => {
    const app = of();
    app.use(meshExpress(pipeline));
    app.use('/open', (request, response) => void response.send(`open ${request.url}`));
    app.use('/admin', (_request, response) => void response.send('admin'));
    const server = createServer(app);
    if (attached) attach(server, pipeline);
    return listen(server);
  };
}

function fastifyApp(attached: boolean) {
  return async (pipeline: Pipeline): Promise<number> => {
    const app = fastify();
    await app.register(meshFastify(pipeline));
    for (const path of ['/open', '/open/*']) app.get(path, async ({ url }) => `open ${url}`);
    for (const path of ['/admin', '/admin/*']) app.get(path, async () => 'admin');
    if (attached) attach(app.server, pipeline);
    await app.ready();
    cleanups.push(() => app.close());
    return listen(app.server);
  };
}

describe.each([
  ['Express 4, attached', expressApp(express4, true)],
  ['Express 4, mounted', expressApp(express4, false)],
  ['Express 5, attached', expressApp(express, true)],
  ['Express 5, mounted', expressApp(express, false)],
  ['Fastify 5, attached', fastifyApp(true)],
  ['Fastify 5, mounted', fastifyApp(false)],
])('%s', (_name, start) => {
  test.each([
    '/admin',
    '/admin/',
    '/admin?',
    '/admin#',
    '/admin#f',
    '/open#/../admin',
    '//admin',
    '/%61dmin',
    '/%%36%31dmin',
    '/Admin',
    '/open/../admin',
    '/open/%2e%2e/admin',
    '/open/..%2fadmin',
    '/open\\..\\admin',
    '/admin/../open',
    '/admin/%2e%2e/open',
    '/admin/./../open/x',
    '/admin\\..\\open',
    '/admin%00/../open',
    '/open%00/../admin',
    'http://evil/admin',
    'http://evil/open/../admin',
    'admin',
    '*',
  ])('raw target %s never reaches the admin handler', async (target) => {
    const port = await start(openOnly(recordingObserver()));
    const answer = await sendRaw(
      port,
      `GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    );
    expect(answer).not.toMatch(/\r\n\r\nadmin/);
    expect(answer).toMatch(/^HTTP\/1\.1 (200|400|403|404) /);
  });

  test('an open path is served, with its query', async () => {
    const port = await start(openOnly(recordingObserver()));
    expect((await send(`http://127.0.0.1:${port}/open/x?a=%2e%2e/..`)).text).toMatch(
      /x\?a=%2e%2e\/\.\.$/,
    );
  });
});

test('where the router has not run, an odd spelling is served under its normal form', async () => {
  const observer = recordingObserver();
  const port = await expressApp(express, false)(openOnly(observer));
  const answer = await sendRaw(
    port,
    'GET /admin/../open/%61?x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
  );
  expect(answer).toMatch(/open \/a\?x$/);
  await observer.until(({ requests }) => requests.length === 1);
  expect(observer.requests[0]?.path).toBe('/admin/../open/%61');
});

test('where the router has run already, the answer says what the normal form is', async () => {
  const port = await fastifyApp(false)(openOnly(recordingObserver()));
  const answer = await sendRaw(
    port,
    'GET /open/./x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain('the path is not in normal form, which is /open/x');
});

test('a parameter in a mount path does not make endless route names', async () => {
  const observer = recordingObserver();
  const app = express();
  app.use(meshExpress(createPipeline({ observers: [observer] })));
  app.use(
    '/users/:user',
    express.Router().get('/orders/:id', (_request, response) => void response.end()),
  );
  const port = await listen(createServer(app));
  for (let i = 0; i < 150; i += 1) await send(`http://127.0.0.1:${port}/users/u${i}/orders/1`);
  await observer.until(({ requests }) => requests.length === 150);
  const routes = new Set(observer.requests.map(({ route }) => route));
  expect(routes.size).toBeLessThanOrEqual(101);
  expect(routes).toContain('/*/orders/:id');
});

test('routes given as lists and regular expressions are named as they are written', async () => {
  const observer = recordingObserver();
  const app = express();
  app.use(meshExpress(createPipeline({ observers: [observer] })));
  app.get(['/a', '/b'], (_request, response) => void response.end());
  app.get(/^\/c+$/, (_request, response) => void response.end());
  const port = await listen(createServer(app));
  for (const path of ['/b', '/ccc']) await send(`http://127.0.0.1:${port}${path}`);
  await observer.until(({ requests }) => requests.length === 2);
  expect(observer.requests.map(({ route }) => route)).toEqual(['/a,/b', '/^\\/c+$/']);
});

// Over 250 lines: it is one list of promises, and its value is that they stand together.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { currentContext, type Observer, type RequestContext } from '@inmesh/core';
import { send, sendRaw } from './http-client.ts';
import { type RecordingObserver, recordingObserver } from './recording-observer.ts';

/** A route of the suite, in no framework's words. */
export interface SuiteRoute {
  readonly method: 'GET' | 'POST';
  /** A pattern in Express' and Fastify's common form: `/items/:id`. */
  readonly path: string;
  /**
   * The handler. `body` is the parsed JSON of a POST. What it returns (or resolves with) is the
   * answer: a stream as it is, anything else as JSON. When it throws the answer is 500.
   */
  run(request: IncomingMessage, body: unknown): unknown;
}

/** What the suite wants served. */
export interface SuiteAppOptions {
  /** `attached`: the mesh is around the server and the middleware is mounted too. `mounted`: the middleware alone. */
  readonly mode: 'attached' | 'mounted';
  /** '' or a path such as `/api`: the routes, and the middleware with them, are in a router mounted there. */
  readonly mountPath: string;
  readonly routes: readonly SuiteRoute[];
  /** To be told of ended requests. */
  readonly observer: Observer;
  /** To be run as an authentication step; `false` refuses with 403 and the code `forbidden`. */
  authenticate(
    request: Pick<IncomingMessage, 'headers'>,
    context: RequestContext,
  ): boolean | Promise<boolean>;
}

export interface SuiteApp {
  /** Listening on 127.0.0.1. */
  readonly server: Server;
  close(): Promise<void>;
}

/** The test runner's words: Jest's, Vitest's or node:test's. */
export interface SuiteRunner {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void>): void;
}

/**
 * What every way of mounting the mesh into a framework has to keep. Run it for an adapter of yours:
 * `middlewareSuite('Koa', makeKoaApp, { describe, test })`.
 */
export function middlewareSuite(
  name: string,
  makeApp: (options: SuiteAppOptions) => Promise<SuiteApp>,
  { describe, test }: SuiteRunner,
): void {
  for (const mode of ['attached', 'mounted'] as const) {
    describe(`${name}, ${mode}`, () => {
      const promise = (
        sentence: string,
        body: (app: RunningApp) => Promise<void>,
        mountPath = '',
      ): void => test(sentence, () => withApp(makeApp, mode, mountPath, body));

      promise(
        'a handler finds trace, deadline, baggage and identity of its request',
        async (app) => {
          const { text } = await send(`${app.url}/context`, {
            headers: {
              traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
              tracestate: 'vendor=1',
              baggage: 'tenant=blue',
              'inmesh-timeout-ms': '60000',
              'x-request-id': 'r-1',
              'x-user': 'ada',
            },
          });
          const seen = JSON.parse(text);
          assert.equal(seen.traceId, traceId);
          assert.equal(seen.baggage, 'tenant=blue');
          assert.equal(seen.principal, 'ada');
          assert.deepEqual(seen.passOn, ['x-request-id', 'r-1']);
          assert.ok(seen.remainingMs > 30_000 && seen.remainingMs <= 60_000, `${seen.remainingMs}`);
        },
      );

      promise('a trace begins here when the caller brings none', async (app) => {
        const { text } = await send(`${app.url}/context`);
        assert.match(JSON.parse(text).traceId, /^[0-9a-f]{32}$/);
        assert.equal(JSON.parse(text).principal, undefined);
      });

      promise('the context stays after await, in timers and in listeners', async (app) => {
        const { text } = await send(`${app.url}/later`, { headers: { 'x-user': 'ada' } });
        assert.deepEqual(JSON.parse(text), ['ada', 'ada', 'ada', 'ada']);
      });

      promise('the context stays when the body was parsed before the handler', async (app) => {
        const body = JSON.stringify({ text: 'x'.repeat(200_000) });
        const headers = { 'content-type': 'application/json', 'x-user': 'ada' };
        // Parsing 200 kB takes several reads of the socket, on which nobody's context hangs.
        const { status, text } = await send(`${app.url}/echo`, { method: 'POST', headers, body });
        assert.equal(status, 200, text);
        assert.deepEqual(JSON.parse(text), { principal: 'ada', length: 200_000 });
        await app.observer.until(({ requests }) => requests.length === 1);
        assert.equal(app.observer.requests[0]?.requestBytes, body.length);
      });

      promise('a streamed answer is read in its context, also after back-pressure', async (app) => {
        const { text } = await send(`${app.url}/stream`, { headers: { 'x-user': 'ada' } });
        const lines = text.trim().split('\n');
        assert.equal(lines.length, streamedChunks);
        assert.deepEqual(new Set(lines.map((line) => line.trim())), new Set(['ada']));
      });

      promise('concurrent requests on shared connections never see each other', async (app) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 3 });
        const one = async (i: number): Promise<void> => {
          // Every third is anonymous: it must not inherit anybody. Every second waits in authentication.
          const user = i % 3 === 0 ? undefined : `${i % 2 === 0 ? 'slow-' : ''}user-${i}`;
          const headers: Record<string, string> = user === undefined ? {} : { 'x-user': user };
          const { text } = await send(`${app.url}/later`, { headers, agent });
          assert.deepEqual(JSON.parse(text), new Array(4).fill(user ?? null));
        };
        await Promise.all(Array.from({ length: 150 }, (_, i) => one(i)));
        agent.destroy();
      });

      promise('pipelined requests on one connection never see each other', async (app) => {
        const get = (user: string, connection: string): string =>
          `GET /later HTTP/1.1\r\nhost: a\r\nconnection: ${connection}\r\n${user}\r\n`;
        const answers = await sendRaw(
          app.port,
          get('x-user: ada\r\n', 'keep-alive') +
            get('', 'keep-alive') +
            get('x-user: bob\r\n', 'close'),
        );
        const bodies = answers.match(/\[[^\]]*\]/g) ?? [];
        assert.deepEqual(
          bodies.map((body) => JSON.parse(body)),
          ['ada', null, 'bob'].map((user) => new Array(4).fill(user)),
        );
      });

      promise(
        'a request whose deadline has passed is answered with 504 and never handled',
        async (app) => {
          const headers = { 'inmesh-timeout-ms': '0' };
          const { status, text } = await send(`${app.url}/context`, { headers });
          assert.equal(status, 504);
          assert.equal(JSON.parse(text).code, 'deadline_exceeded');
          assert.equal(app.handled(), 0);
          await app.observer.until(({ requests }) => requests.length === 1);
          const recorded = app.observer.requests[0];
          assert.deepEqual([recorded?.status, recorded?.flag], [504, 'UT']);
        },
      );

      for (const user of ['refused', 'slow-refused']) {
        promise(
          `a refused request is a problem document and never handled (${user})`,
          async (app) => {
            const { status, headers, text } = await send(`${app.url}/context`, {
              headers: { 'x-user': user },
            });
            assert.equal(status, 403);
            assert.equal(headers['content-type'], 'application/problem+json');
            assert.equal(JSON.parse(text).code, 'forbidden');
            assert.equal(JSON.parse(text).status, 403);
            assert.equal(app.handled(), 0);
            await app.observer.until(({ requests }) => requests.length === 1);
            assert.equal(app.observer.requests[0]?.status, 403);
          },
        );
      }

      for (const mountPath of ['', '/api', '/api/v1']) {
        const where = mountPath === '' ? 'at the root' : `under ${mountPath}`;
        promise(
          `requests are recorded with their route's pattern, ${where}`,
          async (app) => {
            const answer = await send(`${app.url}${mountPath}/items/7?secret=1`, {
              headers: { 'x-user': 'ada' },
            });
            assert.equal(JSON.parse(answer.text), 'ada');
            const failed = await send(`${app.url}${mountPath}/fail/7`);
            assert.equal(failed.status, 500);
            await app.observer.until(({ requests }) => requests.length === 2);
            const [ok, error] = app.observer.requests;
            assert.equal(ok?.route, `${mountPath}/items/:id`);
            assert.equal(ok?.path, `${mountPath}/items/7`);
            assert.equal(ok?.status, 200);
            assert.equal(ok?.flag, '-');
            assert.equal(ok?.principal, 'ada');
            assert.equal(ok?.responseBytes, answer.text.length);
            assert.ok((ok?.endedAt ?? 0) >= (ok?.startedAt ?? 1));
            assert.equal(error?.route, `${mountPath}/fail/:id`);
            assert.equal(error?.status, 500);
          },
          mountPath,
        );
      }

      promise('a path without a route is recorded without one', async (app) => {
        const { status } = await send(`${app.url}/nothing/here`);
        assert.equal(status, 404);
        await app.observer.until(({ requests }) => requests.length === 1);
        assert.equal(app.observer.requests[0]?.route, 'unknown');
        assert.equal(app.observer.requests[0]?.status, 404);
      });

      promise(
        'a caller that goes away is recorded as DC, and heard in the context',
        async (app) => {
          const headers = { 'x-user': 'ada' };
          const request = httpRequest(`${app.url}/never`, { headers, agent: false });
          request.on('error', () => {});
          request.end();
          await app.handlerStarted;
          request.destroy();
          // The socket sets this listener off, and no request's context hangs on that.
          const [heard] = await app.listenerHeard;
          assert.equal(heard, 'ada');
          await app.observer.until(({ requests }) => requests.length === 1);
          const recorded = app.observer.requests[0];
          assert.deepEqual([recorded?.flag, recorded?.status], ['DC', 0]);
        },
      );

      promise('an upgrade goes to its listener untouched', async (app) => {
        app.server.on('upgrade', (_request, socket) => {
          socket.end(
            'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: t\r\n\r\nhi',
          );
        });
        const headers = { connection: 'upgrade', upgrade: 't', 'x-user': 'refused' };
        const request = httpRequest(`${app.url}/socket`, { headers, agent: false }).end();
        const [response, socket, head] = await once(request, 'upgrade');
        socket.destroy();
        assert.equal(response.statusCode, 101);
        assert.ok(head.length <= 2);
        assert.equal(app.observer.requests.length, 0);
      });

      promise('the health path passes whoever asks and is not recorded', async (app) => {
        const headers = { 'x-user': 'refused', 'inmesh-timeout-ms': '0' };
        assert.equal((await send(`${app.url}/healthz`, { headers })).status, 200);
        // The exemption is for that path alone.
        assert.equal((await send(`${app.url}/healthz/`, { headers })).status, 504);
        await app.observer.until(({ requests }) => requests.length === 1);
        assert.equal(app.observer.requests[0]?.path, '/healthz/');
      });
    });
  }
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
/** 64 of 16 KiB are beyond what sockets buffer, so that the answer is held back and goes on. */
const streamedChunks = 64;

interface RunningApp {
  readonly server: Server;
  readonly port: number;
  readonly url: string;
  readonly observer: RecordingObserver;
  /** How many handlers have run. */
  handled(): number;
  /** Resolves when `/never` is being handled. */
  readonly handlerStarted: Promise<unknown>;
  /** Whose request a listener of `/never` believed to hear the end of. */
  readonly listenerHeard: Promise<unknown[]>;
}

async function withApp(
  makeApp: (options: SuiteAppOptions) => Promise<SuiteApp>,
  mode: SuiteAppOptions['mode'],
  mountPath: string,
  body: (app: RunningApp) => Promise<void>,
): Promise<void> {
  const observer = recordingObserver();
  let handled = 0;
  const signals = new EventEmitter();
  const handlerStarted = once(signals, 'never');
  const listenerHeard = once(signals, 'closed');
  const counted = suiteRoutes(signals).map(
    (route): SuiteRoute => ({
      ...route,
      run(request, parsed) {
        handled += 1;
        return route.run(request, parsed);
      },
    }),
  );
  const app = await makeApp({ mode, mountPath, routes: counted, observer, authenticate });
  try {
    const address = app.server.address();
    if (address === null || typeof address === 'string') throw new Error('the app does not listen');
    const { port } = address;
    const url = `http://127.0.0.1:${port}`;
    await body({
      server: app.server,
      port,
      url,
      observer,
      handled: () => handled,
      handlerStarted,
      listenerHeard,
    });
  } finally {
    await app.close();
  }
}

/** `x-user` says who it is; `refused` may not pass, and `slow-…` is found out asynchronously. */
const authenticate: SuiteAppOptions['authenticate'] = ({ headers }, context) => {
  const user = headers['x-user'];
  if (typeof user !== 'string') return true;
  const decide = (): boolean => {
    context.identity = { peer: undefined, peerVerified: false, principal: user, claims: {} };
    return !user.endsWith('refused');
  };
  return user.startsWith('slow-') ? nextTurn().then(decide) : decide();
};

function suiteRoutes(signals: EventEmitter): SuiteRoute[] {
  const principal = (): string | null => currentContext()?.identity?.principal ?? null;
  return [
    {
      method: 'GET',
      path: '/context',
      run() {
        const context = currentContext();
        return {
          traceId: context?.trace?.traceId,
          baggage: context?.baggage,
          principal: context?.identity?.principal,
          passOn: context?.passOn,
          remainingMs: (context?.deadline ?? 0) - performance.now(),
        };
      },
    },
    {
      method: 'GET',
      path: '/later',
      async run() {
        const seen = [principal()];
        await nextTurn();
        seen.push(principal());
        await wait(1);
        seen.push(principal());
        const readable = Readable.from(['a']);
        await new Promise<void>((resolve) => {
          readable.on('data', () => {});
          readable.on('end', () => {
            seen.push(principal());
            resolve();
          });
        });
        return seen;
      },
    },
    {
      method: 'POST',
      path: '/echo',
      run: (_request, body) => ({
        principal: principal(),
        length: (body as { text: string }).text.length,
      }),
    },
    {
      method: 'GET',
      path: '/stream',
      run() {
        let left = streamedChunks;
        return new Readable({
          read() {
            left -= 1;
            this.push(left < 0 ? null : `${(principal() ?? 'nobody').padEnd(16_383)}\n`);
          },
        });
      },
    },
    { method: 'GET', path: '/items/:id', run: () => principal() },
    {
      method: 'GET',
      path: '/fail/:id',
      async run() {
        await nextTurn();
        throw new Error('thrown by the suite');
      },
    },
    {
      method: 'GET',
      path: '/never',
      run(request) {
        const answer = new Promise((resolve) => {
          request.once('close', () => {
            signals.emit('closed', principal());
            resolve(null);
          });
        });
        signals.emit('never');
        return answer;
      },
    },
    { method: 'GET', path: '/healthz', run: () => 'ok' },
  ];
}

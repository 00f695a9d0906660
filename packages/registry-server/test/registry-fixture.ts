import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { Registration, SessionOpened, WatchEvent } from '@inmesh/core';
import {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
} from '@inmesh/registry-server';
import { afterEach } from '@jest/globals';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; tests look into it freely. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly json: any;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** A string is sent as it is, everything else as JSON. */
  readonly body?: unknown;
}

/** One stream of a session, as its client reads it. */
interface Stream {
  readonly response: IncomingMessage;
  /** The `id:` that came last. */
  readonly lastId: string | undefined;
  /** Events that came and were not taken yet. */
  readonly queued: readonly WatchEvent[];
  next(): Promise<WatchEvent>;
  /** The next of `kind`; others before it are skipped. */
  nextOf<Kind extends WatchEvent['kind']>(kind: Kind): Promise<Extract<WatchEvent, { kind: Kind }>>;
  close(): void;
}

export interface Fixture {
  readonly server: RegistryServer;
  readonly url: string;
  send(path: string, sent?: Sent): Promise<Answer>;
  openSession(client?: string): Promise<string>;
  register(session: string, id: string, registration?: Partial<Registration>): Promise<Answer>;
  subscribe(session: string, ...services: string[]): Promise<Answer>;
  watch(session: string, lastEventId?: string): Promise<Stream>;
}

const cleanups: (() => unknown)[] = [];

/** Runs `cleanup` after the test, last first. */
export function onEnd(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A registration that is good in every way. */
export const reviews: Registration = {
  service: 'reviews',
  address: '127.0.0.1',
  ports: [{ name: 'http', port: 9080 }],
};

/** A server on a free port, closed after the test. */
export async function startRegistry(options: RegistryServerOptions = {}): Promise<Fixture> {
  const server = createRegistryServer({ port: 0, ...options });
  onEnd(() => server.close());
  const { url } = await server.listen();
  const send = (path: string, sent: Sent = {}): Promise<Answer> => sendTo(url + path, sent);
  return {
    server,
    url,
    send,
    async openSession(client = 'test') {
      const { json } = await send('/v1/sessions', { method: 'POST', body: { client } });
      return (json as SessionOpened).session;
    },
    register: (session, id, registration = {}) =>
      send(`/v1/sessions/${session}/registrations/${encodeURIComponent(id)}`, {
        method: 'PUT',
        body: { ...reviews, ...registration },
      }),
    subscribe: (session, ...services) =>
      send(`/v1/sessions/${session}/subscriptions`, { method: 'PUT', body: { services } }),
    async watch(session, lastEventId) {
      const stream = await openStream(`${url}/v1/sessions/${session}/watch`, lastEventId);
      onEnd(() => stream.close());
      return stream;
    },
  };
}

function sendTo(url: string, { method = 'GET', headers = {}, body }: Sent): Promise<Answer> {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const type = text === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method, agent: false, headers: { ...type, ...headers } });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      response.on('error', reject);
      readText(response).then((read) => {
        const isJson = read !== '' && /json/.test(response.headers['content-type'] ?? '');
        const json = isJson ? JSON.parse(read) : null;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: read, json });
      }, reject);
    });
    outgoing.end(text);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk;
  return text;
}

function openStream(url: string, lastEventId: string | undefined): Promise<Stream> {
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { agent: false, headers });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      if (response.statusCode === 200) resolve(createStream(response));
      else reject(new Error(`watch: status ${response.statusCode}`));
    });
    outgoing.end();
  });
}

function createStream(response: IncomingMessage): Stream {
  const queued: WatchEvent[] = [];
  const waiting: { resolve(event: WatchEvent): void; reject(error: Error): void }[] = [];
  let lastId: string | undefined;
  let rest = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    rest += chunk;
    const frames = rest.split('\n\n');
    rest = frames.pop() ?? '';
    for (const frame of frames) {
      const fields = new Map(
        frame.split('\n').map((line) => {
          const colon = line.indexOf(':');
          return [line.slice(0, colon), line.slice(colon + 2)] as const;
        }),
      );
      lastId = fields.get('id') ?? lastId;
      const kind = fields.get('event');
      if (kind === undefined) continue;
      const event = { kind, ...JSON.parse(fields.get('data') ?? '') } as WatchEvent;
      const waiter = waiting.shift();
      if (waiter === undefined) queued.push(event);
      else waiter.resolve(event);
    }
  });
  response.on('error', () => {});
  response.on('close', () => {
    for (const waiter of waiting.splice(0)) waiter.reject(new Error('the stream ended'));
  });
  const next = (): Promise<WatchEvent> => {
    const event = queued.shift();
    if (event !== undefined) return Promise.resolve(event);
    if (response.destroyed) return Promise.reject(new Error('the stream ended'));
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  };
  return {
    response,
    queued,
    get lastId() {
      return lastId;
    },
    next,
    async nextOf(kind) {
      for (;;) {
        const event = await next();
        if (event.kind === kind) return event as Extract<WatchEvent, { kind: typeof kind }>;
      }
    },
    close: () => response.destroy(),
  };
}

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EndpointList } from '@inmesh/core';
import { createRegistryClient, type RegistryClient } from '@inmesh/registry-client';
import { createFakeClock, eventually } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { onEnd, startRegistry } from './registry-fixture.ts';
import { createSharedStoreDouble } from './shared-store-double.ts';

/** What a client and a server of a version that is out there said to each other, and what that server wrote for others. */
interface Recording {
  readonly version: string;
  readonly exchanges: readonly {
    readonly method: string;
    readonly path: string;
    readonly body?: unknown;
    readonly status: number;
    readonly answer?: unknown;
  }[];
  readonly frames: readonly {
    readonly event: string;
    readonly id?: string;
    readonly data: object;
  }[];
  /** Of the shared store, by key. */
  readonly entries: Readonly<Record<string, string>>;
}

const recorded = JSON.parse(
  readFileSync(new URL('./fixtures/wire-0.1.0.json', import.meta.url), 'utf8'),
) as Recording;
const sessionPath = /^\/v1\/sessions\/[\w-]{24}/;

describe(`a client of ${recorded.version} and a server of this version`, () => {
  test('what the client says is taken, and answered with all that it was answered with', async () => {
    const registry = await startRegistry({ settleMs: 0 });
    let session = '';
    for (const { method, path, body, status, answer } of recorded.exchanges) {
      if (path.endsWith('/watch')) continue;
      const own = path.replace(sessionPath, `/v1/sessions/${session}`);
      const now = await registry.send(own, { method, ...(body === undefined ? {} : { body }) });
      expect([method, path, now.status]).toEqual([method, path, status]);
      if (answer !== undefined) expect(missingIn(now.json, answer)).toEqual([]);
      if (now.json?.session !== undefined) session = now.json.session;
    }
  });

  test('the streams that it follows tell it the same, in the same words', async () => {
    const registry = await startRegistry({ settleMs: 0 });
    const session = await registry.openSession();
    const follows = { services: ['reviews.default'], config: { revision: '0' } };
    const subscribing = recorded.exchanges.find(({ path }) => path.endsWith('/subscriptions'));
    expect(Object.keys(subscribing?.body as object).sort()).toEqual(Object.keys(follows).sort());
    await registry.send(`/v1/sessions/${session}/subscriptions`, {
      method: 'PUT',
      body: subscribing?.body,
    });
    const stream = await registry.watch(session);
    const registration = recorded.exchanges.find(({ path }) => path.includes('/registrations/'));
    const told = (event: string): object =>
      recorded.frames.find((frame) => frame.event === event)?.data ?? {};
    const hello = await stream.nextOf('hello');
    expect(missingIn(hello, told('hello'))).toEqual([]);
    expect(missingIn(await stream.nextOf('snapshot'), told('snapshot'))).toEqual([]);
    await registry.send(registration?.path.replace(sessionPath, `/v1/sessions/${session}`) ?? '', {
      method: 'PUT',
      body: registration?.body,
    });
    expect(missingIn(await stream.nextOf('delta'), told('delta'))).toEqual([]);
  });
});

describe(`a client of this version and a server of ${recorded.version}`, () => {
  test('finds, is found and follows the configuration', async () => {
    const { client, lists, requests } = await join(recorded.frames);
    const registration = await client.register({
      service: 'reviews',
      address: '10.0.0.8',
      ports: [{ name: 'http', port: 9080 }],
    });
    expect(registration.state.kind).toBe('registered');
    await eventually(() => (lists.at(-1)?.endpoints.length ?? 0) > 0);
    expect(lists.at(-1)?.endpoints[0]).toMatchObject({ id: 'reviews-1', address: '10.0.0.7' });
    await eventually(() => client.config.current?.resources.length === 1);
    // A server refuses what it does not know: nothing is said to this one that it was not said before.
    const known = new Set(recorded.exchanges.map(({ method, path }) => shape(method, path)));
    for (const { method, path, body } of requests) {
      expect(known).toContain(shape(method, path));
      const before = recorded.exchanges.filter(
        (each) => shape(each.method, each.path) === shape(method, path),
      );
      const fields = new Set(before.flatMap((each) => Object.keys((each.body ?? {}) as object)));
      for (const field of Object.keys(body ?? {}))
        expect([path, [...fields]]).toEqual([path, expect.arrayContaining([field])]);
    }
  });

  test('what a newer server adds, fields and events, is left out', async () => {
    const newer = recorded.frames.map(withMore);
    const { lists } = await join([{ event: 'weather', data: { sun: true } }, ...newer]);
    await eventually(() => (lists.at(-1)?.endpoints.length ?? 0) > 0);
    expect(lists.at(-1)?.endpoints[0]).toMatchObject({ id: 'reviews-1', address: '10.0.0.7' });
    expect(lists.at(-1)?.endpoints[0]).not.toHaveProperty('fromTheFuture');
  });
});

test(`servers of ${recorded.version} and of this version share a store: each shows what the other has, and takes over what it leaves`, async () => {
  const clock = createFakeClock(1_000_000);
  const shared = await createSharedStoreDouble(clock);
  const old = shared.open();
  const lease = await old.grantLease(10_000);
  for (const [key, entry] of Object.entries(recorded.entries)) {
    const leased = /^cluster\/(servers\/|leader$)/.test(key) ? { lease } : {};
    await old.commit([{ kind: 'put', key, value: entry, ...leased }]);
  }
  const store = shared.open();
  const registry = await startRegistry({ store, name: 'new', settleMs: 0, clock });
  const show = async () => (await registry.send('/v1/services/default/reviews')).json.endpoints;
  expect(await show()).toMatchObject([
    { id: 'reviews-1', address: '10.0.0.7', status: 'draining' },
  ]);
  const { json } = await registry.send('/v1/status');
  expect(json.cluster).toMatchObject({ servers: 2, leading: false });
  expect((await registry.send('/v1/resources')).json.resources).toHaveLength(1);
  // The old one leaves; this one leads, has its endpoint, and ends it when nobody comes back for it.
  await old.revokeLease(lease);
  await clock.advanceAsync(5_000);
  expect((await registry.send('/v1/status')).json.cluster).toMatchObject({
    servers: 1,
    leading: true,
  });
  expect(await show()).toHaveLength(1);
  for (let i = 0; i < 40; i += 1) await clock.advanceAsync(500);
  expect(await show()).toEqual([]);
});

interface Joined {
  readonly client: RegistryClient;
  readonly lists: readonly EndpointList[];
  readonly requests: readonly { method: string; path: string; body: object | undefined }[];
}

/** Joins a server that answers as the recorded one did, and tells `frames`. */
async function join(frames: Recording['frames']): Promise<Joined> {
  const requests: { method: string; path: string; body: object | undefined }[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { method = '', url = '' } = request;
    requests.push({ method, path: url, body: text === '' ? undefined : JSON.parse(text) });
    const told = recorded.exchanges.find(
      (each) => shape(each.method, each.path) === shape(method, url),
    );
    if (told === undefined) {
      response.writeHead(404).end();
      return;
    }
    if (url.endsWith('/watch')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const { event, id, data } of frames) {
        const line = id === undefined ? '' : `id: ${id}\n`;
        response.write(`event: ${event}\n${line}data: ${JSON.stringify(data)}\n\n`);
        // All that it told later of the endpoint was that it went.
        if (event === 'config-delta') return;
      }
      return;
    }
    response.writeHead(told.status, { 'content-type': 'application/json' });
    response.end(told.answer === undefined ? undefined : JSON.stringify(told.answer));
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const client = createRegistryClient({
    servers: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    client: 'orders/1',
    service: 'orders.default',
    followConfig: true,
  });
  onEnd(() => client.close());
  const lists: EndpointList[] = [];
  client.follow('reviews.default', (list) => void lists.push(list));
  await client.start();
  return { client, lists, requests };
}

/** A request without its session and its endpoint. */
function shape(method: string, path: string): string {
  return `${method} ${path.replace(sessionPath, '/v1/sessions/*').replace(/\/registrations\/.*/, '/registrations/*')}`;
}

/** Paths of `before` that are not in `now`, or hold something of another kind. */
function missingIn(now: unknown, before: unknown, at = ''): string[] {
  if (Array.isArray(before)) {
    if (!Array.isArray(now)) return [at];
    return before.length > 0 && now.length > 0 ? missingIn(now[0], before[0], `${at}/0`) : [];
  }
  if (typeof before !== 'object' || before === null)
    return typeof now === typeof before ? [] : [at];
  if (typeof now !== 'object' || now === null) return [at];
  return Object.entries(before).flatMap(([key, value]) =>
    missingIn((now as Record<string, unknown>)[key], value, `${at}/${key}`),
  );
}

/** The same with a field more, in each endpoint too. */
function withMore({ data, ...frame }: Recording['frames'][number]): Recording['frames'][number] {
  const more = { fromTheFuture: { yes: true } };
  const added = Object.entries(data).map(([key, value]): [string, unknown] => {
    const isEndpoints =
      (key === 'endpoints' || key === 'upserts') && !frame.event.startsWith('config');
    return [key, isEndpoints ? value.map((endpoint: object) => ({ ...endpoint, ...more })) : value];
  });
  return { ...frame, data: { ...Object.fromEntries(added), ...more } };
}

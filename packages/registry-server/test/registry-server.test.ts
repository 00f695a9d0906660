import { once } from 'node:events';
import { connect } from 'node:net';
import { createRegistryServer } from '@inmesh/registry-server';
import { expect, test } from '@jest/globals';
import { startRegistry } from './registry-fixture.ts';

test('an endpoint that registers is found by look-up and in the list', async () => {
  const registry = await startRegistry();
  const session = await registry.openSession('reviews.default/1');
  const accepted = await registry.register(session, 'r1', { labels: { version: 'v2' } });
  expect(accepted.status).toBe(200);
  const found = await registry.send('/v1/services/default/reviews');
  expect(found.json).toEqual({
    service: 'reviews.default',
    revision: accepted.json.revision,
    known: true,
    endpoints: [
      {
        id: 'r1',
        service: 'reviews.default',
        address: '127.0.0.1',
        ports: [{ name: 'http', port: 9080 }],
        status: 'up',
        labels: { version: 'v2' },
        metadata: {},
        locality: { region: '', zone: '', subzone: '' },
        weight: 1,
        serviceAccount: 'default',
        tls: 'none',
      },
    ],
  });
  const list = await registry.send('/v1/services');
  expect(list.json).toEqual({ services: [{ service: 'reviews.default', endpoints: 1, up: 1 }] });
});

test('a session is told how long it lives and when to renew', async () => {
  const registry = await startRegistry();
  const opened = await registry.send('/v1/sessions', { method: 'POST', body: { client: 'a' } });
  expect(opened.status).toBe(201);
  expect(opened.json).toEqual({
    session: expect.stringMatching(/^[\w-]{24}$/),
    ttlMs: 15_000,
    renewEveryMs: 5_000,
    epoch: registry.server.status().epoch,
  });
});

test('renewing, registering or watching with a session that is unknown says so', async () => {
  const registry = await startRegistry();
  const renewed = await registry.send('/v1/sessions/nobody', { method: 'PUT' });
  expect([renewed.status, renewed.json.code]).toEqual([404, 'session_unknown']);
  const registered = await registry.register('nobody', 'r1');
  expect([registered.status, registered.json.code]).toEqual([404, 'session_unknown']);
  await expect(registry.watch('nobody')).rejects.toThrow('404');
});

test('closing a session takes its registrations with it, and closing it again is no error', async () => {
  const registry = await startRegistry({ removalHoldMs: 0 });
  const session = await registry.openSession();
  await registry.register(session, 'r1');
  for (const _ of [1, 2]) {
    const closed = await registry.send(`/v1/sessions/${session}`, { method: 'DELETE' });
    expect(closed.status).toBe(204);
  }
  const found = await registry.send('/v1/services/default/reviews');
  expect(found.json).toMatchObject({ known: true, endpoints: [] });
  expect(registry.server.status()).toMatchObject({ sessions: 0, registrations: 0 });
});

test('a service that never registered is unknown', async () => {
  const registry = await startRegistry();
  const { status, json, headers } = await registry.send('/v1/services/default/nobody');
  expect([status, json.code]).toEqual([404, 'unknown_service']);
  expect(headers['content-type']).toContain('application/problem+json');
});

test('lists are paged', async () => {
  const registry = await startRegistry();
  const session = await registry.openSession('one');
  await registry.openSession('two');
  for (const service of ['c', 'a', 'b']) await registry.register(session, service, { service });
  const first = await registry.send('/v1/services?limit=2');
  expect(first.json.services.map((s: { service: string }) => s.service)).toEqual([
    'a.default',
    'b.default',
  ]);
  const second = await registry.send(`/v1/services?limit=2&after=${first.json.next}`);
  expect(second.json).toEqual({ services: [{ service: 'c.default', endpoints: 1, up: 1 }] });
  const sessions = await registry.send('/v1/sessions?limit=1');
  expect(sessions.json.sessions).toEqual([
    { client: 'one', registrations: 3, subscriptions: 0, silentForMs: expect.any(Number) },
  ]);
  expect(sessions.text).not.toContain(session);
  const rest = await registry.send(`/v1/sessions?after=${sessions.json.next}`);
  expect(rest.json).toMatchObject({ sessions: [{ client: 'two' }] });
});

test('an endpoint that restarted fast takes its id over from its old session', async () => {
  const registry = await startRegistry({ removalHoldMs: 0 });
  const before = await registry.openSession('old');
  await registry.register(before, 'r1');
  const after = await registry.openSession('new');
  await registry.register(after, 'r1', { weight: 2 });
  await registry.send(`/v1/sessions/${before}`, { method: 'DELETE' });
  const { json } = await registry.send('/v1/services/default/reviews');
  expect(json.endpoints).toMatchObject([{ id: 'r1', weight: 2 }]);
});

test('an id that another service holds is refused', async () => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  await registry.register(session, 'x');
  const { status, json } = await registry.register(session, 'x', { service: 'ratings' });
  expect([status, json.code]).toEqual([409, 'conflict']);
});

test('registering the same again changes no revision', async () => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  const first = await registry.register(session, 'r1');
  const second = await registry.register(session, 'r1');
  expect(second.json).toEqual(first.json);
});

test('limits are answered with a problem that names them', async () => {
  const registry = await startRegistry({
    limits: { sessions: 2, registrationsPerSession: 1, watchers: 1 },
  });
  const session = await registry.openSession();
  const other = await registry.openSession();
  const refused = await registry.send('/v1/sessions', { method: 'POST', body: { client: 'b' } });
  expect([refused.status, refused.json.code, refused.headers['retry-after']]).toEqual([
    503,
    'overloaded',
    '1',
  ]);
  expect(refused.json.detail).toContain('limits.sessions');
  await registry.register(session, 'r1');
  const second = await registry.register(session, 'r2');
  expect([second.status, second.json.code]).toEqual([503, 'overloaded']);
  await registry.watch(session);
  await expect(registry.watch(other)).rejects.toThrow('503');
  // A stream that replaces one of its own session needs no further place.
  await registry.watch(session);
});

test('the status, health, readiness and metrics are there for operators', async () => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  await registry.register(session, 'r1');
  await registry.send(`/v1/sessions/${session}`, { method: 'PUT' });
  const { json } = await registry.send('/v1/status');
  expect(json).toMatchObject({
    sessions: 1,
    registrations: 1,
    services: 1,
    watchers: 0,
    selfPreservation: { active: false, silentSessions: 0 },
  });
  expect((await registry.send('/healthz')).text).toBe('ok');
  expect((await registry.send('/readyz')).text).toBe('ok');
  const { text, headers } = await registry.send('/metrics');
  expect(headers['content-type']).toContain('text/plain; version=0.0.4');
  expect(text).toContain('inmesh_registry_sessions 1\n');
  expect(text).toContain('inmesh_registry_renewals_total 1\n');
  expect(text).toMatch(/inmesh_registry_event_loop_delay_seconds_count \d+\n/);
});

test('close says goodbye to the streams, frees the port, and may be called again', async () => {
  const registry = await startRegistry();
  const stream = await registry.watch(await registry.openSession());
  await stream.nextOf('hello');
  const closing = registry.server.close();
  await stream.nextOf('goodbye');
  await closing;
  await registry.server.close();
  await expect(registry.send('/healthz')).rejects.toThrow('ECONNREFUSED');
});

test('close does not wait for a connection that never finishes its request', async () => {
  const registry = await startRegistry({ closeTimeoutMs: 100 });
  const socket = connect(Number(new URL(registry.url).port), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(
    'POST /v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
  );
  await registry.send('/healthz');
  const ended = once(socket, 'close');
  await registry.server.close();
  await ended;
});

test('a server that was never started closes, and does not start after that', async () => {
  const server = createRegistryServer({ port: 0 });
  await server.close();
  await expect(server.listen()).rejects.toMatchObject({ code: 'closed' });
});

test('a port that is taken fails with what the system says, and leaves nothing open', async () => {
  const registry = await startRegistry();
  const second = createRegistryServer({ port: Number(new URL(registry.url).port) });
  await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await second.close();
});

test.each([
  [{ host: '0.0.0.0' }, /host "0\.0\.0\.0" is not a loopback address/],
  [{ host: 'registry.example' }, /is not a loopback address/],
  [{ port: 70_000 }, /port must be .* got 70000/],
  [{ sessionTtlMs: 2 ** 31 }, /sessionTtlMs must be .* got 2147483648/],
  [{ sessionTtlMs: Number.NaN }, /sessionTtlMs must be .* got NaN/],
  [{ limits: { sessions: 0 } }, /limits\.sessions must be .* got 0/],
  [{ selfPreservation: { silentRatio: 3 } }, /silentRatio must be within 0\.\.1, got 3/],
])('options %j are refused at construction', (options, message) => {
  expect(() => createRegistryServer(options)).toThrow(message);
});

test('it listens on the IPv6 loopback too', async () => {
  const registry = await startRegistry({ host: '::1' });
  expect(registry.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect((await registry.send('/healthz')).status).toBe(200);
});

test('nothing is left open after close: the process can exit by itself (hostile case 76)', async () => {
  const held = (): string[] =>
    process.getActiveResourcesInfo().filter((name) => /^(TCP|Timeout|Pipe|FS)/.test(name));
  const before = held().length;
  const registry = await startRegistry({ closeTimeoutMs: 60_000 });
  const session = await registry.openSession();
  await registry.register(session, 'r1', { probe: { path: '/' } });
  await registry.subscribe(session, 'reviews.default');
  const stream = await registry.watch(session);
  await stream.nextOf('snapshot');
  await registry.server.close();
  await stream.nextOf('goodbye');
  // The client's own sockets close a turn or two after their ends did.
  for (let turns = 0; turns < 1_000 && held().length > before; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(held().length).toBeLessThanOrEqual(before);
});

import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFakeClock } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { onEnd, reviews, startRegistry } from './registry-fixture.ts';
import { startSecureRegistry } from './secure-fixture.ts';

const orders = { ...reviews, service: 'orders', serviceAccount: 'orders' };

describe('a service', () => {
  test('registers as itself (hostile case 44)', async () => {
    const registry = await startSecureRegistry();
    const identity = await registry.workload('orders');
    const session = await registry.openSession(identity);
    const path = `/v1/sessions/${session}/registrations/o1`;
    expect((await registry.send('PUT', path, { identity }, orders)).status).toBe(200);
  });

  test.each([
    ['another service', { service: 'reviews' }, '/service'],
    ['a service of another namespace', { namespace: 'prod' }, '/service'],
    ['another service account', { serviceAccount: 'admin' }, '/serviceAccount'],
    [
      'no service account, which is the default one',
      { serviceAccount: undefined },
      '/serviceAccount',
    ],
  ])('does not register as %s (hostile case 44)', async (_what, change, path) => {
    const registry = await startSecureRegistry();
    const identity = await registry.workload('orders');
    const session = await registry.openSession(identity);
    const url = `/v1/sessions/${session}/registrations/o1`;
    const { status, json } = await registry.send(
      'PUT',
      url,
      { identity },
      { ...orders, ...change },
    );
    expect([status, json.code, json.errors[0].path]).toEqual([403, 'forbidden', path]);
    expect(registry.server.status().registrations).toBe(0);
  });

  test('registers as what the operator lists for its account besides', async () => {
    const mayRegister = { 'default/orders': ['reviews'] };
    const registry = await startSecureRegistry({ security: { mayRegister } });
    const identity = await registry.workload('orders');
    const session = await registry.openSession(identity);
    const put = async (id: string, service: string): Promise<number> => {
      const url = `/v1/sessions/${session}/registrations/${id}`;
      return (await registry.send('PUT', url, { identity }, { ...orders, service })).status;
    };
    expect([
      await put('a', 'reviews'),
      await put('b', 'orders'),
      await put('c', 'ratings'),
    ]).toEqual([200, 200, 403]);
  });

  test('reports only as itself (hostile case 44)', async () => {
    const registry = await startSecureRegistry();
    const identity = await registry.workload('orders');
    const open = async (service: string): Promise<number> =>
      (await registry.send('POST', '/v1/sessions', { identity }, { client: 'x', service })).status;
    expect([await open('orders.default'), await open('reviews.default')]).toEqual([201, 403]);
  });

  test.each([
    ["the id of another app's instance", 'REVIEWS/10.0.0.1:reviews:8080', {}, '/id'],
    ["what only Eureka's door writes", 'o1', { metadata: { eureka: '{}' } }, '/metadata'],
  ])('does not register with %s (hostile case 44)', async (_what, id, change, path) => {
    const registry = await startSecureRegistry();
    const identity = await registry.workload('orders');
    const session = await registry.openSession(identity);
    const put = (endpoint: string, body: object) =>
      registry.send(
        'PUT',
        `/v1/sessions/${session}/registrations/${encodeURIComponent(endpoint)}`,
        { identity },
        body,
      );
    const { status, json } = await put(id, { ...orders, ...change });
    expect([status, json.errors[0].path]).toEqual([403, path]);
    expect((await put('ORDERS/10.0.0.1:orders:8080', orders)).status).toBe(200);
  });

  test('has no use of a session that it has stolen (hostile case 44)', async () => {
    const registry = await startSecureRegistry();
    const identity = await registry.workload('orders');
    const thief = { identity: await registry.workload('thief') };
    const session = await registry.openSession(identity);
    const path = `/v1/sessions/${session}`;
    await registry.send('PUT', `${path}/registrations/o1`, { identity }, orders);
    const tries = [
      await registry.send('PUT', path, thief),
      await registry.send('GET', `${path}/watch`, thief),
      await registry.send('PUT', `${path}/subscriptions`, thief, { services: [] }),
      await registry.send('PUT', `${path}/registrations/o2`, thief, orders),
      await registry.send('DELETE', `${path}/registrations/o1`, thief),
    ];
    expect(tries.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
    await registry.send('DELETE', path, thief);
    expect(registry.server.status()).toMatchObject({ sessions: 1, registrations: 1 });
    expect((await registry.send('PUT', path, { identity })).status).toBe(204);
    expect((await registry.send('PUT', path)).status).toBe(401);
  });

  test('holds so many sessions, and no more', async () => {
    const registry = await startSecureRegistry({ limits: { sessionsPerIdentity: 2 } });
    const [a, b] = [await registry.workload('a'), await registry.workload('b')];
    const open = async (identity: typeof a): Promise<number> =>
      (await registry.send('POST', '/v1/sessions', { identity }, { client: 'x' })).status;
    expect([await open(a), await open(a), await open(a), await open(b)]).toEqual([
      201, 201, 503, 201,
    ]);
  });

  test('may look services up, and neither the audit nor anything of operators', async () => {
    const registry = await startSecureRegistry();
    const identity = await registry.workload('orders');
    expect((await registry.send('GET', '/v1/services', { identity })).status).toBe(200);
    for (const path of ['/v1/audit', '/v1/tokens', '/v1/sessions', '/metrics', '/v1/status']) {
      expect([path, (await registry.send('GET', path, { identity })).status]).toEqual([path, 403]);
    }
    const wanted = { kind: 'operator', name: 'me' };
    expect((await registry.send('POST', '/v1/tokens', { identity }, wanted)).status).toBe(403);
  });
});

describe('without a proof', () => {
  test('every door but health, trust and keys is shut', async () => {
    const registry = await startSecureRegistry();
    const { json } = await registry.send('GET', '/openapi.json', { token: registry.operator });
    const open: string[] = [];
    for (const [path, methods] of Object.entries<object>(json.paths)) {
      for (const method of Object.keys(methods)) {
        const url = path.replaceAll(/\{\w+\}/g, 'x');
        const { status } = await registry.send(method.toUpperCase(), url);
        if (status !== 401) open.push(`${method.toUpperCase()} ${path}`);
      }
    }
    expect(open.sort()).toEqual([
      'GET /healthz',
      'GET /readyz',
      'GET /v1/jwks',
      'GET /v1/trust-bundle',
      'POST /login',
      'POST /logout',
      'POST /v1/certificates',
    ]);
  });

  test.each(['Basic YWxpY2U6eA==', 'Bearer', 'Bearer x y', 'Bearer nonsense', 'nonsense'])(
    'of the right kind nothing opens: %j',
    async (authorization) => {
      const registry = await startSecureRegistry();
      const { status, headers } = await registry.send('GET', '/v1/services', {
        headers: { authorization },
      });
      expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer realm="registry"']);
    },
  );

  test('few guesses are taken (hostile case 47)', async () => {
    const clock = createFakeClock();
    clock.jumpWall(Date.now() - clock.wallNow());
    const registry = await startSecureRegistry({ clock, limits: { strangerRequestsPerSecond: 1 } });
    const guess = async (): Promise<number> =>
      (await registry.send('GET', '/v1/services', { token: 'nonsense' })).status;
    const tries: number[] = [];
    for (let i = 0; i < 7; i += 1) tries.push(await guess());
    expect(tries).toEqual([401, 401, 401, 401, 401, 429, 429]);
    // Who has a proof does not suffer for it.
    expect((await registry.send('GET', '/v1/services', { token: registry.operator })).status).toBe(
      200,
    );
    await clock.advanceAsync(1_000);
    expect(await guess()).toBe(401);
  });
});

test('one identity may ask so often, and no oftener', async () => {
  const clock = createFakeClock();
  clock.jumpWall(Date.now() - clock.wallNow());
  const registry = await startSecureRegistry({ clock, limits: { requestsPerSecond: 1 } });
  const { token: reader } = await registry.token({ kind: 'reader', name: 'grafana' });
  const ask = async (token: string): Promise<number> =>
    (await registry.send('GET', '/v1/services', { token })).status;
  expect([await ask(reader), await ask(reader), await ask(reader)]).toEqual([200, 200, 429]);
  expect(await ask(registry.operator)).toBe(200);
});

describe('a reader', () => {
  test('sees everything but tokens, and changes nothing', async () => {
    const registry = await startSecureRegistry();
    const { token } = await registry.token({ kind: 'reader', name: 'grafana' });
    for (const path of ['/v1/services', '/v1/resources', '/v1/status', '/metrics', '/v1/audit']) {
      expect([path, (await registry.send('GET', path, { token })).status]).toEqual([path, 200]);
    }
    expect((await registry.send('GET', '/v1/tokens', { token })).status).toBe(403);
    const changes = [
      await registry.send('POST', '/v1/resources', { token }, { resources: [] }),
      await registry.send('DELETE', '/v1/endpoints/x/override', { token }),
      await registry.send('POST', '/v1/revocations', { token }, { serial: '1' }),
      await registry.send('POST', '/v1/trust-bundle/rotation', { token }),
    ];
    expect(changes.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
  });
});

describe("a browser's session", () => {
  const logIn = async (
    registry: Awaited<ReturnType<typeof startSecureRegistry>>,
    token: string,
  ) => {
    const answer = await registry.send('POST', '/login', {}, { token });
    const [set = ''] = answer.headers['set-cookie'] ?? [];
    return { ...answer, set, cookie: set.split(';')[0] ?? '' };
  };

  test('begins with a token, in a cookie that no script and no other site can use', async () => {
    const registry = await startSecureRegistry();
    const { status, set, json, cookie } = await logIn(registry, registry.operator);
    expect(status).toBe(200);
    expect(set).toMatch(/^__Host-inmesh=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
    expect(json).toMatchObject({ role: 'operator', name: 'alice' });
    const headers = { cookie };
    expect((await registry.send('GET', '/v1/services', { headers })).status).toBe(200);
    expect((await registry.send('GET', '/v1/login', { headers })).json.csrf).toBe(json.csrf);
  });

  test('changes nothing without its CSRF token (hostile case 52)', async () => {
    const registry = await startSecureRegistry();
    const { cookie, json } = await logIn(registry, registry.operator);
    const wanted = { kind: 'reader', name: 'x' };
    const post = async (headers: Record<string, string>): Promise<number> =>
      (await registry.send('POST', '/v1/tokens', { headers: { cookie, ...headers } }, wanted))
        .status;
    expect(await post({})).toBe(403);
    expect(await post({ 'x-inmesh-csrf': 'x' })).toBe(403);
    const other = await logIn(registry, registry.operator);
    expect(await post({ 'x-inmesh-csrf': other.json.csrf })).toBe(403);
    expect(await post({ 'x-inmesh-csrf': json.csrf, origin: 'https://evil.example' })).toBe(403);
    expect(await post({ 'x-inmesh-csrf': json.csrf, origin: registry.url })).toBe(201);
  });

  test('ends with its logout, with its token, and with its time', async () => {
    const clock = createFakeClock();
    clock.jumpWall(Date.now() - clock.wallNow());
    const registry = await startSecureRegistry({ clock });
    const reader = await registry.token({ kind: 'reader', name: 'bob' });
    const asked = async (cookie: string): Promise<number> =>
      (await registry.send('GET', '/v1/services', { headers: { cookie } })).status;
    const first = await logIn(registry, reader.token);
    const headers = { cookie: first.cookie, 'x-inmesh-csrf': first.json.csrf };
    const { headers: answered } = await registry.send('POST', '/logout', { headers });
    expect(answered['set-cookie']?.[0]).toContain('Max-Age=0');
    const second = await logIn(registry, reader.token);
    expect([await asked(first.cookie), await asked(second.cookie)]).toEqual([401, 200]);
    await registry.send('DELETE', `/v1/tokens/${reader.id}`, { token: registry.operator });
    expect(await asked(second.cookie)).toBe(401);
    const third = await logIn(registry, registry.operator);
    expect(await asked(third.cookie)).toBe(200);
    await clock.advanceAsync(12 * 3_600_000);
    expect(await asked(third.cookie)).toBe(401);
  });

  test('is not begun by a join token or a wrong one, and a forged cookie is nobody', async () => {
    const registry = await startSecureRegistry();
    const { token } = await registry.token({ kind: 'join', serviceAccount: 'orders' });
    expect((await logIn(registry, token)).status).toBe(401);
    expect((await logIn(registry, 'nonsense')).status).toBe(401);
    const { cookie } = await logIn(registry, registry.operator);
    for (const forged of ['__Host-inmesh=x', `${cookie}; __Host-inmesh=x`]) {
      const { status } = await registry.send('GET', '/v1/services', {
        headers: { cookie: forged },
      });
      expect(status).toBe(401);
    }
  });
});

test.each([
  ['its token is revoked', 'DELETE'],
  ['its token has expired', 'expiry'],
])('the open stream of a person ends when %s', async (_why, how) => {
  const clock = createFakeClock();
  clock.jumpWall(Date.now() - clock.wallNow());
  const registry = await startSecureRegistry({ clock });
  const { id, token } = await registry.token({ kind: 'operator', ttlMs: 60_000 });
  const { json: tap } = await registry.send('POST', '/v1/taps', { token }, { service: 'orders' });
  for (const path of ['/v1/graph/stream', `/v1/taps/${tap.id}/stream`]) {
    const stream = await openStream(registry.url + path, token);
    await clock.advanceAsync(2_000);
    expect(stream.destroyed).toBe(false);
    stream.destroy();
  }
  const { json: later } = await registry.send('POST', '/v1/taps', { token }, { service: 'orders' });
  const streams = [
    await openStream(`${registry.url}/v1/graph/stream`, token),
    await openStream(`${registry.url}/v1/taps/${later.id}/stream`, token),
  ];
  const closed = streams.map((stream) => new Promise((resolve) => stream.once('close', resolve)));
  if (how === 'expiry') await clock.advanceAsync(60_000);
  else await registry.send('DELETE', `/v1/tokens/${id}`, { token: registry.operator });
  await clock.advanceAsync(1_000);
  await Promise.all(closed);
});

async function openStream(url: string, token: string): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${token}` };
  const outgoing = httpsRequest(url, { agent: false, rejectUnauthorized: false, headers });
  outgoing.on('error', () => {});
  onEnd(() => outgoing.destroy());
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  response.on('error', () => {});
  response.resume();
  return response;
}

describe('the audit', () => {
  test('tells who changed what, and who was refused; the newest first, over a restart', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'inmesh-doors-'));
    onEnd(() => rm(dataDir, { recursive: true }));
    const registry = await startSecureRegistry({ dataDir });
    const alice = { token: registry.operator };
    const bob = await registry.token({ kind: 'reader', name: 'bob' });
    await registry.send('POST', '/v1/tokens', alice, { kind: 'reader', name: 'eve' });
    await registry.send('DELETE', `/v1/tokens/${bob.id}x`, alice);
    await registry.send('DELETE', `/v1/tokens/${bob.id}`, bob);
    await registry.send('DELETE', `/v1/tokens/${bob.id}`, alice);
    await registry.send('POST', '/login', {}, { token: 'guessed' });
    const actions = (entries: { actor: string; action: string; status: number }[]): string[] =>
      entries.map(({ actor, action, status }) => `${actor}: ${action} ${status}`);
    const expected = [
      'nobody: POST /login 401',
      'operator alice: DELETE /v1/tokens/:id 204',
      'reader bob: DELETE /v1/tokens/:id 403',
      'operator alice: DELETE /v1/tokens/:id 404',
      'operator alice: POST /v1/tokens 201',
    ];
    const { json } = await registry.send('GET', '/v1/audit', alice);
    expect(actions(json.entries)).toEqual(expected);
    expect(json.entries[1]).toMatchObject({ target: { id: bob.id }, remote: '127.0.0.1' });
    expect(json.entries[4].target).toMatchObject({ kind: 'reader', name: 'eve' });
    expect(JSON.stringify(json)).not.toContain(registry.operator.split('.')[2]);

    await registry.server.close();
    // A crash may have cut the last line.
    const path = join(dataDir, 'audit.jsonl');
    await writeFile(path, `${await readFile(path, 'utf8')}\n{"number":6,"at":1`);
    const again = await startSecureRegistry({ dataDir });
    await again.send('DELETE', '/v1/tokens/nowhere', alice);
    const page = await again.send('GET', '/v1/audit?limit=2', alice);
    expect(actions(page.json.entries)).toEqual([
      'operator alice: DELETE /v1/tokens/:id 404',
      'nobody: POST /login 401',
    ]);
    const older = await again.send('GET', `/v1/audit?after=${page.json.next}`, alice);
    expect(actions(older.json.entries)).toEqual(expected.slice(1));
    expect(older.json.next).toBeUndefined();
  });

  test('is not filled by strangers, nor by what services do with their sessions', async () => {
    const registry = await startSecureRegistry();
    const identity = await registry.workload('orders');
    await registry.openSession(identity);
    await registry.send('DELETE', '/v1/tokens/x');
    const { json } = await registry.send('GET', '/v1/audit', { token: registry.operator });
    expect(json.entries).toHaveLength(1);
    expect(json.entries[0].action).toBe('POST /v1/certificates');
  });

  test('is not flushed by who guesses at the open doors: so much is kept, and how much more there was', async () => {
    const clock = createFakeClock();
    clock.jumpWall(Date.now() - clock.wallNow());
    const registry = await startSecureRegistry({ clock });
    const alice = { token: registry.operator };
    const guess = () => registry.send('POST', '/login', {}, { token: 'guessed' });
    await registry.send('DELETE', '/v1/tokens/nowhere', alice);
    for (let i = 0; i < 60; i += 1) {
      await guess();
      await registry.send('POST', '/logout');
    }
    const audit = async () =>
      (await registry.send('GET', '/v1/audit?limit=1000', alice)).json.entries;
    expect(await audit()).toHaveLength(101);
    await clock.advanceAsync(60_000);
    await guess();
    expect((await audit())[0]).toMatchObject({ action: 'POST /login', target: { leftOut: '20' } });
    expect((await audit()).at(-1)).toMatchObject({ actor: 'operator alice' });
  });

  test('is kept without authentication, too', async () => {
    const registry = await startRegistry();
    await registry.send('/v1/resources/VirtualService/default/x', { method: 'DELETE' });
    const { json } = await registry.send('/v1/audit');
    expect(json.entries).toMatchObject([{ actor: 'operator everybody', status: 404 }]);
  });
});

test('other addresses than loopback need authentication', async () => {
  await expect(startRegistry({ host: '0.0.0.0' })).rejects.toThrow(/not a loopback address/);
  const registry = await startSecureRegistry({ host: '0.0.0.0', allowedHosts: ['registry.test'] });
  const url = registry.url.replace('0.0.0.0', '127.0.0.1');
  expect(url).toMatch(/^https:/);
});

test('connections of one address are counted from before their handshake (hostile case 47)', async () => {
  const registry = await startSecureRegistry({ limits: { connectionsPerPeer: 2 } });
  const { port } = new URL(registry.url);
  const open = async (): Promise<Socket> => {
    const socket = connect(Number(port), '127.0.0.1');
    onEnd(() => socket.destroy());
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'connect');
    return socket;
  };
  // They say nothing, and hold their places all the same.
  const first = await open();
  await open();
  await once(await open(), 'close');
  first.destroy();
  const answered = async (): Promise<boolean> =>
    await registry.send('GET', '/healthz').then(
      () => true,
      () => false,
    );
  // The server hears of a closed connection a moment after the client.
  while (!(await answered())) await new Promise((resolve) => setImmediate(resolve));
});

test.each([
  [{ host: 'evil.example' }, 421],
  [{ host: 'registry.test.evil.example' }, 421],
  [{ origin: 'https://evil.example' }, 403],
  [{ origin: 'http://registry.test' }, 403],
  [{ 'sec-fetch-site': 'cross-site' }, 403],
  [{ host: 'registry.test' }, 200],
  [{ host: '10.0.0.5:8761', origin: 'https://10.0.0.5:8761' }, 200],
])(
  'a page is held to its host and origin over TLS, too: %j (hostile case 52)',
  async (headers, expected) => {
    const registry = await startSecureRegistry({ allowedHosts: ['registry.test'] });
    const shown = { token: registry.operator, headers: headers as Record<string, string> };
    expect((await registry.send('GET', '/v1/services', shown)).status).toBe(expected);
  },
);

test.each([
  ['that is giant', `a{1,1000}`.repeat(1_000)],
  ['that looks back', '(a+)\\1'],
  ['that looks ahead', '(?=a)b'],
])('a regular expression %s gets into no configuration (hostile case 50)', async (_what, regex) => {
  const registry = await startSecureRegistry();
  const resource = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'reviews' },
    spec: {
      hosts: ['reviews'],
      http: [{ match: [{ uri: { regex } }], route: [{ destination: { host: 'reviews' } }] }],
    },
  };
  const shown = { token: registry.operator };
  const body = { resources: [resource] };
  const { status, json } = await registry.send('POST', '/v1/resources', shown, body);
  expect([status, json.code]).toEqual([422, 'invalid_resource']);
});

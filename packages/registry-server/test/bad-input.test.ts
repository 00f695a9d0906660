import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { type Fixture, onEnd, reviews, startRegistry } from './registry-fixture.ts';

/** Everything that a refused request must have left alone. */
async function expectNothingRegistered(registry: Fixture): Promise<void> {
  expect((await registry.send('/v1/services')).json.services).toEqual([]);
  expect(registry.server.status().registrations).toBe(0);
}

const good = { ...reviews };

test.each<[string, unknown, string]>([
  ['no service', { ...good, service: undefined }, '/service'],
  ['an empty service', { ...good, service: '' }, '/service'],
  ['a name outside a-z, 0-9 and -', { ...good, service: 'Re_views' }, '/service'],
  ['a name with a line break', { ...good, service: 'reviews\r\n' }, '/service'],
  ['port 0', { ...good, ports: [{ name: 'http', port: 0 }] }, '/ports/0/port'],
  ['port 65536', { ...good, ports: [{ name: 'http', port: 65_536 }] }, '/ports/0/port'],
  ['a port that is a string', { ...good, ports: [{ name: 'http', port: '80' }] }, '/ports/0/port'],
  ['no ports', { ...good, ports: [] }, '/ports'],
  ['17 ports', { ...good, ports: Array(17).fill({ name: 'http', port: 80 }) }, '/ports'],
  [
    'two ports of one name',
    {
      ...good,
      ports: [
        { name: 'http', port: 80 },
        { name: 'http', port: 81 },
      ],
    },
    '/ports/1/name',
  ],
  ['a negative weight', { ...good, weight: -1 }, '/weight'],
  ['weight 0', { ...good, weight: 0 }, '/weight'],
  ['a status that only the server gives', { ...good, status: 'down' }, '/status'],
  ['an unknown field', { ...good, colour: 'red' }, '/colour'],
  ['an unknown field below', { ...good, locality: { planet: 'x' } }, '/locality/planet'],
  ['a wrong type', { ...good, labels: [] }, '/labels'],
  ['a label that is a number', { ...good, labels: { a: 1 } }, '/labels/a'],
  [
    '65 labels',
    { ...good, labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ''])) },
    '/labels',
  ],
  [
    'a metadata value of 1,025 characters',
    { ...good, metadata: { a: 'x'.repeat(1_025) } },
    '/metadata/a',
  ],
  [
    'an absurd interval',
    { ...good, probe: { path: '/', intervalMs: 2 ** 31 } },
    '/probe/intervalMs',
  ],
  ['an interval of 1 ms', { ...good, probe: { path: '/', intervalMs: 1 } }, '/probe/intervalMs'],
  ['a time-out of 0', { ...good, probe: { path: '/', timeoutMs: 0 } }, '/probe/timeoutMs'],
  ['a probe path of another host', { ...good, probe: { path: '//evil/' } }, '/probe/path'],
  ['a probe path with a line break', { ...good, probe: { path: '/a\r\nx: y' } }, '/probe/path'],
  [
    'a probe of a port that is not there',
    { ...good, probe: { path: '/', port: 'admin' } },
    '/probe/port',
  ],
  ['a body that is a list', [], ''],
  ['a body that is null', null, ''],
])(
  'a registration with %s is refused, says where, and changes nothing',
  async (_what, body, path) => {
    const registry = await startRegistry();
    const session = await registry.openSession();
    const { status, json, headers } = await registry.send(
      `/v1/sessions/${session}/registrations/r1`,
      {
        method: 'PUT',
        body: body === null ? 'null' : body,
      },
    );
    expect(status).toBe(400);
    expect(headers['content-type']).toContain('application/problem+json');
    expect(json).toMatchObject({ type: 'about:blank', status: 400, code: 'invalid_argument' });
    expect(json.errors.map((error: { path: string }) => error.path)).toContain(path);
    await expectNothingRegistered(registry);
  },
);

test.each([
  '169.254.169.254',
  '0.0.0.0',
  '0.1.2.3',
  '255.255.255.255',
  '224.0.0.1',
  '::',
  'fe80::1',
  'fe80::1%eth0',
  'ff02::1',
  '::ffff:a9fe:a9fe',
  '[::ffff:a9fe:a9fe]',
  '::ffff:0.0.0.0',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
  'fd00:ec2::254',
  '100.100.100.200',
  '168.63.129.16',
  'file:///etc/passwd',
  'localhost',
  'localhost.',
  'user@127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0xa9fea9fe',
  '0177.0.0.1',
  'metadata.google.internal',
  '127.0.0.1:80',
  ' 127.0.0.1',
  '',
])('the address %j is refused (hostile case 45)', async (address) => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  const { status, json } = await registry.register(session, 'r1', { address });
  expect([status, json.errors[0].path]).toEqual([400, '/address']);
  await expectNothingRegistered(registry);
});

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['10.1.2.3', '10.1.2.3'],
  ['100.64.0.1', '100.64.0.1'],
  ['93.184.216.34', '93.184.216.34'],
  ['::1', '::1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['fd12::3', 'fd12::3'],
  ['2001:DB8::1', '2001:db8::1'],
])('the address %j is taken as %j', async (address, canonical) => {
  const registry = await startRegistry();
  await registry.register(await registry.openSession(), 'r1', { address });
  const { json } = await registry.send('/v1/services/default/reviews');
  expect(json.endpoints[0].address).toBe(canonical);
});

test.each([
  '{"__proto__": {"up": true}}',
  '{"metadata": {"__proto__": "x"}}',
  '{"metadata": {"\\u005f_proto__": "x"}}',
  '{"metadata": {"constructor": {"prototype": {"up": true}}}}',
])('%s in a body is refused (hostile case 49)', async (fragment) => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  const body = `${JSON.stringify(reviews).slice(0, -1)},${fragment.slice(1)}`;
  const { status, json } = await registry.send(`/v1/sessions/${session}/registrations/r1`, {
    method: 'PUT',
    body,
  });
  expect([status, json.code]).toEqual([400, 'invalid_argument']);
  expect(({} as { up?: boolean }).up).toBeUndefined();
  await expectNothingRegistered(registry);
});

test.each(['constructor', 'prototype'])(
  'metadata named %s is refused (hostile case 49)',
  async (key) => {
    const registry = await startRegistry();
    const session = await registry.openSession();
    const { status, json } = await registry.register(session, 'r1', { metadata: { [key]: 'x' } });
    expect([status, json.errors[0].path]).toEqual([400, `/metadata/${key}`]);
  },
);

test('ids, services and sessions with names of Object.prototype are names like others', async () => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  expect((await registry.register(session, '__proto__', { service: 'constructor' })).status).toBe(
    200,
  );
  expect((await registry.send('/v1/services/default/constructor')).json.endpoints).toHaveLength(1);
  expect((await registry.send('/v1/services/default/valueof')).status).toBe(404);
  expect((await registry.send('/v1/sessions/__proto__', { method: 'PUT' })).status).toBe(404);
});

test('an endpoint id may hold slashes and colons, and no spaces or control characters', async () => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  expect((await registry.register(session, 'reviews.default/[::1]:9080')).status).toBe(200);
  for (const id of ['a b', 'a\nb', 'ä', 'x'.repeat(254)]) {
    const { status, json } = await registry.register(session, id);
    expect([status, json.errors?.[0].path]).toEqual([400, '/id']);
  }
});

test('an unknown field is told once, and by what is wrong with it', async () => {
  const registry = await startRegistry();
  const { json } = await registry.register(await registry.openSession(), 'r1', {
    colour: 'red',
  } as never);
  expect(json.detail).toBe('body/colour: is not a known field, or not an allowed key');
  expect(json.errors).toHaveLength(1);
});

test.each([
  [100_000, 413, undefined],
  [10_000, 400, '/services'],
])('following %d services is refused, and what was followed stays', async (count, status, path) => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  await registry.subscribe(session, 'reviews.default');
  const names = Array.from({ length: count }, (_, i) => `s${i}.default`);
  const refused = await registry.subscribe(session, ...names);
  expect(refused.headers['content-type']).toContain('application/problem+json');
  expect([refused.status, refused.json.code]).toEqual([status, 'invalid_argument']);
  expect(refused.json.errors?.[0].path).toBe(path);
  const { json } = await registry.send('/v1/sessions');
  expect(json.sessions).toMatchObject([{ subscriptions: 1 }]);
});

test('an oversize body is refused before it is read (hostile case 48)', async () => {
  const registry = await startRegistry();
  const { status, json } = await registry.send('/v1/sessions', {
    method: 'POST',
    body: { client: 'x'.repeat(300_000) },
  });
  expect([status, json.status]).toEqual([413, 413]);
});

test.each([
  ['lists', '['.repeat(1_000) + ']'.repeat(1_000)],
  ['objects', `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`],
])('a body of deeply nested %s is refused (hostile case 48)', async (_what, body) => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  const { status } = await registry.send(`/v1/sessions/${session}/registrations/r1`, {
    method: 'PUT',
    body,
  });
  expect(status).toBe(400);
  await expectNothingRegistered(registry);
});

test.each([
  ['that is cut off', '{"client": "a'],
  ['with a comma too many', '{"client": "a",}'],
  ['that is empty', ''],
])('JSON %s is refused', async (_what, body) => {
  const registry = await startRegistry();
  const { status, json } = await registry.send('/v1/sessions', { method: 'POST', body });
  expect([status, json.code]).toEqual([400, 'invalid_argument']);
});

test('thousands of tiny headers are refused (hostile case 48)', async () => {
  const registry = await startRegistry();
  const lines = (count: number): string =>
    Array.from({ length: count }, (_, i) => `a${i}: b\r\n`).join('');
  const few = await sendRaw(
    registry.url,
    `GET /healthz HTTP/1.1\r\nhost: localhost\r\n${lines(200)}\r\n`,
  );
  expect(few).toMatch(/^HTTP\/1\.1 431 .*"code":"invalid_argument"/s);
  const many = await sendRaw(
    registry.url,
    `GET /healthz HTTP/1.1\r\nhost: localhost\r\n${lines(5_000)}\r\n`,
  );
  expect(many).toMatch(/^HTTP\/1\.1 431 .*"code":"invalid_argument"/s);
});

test.each([
  ['GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: a\rb\r\n\r\n'],
  ['GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'],
  ['GET /healthz HTTP/1.1\r\n\r\n'],
  ['nonsense\r\n\r\n'],
])('what is no proper HTTP is refused: %j', async (text) => {
  const registry = await startRegistry();
  expect(await sendRaw(registry.url, text)).toMatch(/^HTTP\/1\.1 400 /);
});

test('whoever drips a header is cut off (hostile case 47, slowloris)', async () => {
  const registry = await startRegistry({ limits: { headerTimeoutMs: 100 } });
  const answer = await sendRaw(registry.url, 'GET /healthz HTTP/1.1\r\nhost: local');
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
});

test('one address may only open so many connections (hostile case 47)', async () => {
  const registry = await startRegistry({ limits: { connectionsPerPeer: 2 } });
  const first = await open(registry.url);
  await open(registry.url);
  const third = await open(registry.url);
  await once(third, 'close');
  first.destroy();
  await once(first, 'close');
  await expect(retried(() => registry.send('/healthz'))).resolves.toMatchObject({ status: 200 });
});

test('only JSON is read: what a page can send without asking is not (hostile case 52, CSRF)', async () => {
  const registry = await startRegistry();
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const { status, json } = await registry.send('/v1/sessions', {
      method: 'POST',
      headers: { 'content-type': type },
      body: '{"client":"x"}',
    });
    expect([status, json.code]).toEqual([415, 'invalid_argument']);
  }
  expect(registry.server.status().sessions).toBe(0);
});

test.each([
  { origin: 'http://evil.example' },
  { origin: 'null' },
  { origin: 'https://127.0.0.1' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
])(
  'a page of another origin can neither change nor watch anything: %j (hostile case 52)',
  async (headers) => {
    const registry = await startRegistry();
    const session = await registry.openSession();
    for (const path of ['/v1/services', `/v1/sessions/${session}/watch`]) {
      const { status, json } = await registry.send(path, { headers });
      expect([status, json.code]).toEqual([403, 'forbidden']);
    }
    const sent = { method: 'POST', body: { client: 'x' }, headers };
    expect((await registry.send('/v1/sessions', sent)).status).toBe(403);
    expect(registry.server.status().sessions).toBe(1);
  },
);

test("the registry's own pages and plain clients may use it", async () => {
  const registry = await startRegistry();
  const own = { origin: registry.url, 'sec-fetch-site': 'same-origin' };
  expect((await registry.send('/v1/services', { headers: own })).status).toBe(200);
  expect((await registry.send('/v1/services')).status).toBe(200);
});

test.each([
  'evil.example',
  'evil.example:8761',
  '127.0.0.1.evil.example',
  '10.0.0.1',
  '[::2]',
  '127.1',
])('a request for host %j is refused (hostile case 52, DNS rebinding)', async (host) => {
  const registry = await startRegistry();
  const { status } = await registry.send('/v1/services', { headers: { host } });
  expect(status).toBe(421);
});

test('a request without a host is refused (hostile case 52)', async () => {
  const registry = await startRegistry();
  expect(await sendRaw(registry.url, 'GET /v1/services HTTP/1.0\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 421 /,
  );
  const empty = 'GET /v1/services HTTP/1.1\r\nhost:\r\n\r\n';
  expect(await sendRaw(registry.url, empty)).toMatch(/^HTTP\/1\.1 421 /);
});

test.each(['localhost', 'LOCALHOST:1', '127.0.0.1:9', '[::1]:8761', 'registry.test'])(
  'a request for host %j is answered',
  async (host) => {
    const registry = await startRegistry({ allowedHosts: ['Registry.test'] });
    expect((await registry.send('/v1/services', { headers: { host } })).status).toBe(200);
  },
);

test('a name with ANSI codes or line breaks gets nowhere near a log line (hostile case 53)', async () => {
  const logged: string[] = [];
  const log = (_fields: unknown, message: string): void => void logged.push(message);
  const logger = { debug: log, info: log, warn: log, error: log };
  const registry = await startRegistry({ logger });
  for (const client of ['\u001b[31mred', 'a\nb', 'a\u0085b', '']) {
    const { status } = await registry.send('/v1/sessions', { method: 'POST', body: { client } });
    expect(status).toBe(400);
  }
  const session = await registry.openSession('<b>');
  await registry.register(session, 'r1', { metadata: { note: 'needle' } });
  await registry.send('/v1/services', { headers: { host: 'needle' } });
  // Data goes into fields; the text is always one of ours.
  expect(logged.join('\n')).not.toContain('needle');
});

test('markup in metadata is served as data only (hostile case 51)', async () => {
  const registry = await startRegistry();
  const note = '<script>alert(1)</script>';
  await registry.register(await registry.openSession(), 'r1', { metadata: { note } });
  const { headers, json } = await registry.send('/v1/services/default/reviews');
  expect(json.endpoints[0].metadata).toEqual({ note });
  expect(headers['content-type']).toContain('application/json');
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'");
});

test('an unknown route, method or page is a problem', async () => {
  const registry = await startRegistry();
  for (const [path, method] of [
    ['/nowhere', 'GET'],
    ['/v1/sessions', 'PATCH'],
    ['//v1/services', 'GET'],
  ]) {
    const { status, json } = await registry.send(path as string, { method: method as string });
    expect([status, json.code]).toEqual([404, 'not_found']);
  }
  for (const query of ['limit=0', 'limit=1e9', 'limit=x', 'colour=red']) {
    expect((await registry.send(`/v1/services?${query}`)).status).toBe(400);
  }
  expect((await registry.send('/v1/sessions?after=x')).json.errors[0].path).toBe('/after');
  expect((await registry.send('/v1/services/default/Reviews')).status).toBe(400);
  expect((await registry.send('/v1/services/%ff/x')).json.code).toBe('invalid_argument');
});

test('a HEAD opens no stream', async () => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  const { status } = await registry.send(`/v1/sessions/${session}/watch`, { method: 'HEAD' });
  expect([status, registry.server.status().watchers]).toEqual([404, 0]);
});

async function open(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  onEnd(() => socket.destroy());
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  return socket;
}

/** Writes `text` and gives all that comes back until the server closes. */
async function sendRaw(url: string, text: string): Promise<string> {
  const socket = await open(url);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk;
    // Answers that keep the connection are complete with their last brace.
    if (answer.endsWith('}')) socket.end();
  });
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

/** The server hears of a closed connection a moment after the client. */
async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 50; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

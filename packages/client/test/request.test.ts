import { Readable } from 'node:stream';
import { type RequestContext, runInContext } from '@inmesh/core';
import { recordingObserver } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { client, clientOf, type Echoed, echo, upstream } from './client-fixture.ts';

const context: RequestContext = {
  trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true, state: 'v=1' },
  deadline: Infinity,
  identity: undefined,
  baggage: 'tenant=7',
  passOn: ['x-sticky', 'blue'],
};

test('a request reaches its service by its logical name and comes back whole', async () => {
  const server = await upstream(echo);
  const mesh = clientOf([server]);
  const answer = await mesh.request('http://reviews.default/ratings/7?full=1#part', {
    method: 'post',
    headers: { 'X-Case': 'Kept', 'content-type': 'text/plain' },
    body: 'héllo',
  });
  expect(answer.status).toBe(200);
  expect(answer.json()).toMatchObject({
    method: 'POST',
    url: '/ratings/7?full=1',
    headers: { host: 'reviews.default', 'x-case': 'Kept', 'content-length': '6' },
    body: 'héllo',
  });
});

test("the URL's port is the service's, also where a URL object would forget it", async () => {
  const server = await upstream(echo);
  const mesh = client({ endpoints: { reviews: [{ port: server.port, servicePort: 80 }] } });
  for (const url of ['http://reviews:80/a', 'http://reviews:80/a#b', 'http://reviews/a']) {
    expect((await mesh.request(url)).json()).toMatchObject({ url: '/a' });
  }
  await expect(mesh.request('http://reviews:81/')).rejects.toMatchObject({ code: 'unknown_port' });
});

test('the context of the inbound request goes out with the call, under what the caller said himself', async () => {
  const server = await upstream(echo);
  const mesh = clientOf([server]);
  const call = (headers: Record<string, string>) =>
    runInContext(context, () => mesh.request('http://reviews/', { headers }));
  const { headers } = (await call({})).json() as Echoed;
  expect(headers.traceparent).toMatch(/^00-a{32}-(?!b{16})[0-9a-f]{16}-01$/);
  expect(headers).toMatchObject({ tracestate: 'v=1', baggage: 'tenant=7', 'x-sticky': 'blue' });
  expect(Number(headers['inmesh-timeout-ms'])).toBeGreaterThan(5_000);
  expect(headers['inmesh-attempt']).toBeUndefined();
  const own = (
    await call({ traceparent: 'mine', baggage: 'b', 'x-sticky': 'red' })
  ).json() as Echoed;
  expect(own.headers).toMatchObject({ traceparent: 'mine', baggage: 'b', 'x-sticky': 'red' });
  expect(own.headers.tracestate).toBeUndefined();
});

test('the inbound deadline caps what the call asks for', async () => {
  const server = await upstream(echo);
  const mesh = clientOf([server]);
  const soon = { ...context, deadline: performance.now() + 500 };
  const response = await runInContext(soon, () =>
    mesh.request('http://reviews/', { timeoutMs: 60_000 }),
  );
  expect(Number((response.json() as Echoed).headers['inmesh-timeout-ms'])).toBeLessThanOrEqual(500);
  const late = { ...context, deadline: performance.now() - 1 };
  await expect(runInContext(late, () => mesh.request('http://reviews/'))).rejects.toMatchObject({
    code: 'deadline_exceeded',
    maybeProcessed: false,
  });
});

test('repeated headers are kept apart', async () => {
  const server = await upstream((_request, response) => {
    response.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] }).end();
  });
  const response = await clientOf([server]).request('http://reviews/');
  expect(response.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  const cookies = response.headerPairs.filter((_, i, all) => all[i - 1] === 'set-cookie');
  expect(cookies).toEqual(['a=1', 'b=2']);
});

test.each([204, 304, 207, 299, 404, 599])('status %i comes back as it is', async (status) => {
  const server = await upstream((_request, response) => response.writeHead(status).end());
  const response = await clientOf([server], { retry: { maxRetries: 0 } }).request(
    'http://reviews/',
  );
  expect(response.status).toBe(status);
  expect(response.body).toHaveLength(0);
});

test('HEAD has the headers of a body and none of it', async () => {
  const server = await upstream((_request, response) => {
    response.setHeader('content-length', '5').end();
  });
  const response = await clientOf([server]).request('http://reviews/', { method: 'HEAD' });
  expect(response.headers['content-length']).toBe('5');
  expect(response.body).toHaveLength(0);
});

test('forms, parameters, blobs, bytes and streams are bodies', async () => {
  const server = await upstream(echo);
  const mesh = clientOf([server]);
  const post = async (body: Parameters<typeof mesh.request>[1] & object): Promise<Echoed> =>
    (await mesh.request('http://reviews/', { method: 'POST', ...body })).json() as Echoed;
  const form = new FormData();
  form.set('field', 'value');
  const sent = await post({ body: form });
  expect(sent.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
  expect(sent.body).toContain('name="field"\r\n\r\nvalue');
  expect(await post({ body: new URLSearchParams({ a: '1 2' }) })).toMatchObject({
    headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
    body: 'a=1+2',
  });
  expect(await post({ body: new Blob(['blob'], { type: 'text/x-b' }) })).toMatchObject({
    headers: { 'content-type': 'text/x-b', 'content-length': '4' },
    body: 'blob',
  });
  expect(await post({ body: Buffer.from('bytes') })).toMatchObject({ body: 'bytes' });
  expect(await post({ body: new Uint8Array([104, 105]).buffer })).toMatchObject({ body: 'hi' });
  expect(await post({ body: Readable.from(['a', 'b']) })).toMatchObject({
    headers: { 'transfer-encoding': 'chunked' },
    body: 'ab',
  });
  const web = new Blob(['web']).stream() as ReadableStream<Uint8Array>;
  expect(await post({ body: web })).toMatchObject({ body: 'web' });
});

test('62: what would be misread on the wire is refused before any I/O', async () => {
  const server = await upstream(echo);
  const mesh = clientOf([server]);
  const refused: [string, Parameters<typeof mesh.request>[1]][] = [
    ['http://reviews/a\r\nhost: evil', {}],
    ['http://reviews//evil/path', {}],
    ['//evil/path', {}],
    ['/path', {}],
    ['ftp://reviews/', {}],
    ['http://user:secret@reviews/', {}],
    ['http://reviews:0/', {}],
    ['http://reviews:65536/', {}],
    ['http://re_views/', {}],
    ['http://-reviews/', {}],
    ['http:///path', {}],
    ['http://reviews/', { method: 'GET\r\nx: y' }],
    ['http://reviews/', { method: 'CONNECT' }],
    ['http://reviews/', { method: '' }],
    ['http://reviews/', { headers: { 'x\r\ny': '1' } }],
    ['http://reviews/', { headers: { x: 'a\r\nb: c' } }],
    ['http://reviews/', { headers: { x: 'a\0b' } }],
    ['http://reviews/', { headers: ['content-length', '1', 'content-length', '2'], body: 'a' }],
    ['http://reviews/', { headers: { 'content-length': '99' }, body: 'a', method: 'POST' }],
    ['http://reviews/', { headers: { 'content-length': '-1' } }],
    ['http://reviews/', { headers: { 'transfer-encoding': 'chunked' } }],
    ['http://reviews/', { headers: { host: 'evil' } }],
    ['http://reviews/', { headers: ['odd'] }],
    ['http://reviews/', { timeoutMs: 2 ** 31 }],
    ['http://reviews/', { timeoutMs: -1 }],
    ['http://reviews/', { maxRetries: 1.5 }],
    ['http://reviews/', { body: { a: 1 } as never, method: 'POST' }],
  ];
  for (const [url, options] of refused) {
    await expect(mesh.request(url, options)).rejects.toMatchObject({ code: 'invalid_argument' });
  }
  await expect(mesh.request('http://reviews/', { timeoutMs: 2 ** 31 })).rejects.toThrow(
    'timeoutMs must be within 0..2147483647',
  );
  expect(server.connections).toBe(0);
});

test('66: a body that was read already is refused, and one that is sent is not sent twice', async () => {
  const server = await upstream({ fault: { kind: 'reset' } });
  const mesh = clientOf([server]);
  const read = Readable.from(['x']);
  for await (const _chunk of read) {
    // Reads it.
  }
  const options = { method: 'PUT', body: read };
  await expect(mesh.request('http://reviews/', options)).rejects.toMatchObject({
    code: 'body_consumed',
  });
  expect(server.requests).toBe(0);
  await expect(
    mesh.request('http://reviews/', { method: 'PUT', body: Readable.from(['x']) }),
  ).rejects.toMatchObject({ code: 'connection_closed', attempts: 1 });
  expect(server.requests).toBe(1);
});

test('a body stream that fails ends the call and nothing else', async () => {
  const server = await upstream(echo);
  const mesh = clientOf([server]);
  const failing = new Readable({
    read() {
      this.destroy(new Error('the disk is gone'));
    },
  });
  await expect(
    mesh.request('http://reviews/', { method: 'POST', body: failing }),
  ).rejects.toMatchObject({ code: 'aborted' });
  expect((await mesh.request('http://reviews/')).status).toBe(200);
});

test('a body above maxBodyBytes is refused, and its connection does not linger', async () => {
  const server = await upstream((_request, response) => response.end('x'.repeat(2_000)));
  const mesh = clientOf([server], { maxBodyBytes: 1_000 });
  await expect(mesh.request('http://reviews/')).rejects.toMatchObject({
    code: 'response_too_large',
  });
  expect(mesh.inspect().callsInFlight).toBe(0);
});

test('an unknown service fails closed: a single label never reaches DNS', async () => {
  const mesh = clientOf([]);
  await expect(mesh.request('http://localhosts/')).rejects.toMatchObject({
    code: 'unknown_service',
    service: 'localhosts.default',
  });
  await expect(mesh.request('http://x.default.svc.cluster.local/')).rejects.toMatchObject({
    code: 'unknown_service',
  });
  await expect(mesh.request('http://reviews/')).rejects.toMatchObject({ code: 'no_endpoints' });
});

test('hosts outside the mesh pass, with nothing of the mesh added, unless they are refused', async () => {
  const server = await upstream(echo);
  const url = `http://127.0.0.1:${server.port}/out`;
  const { headers } = (await clientOf([]).request(url)).json() as Echoed;
  expect(Object.keys(headers).filter((name) => /inmesh|trace/.test(name))).toEqual([]);
  const strict = clientOf([], { outbound: 'registry-only' });
  await expect(strict.request(url)).rejects.toMatchObject({ code: 'outbound_refused' });
  await server.close();
  await expect(clientOf([]).request(url)).rejects.toMatchObject({ code: 'connect_failed' });
});

test('the source is waited for, for so long and no longer', async () => {
  const server = await upstream();
  const { createMemorySource } = await import('@inmesh/testing');
  const source = createMemorySource();
  source.lose();
  const mesh = client({ source, sourceWaitMs: 20 });
  await expect(mesh.request('http://reviews/')).rejects.toMatchObject({
    code: 'registry_unavailable',
  });
  const patient = client({ source, sourceWaitMs: 5_000 });
  const waiting = patient.request('http://reviews/');
  source.find();
  source.set('reviews', [{ port: server.port }]);
  // `find` said that it is unknown; a service that registers later is found by the next call.
  await expect(waiting).rejects.toMatchObject({ code: 'unknown_service' });
  expect((await patient.request('http://reviews/')).status).toBe(200);
  await expect(patient.ready('reviews', 1_000)).resolves.toBeUndefined();
  await expect(patient.ready('nobody', 10)).rejects.toMatchObject({ code: 'start_timeout' });
});

test('observers are told of every call and attempt, and one that throws disturbs nothing', async () => {
  const server = await upstream(echo);
  const seen = recordingObserver();
  const throwing = {
    callEnded() {
      throw new Error('observer');
    },
  };
  const errors: string[] = [];
  const log = (_fields: object, message: string): void => void errors.push(message);
  const mesh = clientOf([server], {
    observers: [throwing, seen],
    logger: { debug: log, info: log, warn: log, error: log },
  });
  await mesh.request('http://reviews/a?b', { method: 'POST', body: 'four' });
  await mesh.request('http://nobody/').catch(() => {});
  expect(seen.calls).toMatchObject([
    {
      service: 'reviews.default',
      method: 'POST',
      status: 200,
      flag: '-',
      attempts: 1,
      requestBytes: 4,
    },
    { service: 'nobody.default', status: 0, attempts: 0, error: { code: 'unknown_service' } },
  ]);
  expect(seen.calls[0]?.responseBytes).toBeGreaterThan(100);
  expect(seen.attempts).toMatchObject([
    { service: 'reviews.default', method: 'POST', number: 1, status: 200 },
  ]);
  expect(mesh.inspect().observerFailures).toBe(2);
  expect(errors).toHaveLength(1);
});

test('options are checked when the client is made', () => {
  expect(() => client({})).toThrow('source must be given, or endpoints');
  expect(() => client({ endpoints: {}, timeoutMs: -1 })).toThrow('timeoutMs must be within');
  expect(() => client({ endpoints: {}, outbound: 'x' as never })).toThrow('outbound must be');
  expect(() => client({ endpoints: { reviews: [{ port: 0 }] } })).toThrow('port must be within');
  expect(() => client({ endpoints: { '': [{ port: 1 }] } })).toThrow('service "" must be');
});

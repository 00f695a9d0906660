import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { eventually, send, sendRaw, startUpstream, type Upstream } from '@inmesh/testing';
import { afterEach, expect, test } from '@jest/globals';

let upstream: Upstream;
afterEach(() => upstream.close());

test('it answers by its handler and counts requests and connections', async () => {
  upstream = await startUpstream((request, response) => response.end(`hello ${request.url}`));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  expect((await send(`${upstream.url}/a`, { agent })).text).toBe('hello /a');
  await send(`${upstream.url}/b`, { agent });
  await send(upstream.url);
  agent.destroy();
  expect([upstream.requests, upstream.connections]).toEqual([3, 2]);
  expect(upstream.maxInFlight).toBe(1);
  expect(upstream.lastRequest?.url).toBe('/');
});

test('a status comes with its headers; no handler is a plain 200', async () => {
  upstream = await startUpstream();
  expect(await send(upstream.url)).toMatchObject({ status: 200, text: 'ok' });
  upstream.fault = { kind: 'status', status: 503, headers: { 'retry-after': '1' } };
  const answer = await send(upstream.url);
  expect([answer.status, answer.headers['retry-after'], answer.text]).toEqual([503, '1', '']);
});

test('a fault may be chosen per request, and taken back', async () => {
  upstream = await startUpstream({
    fault: (request, number) =>
      number === 1 && request.method === 'POST' ? { kind: 'status', status: 500 } : undefined,
  });
  expect((await send(upstream.url, { method: 'POST' })).status).toBe(500);
  expect((await send(upstream.url, { method: 'POST' })).status).toBe(200);
});

test('slow and dripping answers are whole in the end', async () => {
  upstream = await startUpstream({ fault: { kind: 'slow', delayMs: 20 } });
  const begin = performance.now();
  expect((await send(upstream.url)).text).toBe('ok');
  expect(performance.now() - begin).toBeGreaterThanOrEqual(18);
  upstream.fault = { kind: 'drip', intervalMs: 1, body: 'drop' };
  expect((await send(upstream.url)).text).toBe('drop');
  upstream.fault = { kind: 'drip', intervalMs: 1, body: '' };
  expect((await send(upstream.url)).text).toBe('');
});

test.each([0, 3])('a cut answer has its head and %d bytes of its body', async (afterBytes) => {
  upstream = await startUpstream({ fault: { kind: 'cut', afterBytes, body: 'abcdef' } });
  await expect(send(upstream.url)).rejects.toMatchObject({ code: 'ECONNRESET' });
  const raw = await sendRaw(upstream.port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  expect(raw).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-length: 6\r\n/);
  expect(raw.split('\r\n\r\n')[1]).toBe('abcdef'.slice(0, afterBytes));
});

test('a reset request gets no answer', async () => {
  upstream = await startUpstream({ fault: { kind: 'reset' } });
  await expect(send(upstream.url)).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('a silent one never answers, and close() does not wait for it', async () => {
  upstream = await startUpstream({ fault: { kind: 'silent' } });
  const answer = send(upstream.url);
  answer.catch(() => {});
  await eventually(() => upstream.inFlight > 0);
  await upstream.close();
  await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(upstream.openConnections).toBe(0);
});

test('close-idle closes a kept connection without having said so', async () => {
  upstream = await startUpstream({ fault: { kind: 'close-idle' } });
  const raw = await sendRaw(upstream.port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  expect(raw).toMatch(/ok$/);
  expect(raw).not.toMatch(/connection: close/i);
});

test('it can refuse connections while open ones go on, and accept again on the same port', async () => {
  upstream = await startUpstream();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await send(upstream.url, { agent });
  await upstream.refuse();
  await expect(send(upstream.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect((await send(upstream.url, { agent })).status).toBe(200);
  await upstream.accept();
  await upstream.accept();
  expect((await send(upstream.url)).status).toBe(200);
  agent.destroy();
});

test('all connections can be reset', async () => {
  upstream = await startUpstream();
  const socket = connect(upstream.port, '127.0.0.1');
  await once(socket, 'connect');
  await eventually(() => upstream.openConnections > 0);
  upstream.resetConnections();
  const [error] = await once(socket, 'error');
  expect(error).toMatchObject({ code: 'ECONNRESET' });
});

test('closing twice is closing once, also while it refuses', async () => {
  upstream = await startUpstream();
  await upstream.refuse();
  await Promise.all([upstream.close(), upstream.close()]);
});

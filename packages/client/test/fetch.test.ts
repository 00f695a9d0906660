import { inspect } from 'node:util';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { client, clientOf, type Echoed, echo, upstream } from './client-fixture.ts';

test('fetch gives a Response, with the status, the headers and the body of any kind', async () => {
  const server = await upstream((_request, response) => {
    response.writeHead(201, 'Made', { 'Set-Cookie': ['a=1', 'b=2'], 'content-type': 'text/plain' });
    response.end('\uFEFF{"a":1}');
  });
  const { fetch } = clientOf([server]);
  const response = await fetch('http://reviews/x');
  expect(response).toBeInstanceOf(Response);
  expect(response).toMatchObject({ status: 201, ok: true, statusText: 'Made', type: 'basic' });
  expect(response).toMatchObject({ url: 'http://reviews/x', redirected: false, bodyUsed: false });
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  expect(await response.json()).toEqual({ a: 1 });
  expect(response.bodyUsed).toBe(true);
  await expect(response.text()).rejects.toThrow(TypeError);
  expect(await (await fetch('http://reviews/')).text()).toBe('{"a":1}');
  const bytes = new Uint8Array(await (await fetch('http://reviews/')).arrayBuffer());
  expect(bytes).toHaveLength(10);
  const blob = await (await fetch('http://reviews/')).blob();
  expect([blob.type, blob.size]).toEqual(['text/plain', 10]);
});

test('no error shows the query, user or password of a URL: tokens travel there', async () => {
  const server = await upstream((_request, response) => {
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  const { fetch } = clientOf([server]);
  for (const url of [
    'http://reviews//x?access_token=s3cret',
    'http://user:s3cret@reviews/x\u0001',
    'http://user:s3cret@[/',
    'ftp://user:s3cret@reviews/x',
    'http://reviews/moved?access_token=s3cret',
  ]) {
    const error = await fetch(url, { redirect: 'error' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(inspect(error, { depth: 10 })).not.toContain('s3cret');
  }
});

test('fetch takes a URL, a Request, headers of any kind and a body of any kind', async () => {
  const server = await upstream(echo);
  const { fetch } = clientOf([server]);
  const sent = async (...args: Parameters<typeof fetch>): Promise<Echoed> =>
    (await (await fetch(...args)).json()) as Echoed;
  expect(await sent(new URL('http://reviews/a b?c=é'))).toMatchObject({ url: '/a%20b?c=%C3%A9' });
  const request = new Request('http://reviews/r', {
    method: 'PUT',
    headers: { 'x-a': '1' },
    body: 'body',
  });
  expect(await sent(request)).toMatchObject({
    method: 'PUT',
    url: '/r',
    body: 'body',
    headers: { 'x-a': '1', 'content-type': 'text/plain;charset=UTF-8' },
  });
  await expect(fetch(request)).rejects.toMatchObject({ code: 'body_consumed' });
  expect(await sent('http://reviews/', { headers: new Headers({ 'x-b': '2' }) })).toMatchObject({
    headers: { 'x-b': '2' },
  });
  expect(await sent('http://reviews/', { headers: [['x-c', '3']] })).toMatchObject({
    headers: { 'x-c': '3' },
  });
  const form = new FormData();
  form.set('file', new Blob(['content']), 'name.txt');
  expect((await sent('http://reviews/', { method: 'POST', body: form })).body).toContain('content');
  await expect(fetch('http://reviews/', { body: 'x' })).rejects.toMatchObject({
    code: 'invalid_argument',
  });
  expect(await sent('http://reviews/a/../b/%2e/c')).toMatchObject({ url: '/b/c' });
});

test('url is the address in its normal form, without the fragment', async () => {
  const server = await upstream();
  const { fetch } = clientOf([server]);
  for (const [asked, told] of [
    ['http://reviews', 'http://reviews/'],
    ['http://reviews#part', 'http://reviews/'],
    ['HTTP://Reviews/a b/../c?q#part', 'http://reviews/c?q'],
  ] as const) {
    expect((await fetch(asked)).url).toBe(told);
  }
});

test('a form comes back as FormData', async () => {
  const server = await upstream((_request, response) => {
    response.setHeader('content-type', 'application/x-www-form-urlencoded').end('a=1&b=2');
  });
  const form = await (await clientOf([server]).fetch('http://reviews/')).formData();
  expect([...form]).toEqual([
    ['a', '1'],
    ['b', '2'],
  ]);
});

test('a bodyless answer has no body', async () => {
  const server = await upstream((_request, response) => response.writeHead(204).end());
  const { fetch } = clientOf([server]);
  const response = await fetch('http://reviews/');
  expect(response.body).toBeNull();
  expect(await response.text()).toBe('');
  const head = await fetch('http://reviews/', { method: 'HEAD' });
  expect([head.body, await head.text()]).toEqual([null, '']);
});

test('clone gives both the whole body, and what it gives is one of ours', async () => {
  const server = await upstream((_request, response) => response.end('x'.repeat(200_000)));
  const { fetch } = clientOf([server]);
  const response = await fetch('http://reviews/');
  const copy = response.clone();
  expect(copy).toBeInstanceOf(Response);
  const [mine, theirs] = await Promise.all([response.text(), copy.text()]);
  expect([mine.length, theirs.length]).toEqual([200_000, 200_000]);
  expect(() => response.clone()).toThrow(TypeError);
});

test('body is a byte stream that can be read with a buffer of one’s own, and cancelled', async () => {
  const server = await upstream((_request, response) => response.end('x'.repeat(300_000)));
  const { fetch } = clientOf([server]);
  const response = await fetch('http://reviews/');
  const reader = (response.body as ReadableStream).getReader({ mode: 'byob' });
  const { value } = await reader.read(new Uint8Array(10));
  expect(Buffer.from(value as Uint8Array).toString()).toBe('x'.repeat(10));
  expect(response.bodyUsed).toBe(true);
  await reader.cancel();
  await eventually(() => server.openConnections === 0);
  let size = 0;
  for await (const chunk of (await fetch('http://reviews/'))
    .body as never as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
  }
  expect(size).toBe(300_000);
});

test('server-sent events flow as they come', async () => {
  let send: ((text: string) => void) | undefined;
  const server = await upstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: 1\n\n');
    send = (text) => response.write(text);
  });
  const { fetch } = clientOf([server]);
  const response = await fetch('http://reviews/', { mesh: { deadlineCoversBody: false } });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const next = async (): Promise<string> =>
    Buffer.from((await reader.read()).value as Uint8Array).toString();
  expect(await next()).toBe('data: 1\n\n');
  send?.('data: 2\n\n');
  expect(await next()).toBe('data: 2\n\n');
  await reader.cancel();
});

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['gzip, br', (text: string) => brotliCompressSync(gzipSync(text))],
])('a body in %s is decoded, whole and as a stream', async (encoding, encode) => {
  const text = 'compressed '.repeat(1_000);
  const server = await upstream((request, response) => {
    expect(request.headers['accept-encoding']).toBe('gzip, deflate, br');
    response.setHeader('content-encoding', encoding).end(encode(text));
  });
  const { fetch } = clientOf([server]);
  expect(await (await fetch('http://reviews/')).text()).toBe(text);
  const { body } = await fetch('http://reviews/');
  let size = 0;
  for await (const chunk of body as never as AsyncIterable<Uint8Array>) size += chunk.byteLength;
  expect(size).toBe(text.length);
});

test('64: decompression bombs and layers without end are limited', async () => {
  const server = await upstream((request, response) => {
    if (request.url === '/bomb') {
      response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(5_000_000)));
    } else {
      response.setHeader('content-encoding', Array(5_000).fill('gzip').join()).end('x');
    }
  });
  const { fetch } = clientOf([server], { maxBodyBytes: 1_000_000 });
  const bomb = await fetch('http://reviews/bomb');
  await expect(bomb.text()).rejects.toMatchObject({ code: 'response_too_large' });
  await expect(fetch('http://reviews/layers')).rejects.toMatchObject({ code: 'protocol_error' });
});

test('redirects are followed, each hop routed anew and without secrets for another origin', async () => {
  const other = await upstream(echo);
  const server = await upstream((request, response) => {
    const to: Record<string, [number, string]> = {
      '/one': [302, '/two'],
      '/two': [307, 'http://reviews/echo?hop=3'],
      '/post': [303, '/echo'],
      '/away': [302, `http://127.0.0.1:${other.port}/echo`],
      '/rated': [308, 'http://ratings/echo'],
      '/single': [302, 'http://nobody/'],
      '/user': [302, 'http://user:secret@ratings/'],
      '/double': [302, 'http://ratings//evil/'],
      '/loop': [302, '/loop'],
      '/nowhere': [302, 'ftp://x/'],
    };
    const hop = to[request.url as string];
    if (hop === undefined) echo(request, response);
    else response.writeHead(hop[0], { location: hop[1] }).end('moved');
  });
  const { fetch } = client({
    endpoints: { reviews: [{ port: server.port }], ratings: [{ port: other.port }] },
  });
  const response = await fetch('http://reviews/one', { headers: { authorization: 'secret' } });
  expect(response).toMatchObject({ redirected: true, url: 'http://reviews/echo?hop=3' });
  expect(await response.json()).toMatchObject({ headers: { authorization: 'secret' } });
  const posted = await fetch('http://reviews/post', { method: 'POST', body: 'x' });
  expect(await posted.json()).toMatchObject({ method: 'GET', body: '' });
  const away = await fetch('http://reviews/away', {
    headers: {
      Authorization: 'secret',
      Cookie: 'a=1',
      'Proxy-Authorization': 'secret',
      'x-a': '1',
    },
  });
  const { headers } = (await away.json()) as Echoed;
  expect(headers).toMatchObject({ 'x-a': '1' });
  for (const secret of ['authorization', 'cookie', 'proxy-authorization']) {
    expect(headers[secret]).toBeUndefined();
  }
  const rated = await fetch('http://reviews/rated', {
    method: 'PUT',
    body: 'kept',
    headers: { authorization: 'secret' },
  });
  const hop = (await rated.json()) as Echoed;
  expect(hop).toMatchObject({ method: 'PUT', body: 'kept', headers: { host: 'ratings' } });
  expect(hop.headers.authorization).toBeUndefined();
  const streamed = { method: 'PUT', body: new Blob(['x']).stream(), duplex: 'half' } as const;
  await expect(fetch('http://reviews/rated', streamed)).rejects.toMatchObject({
    code: 'body_consumed',
  });
  for (const [path, code] of [
    ['/single', 'unknown_service'],
    ['/user', 'invalid_argument'],
    ['/double', 'invalid_argument'],
  ]) {
    await expect(fetch(`http://reviews${path}`)).rejects.toMatchObject({ code });
  }
  await expect(fetch('http://reviews/loop')).rejects.toMatchObject({ code: 'protocol_error' });
  await expect(fetch('http://reviews/nowhere')).rejects.toMatchObject({ code: 'protocol_error' });
  await expect(fetch('http://reviews/one', { redirect: 'error' })).rejects.toMatchObject({
    code: 'protocol_error',
  });
  expect((await fetch('http://reviews/one', { redirect: 'manual' })).status).toBe(302);
});

test('wrapFetch takes the hosts of the mesh and leaves the rest as before', async () => {
  const server = await upstream((_request, response) => response.end('mesh'));
  const asked: string[] = [];
  const original = (async (input: string) => {
    asked.push(input);
    return new Response('original');
  }) as typeof globalThis.fetch;
  const fetch = clientOf([server]).wrapFetch(original);
  expect(await (await fetch('http://reviews/')).text()).toBe('mesh');
  expect(await (await fetch('http://api.example.com//odd')).text()).toBe('original');
  expect(await (await fetch('data:text/plain,x')).text()).toBe('original');
  await expect(fetch('http://nobody/')).rejects.toMatchObject({ code: 'unknown_service' });
  await expect(fetch('http://re_views/')).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(fetch('http://reviews//x')).rejects.toMatchObject({ code: 'invalid_argument' });
  expect(asked).toEqual(['http://api.example.com//odd', 'data:text/plain,x']);
  const strict = clientOf([server], { outbound: 'registry-only' }).wrapFetch(original);
  await expect(strict('http://api.example.com/')).rejects.toMatchObject({
    code: 'outbound_refused',
  });
});

import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { currentContext, runInContext } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import axios from 'axios';
import { meshAdapter, meshAxios } from '../src/axios.ts';
import { clientOf, type Echoed, echo, upstream } from './client-fixture.ts';

test('an instance calls through the mesh as axios users expect', async () => {
  const server = await upstream(echo);
  const api = meshAxios(clientOf([server]), { headers: { 'X-Default': '1' } });
  const { data, status, headers } = await api.get<Echoed>('http://reviews/a', {
    params: { q: 'x y' },
    headers: { 'X-Own': '2' },
  });
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/json');
  expect(data).toMatchObject({
    method: 'GET',
    url: '/a?q=x+y',
    headers: { host: 'reviews', 'x-default': '1', 'x-own': '2' },
  });
  const posted = await api.post<Echoed>('http://reviews/b', { a: 1 });
  expect(posted.data).toMatchObject({
    method: 'POST',
    body: '{"a":1}',
    headers: { 'content-type': 'application/json' },
  });
  const form = new FormData();
  form.set('field', 'value');
  const sent = (await api.post<Echoed>('http://reviews/', form)).data;
  expect(sent.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
  const based = axios.create({
    baseURL: 'http://reviews/base/',
    auth: { username: 'u', password: 'p' },
    adapter: meshAdapter(clientOf([server])),
  });
  expect((await based.get<Echoed>('/x')).data).toMatchObject({
    url: '/base/x',
    headers: { authorization: 'Basic dTpw' },
  });
});

test('the defaults that an instance does not merge into every request are there for whoever looks', async () => {
  const server = await upstream((request, response) =>
    request.url === '/broken' ? response.end('{') : echo(request, response),
  );
  const api = meshAxios(clientOf([server]), { responseType: 'json' });
  expect(Object.keys(api.defaults)).not.toContain('transitional');
  expect(api.defaults).toMatchObject({ timeout: 0, maxContentLength: -1 });
  expect((await api.get('http://reviews/broken')).data).toBe('{');
  if (api.defaults.transitional !== undefined) api.defaults.transitional.silentJSONParsing = false;
  await expect(api.get('http://reviews/broken')).rejects.toThrow('JSON');
  expect(axios.defaults.transitional?.silentJSONParsing).toBe(true);
  const headers = { 'content-type': 'multipart/form-data' };
  const { data } = await api.put<Echoed>('http://reviews/', { a: 1 }, { headers });
  expect(data).toMatchObject({ method: 'PUT', body: expect.stringContaining('name="a"') });
  expect((await api.delete<Echoed>('http://reviews/', { data: 'x' })).data.body).toBe('x');
});

test('the headers that an instance sends with one method are its own, set before or after', async () => {
  const server = await upstream(echo);
  const given = { headers: { put: { 'x-put': '1' }, common: { 'x-all': '1' } } };
  const api = meshAxios(clientOf([server]), given);
  expect(Object.keys(api.defaults.headers)).toEqual(['common', 'put']);
  api.defaults.headers.post['x-post'] = '1';
  api.defaults.headers.get = axios.AxiosHeaders.from({ 'x-get': '1' });
  const sentBy = async (method: 'get' | 'post' | 'put'): Promise<string[]> => {
    const { data } = await api.request<Echoed>({ url: 'http://reviews/', method });
    return Object.keys(data.headers)
      .filter((name) => name.startsWith('x-'))
      .sort();
  };
  expect(await sentBy('get')).toEqual(expect.arrayContaining(['x-all', 'x-get']));
  expect(await sentBy('post')).toEqual(expect.arrayContaining(['x-all', 'x-post']));
  expect(await sentBy('put')).toEqual(expect.arrayContaining(['x-all', 'x-put']));
  expect(await sentBy('get')).not.toContain('x-post');
  expect(axios.defaults.headers.post).toEqual({});
});

test('the headers of a response are AxiosHeaders, and cleaned once somebody added to them', async () => {
  const server = await upstream((_request, response) => {
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.end('text');
  });
  const api = meshAxios(clientOf([server]), {
    transformResponse: (data, headers) => {
      headers['X-Seen '] = ' yes ';
      return data;
    },
  });
  const { headers } = await api.get('http://reviews/');
  expect(headers).toBeInstanceOf(axios.AxiosHeaders);
  expect((headers as InstanceType<typeof axios.AxiosHeaders>).getSetCookie()).toEqual([
    'a=1',
    'b=2',
  ]);
  expect(Object.keys(headers)).toContain('X-Seen');
});

test('62: an absolute URL does not override the baseURL of an instance', async () => {
  const server = await upstream(echo);
  const api = meshAxios(clientOf([server]), { baseURL: 'http://reviews' });
  for (const url of ['http://evil/', '//evil/', 'HTTP://evil']) {
    await expect(api.get(url)).rejects.toMatchObject({ cause: { code: 'invalid_argument' } });
  }
  expect((await api.get('http://reviews/same')).status).toBe(200);
  expect(server.requests).toBe(1);
});

test('what the body is depends on responseType', async () => {
  const server = await upstream((_request, response) => response.end('\uFEFF{"a":1}'));
  const api = meshAxios(clientOf([server]));
  expect((await api.get('http://reviews/')).data).toEqual({ a: 1 });
  const bytes = await api.get('http://reviews/', { responseType: 'arraybuffer' });
  expect(Buffer.isBuffer(bytes.data)).toBe(true);
  const stream = await api.get<Readable>('http://reviews/', { responseType: 'stream' });
  let text = '';
  for await (const chunk of stream.data) text += chunk;
  expect(text).toBe('\uFEFF{"a":1}');
});

test('a stream’s events run in the context of its caller', async () => {
  const server = await upstream((_request, response) => response.end('x'));
  const mesh = clientOf([server]);
  const api = meshAxios(mesh);
  await mesh.request('http://reviews/');
  const context = {
    trace: undefined,
    deadline: Infinity,
    identity: undefined,
    baggage: '',
    passOn: ['x-user', 'me'],
  };
  const seen = await runInContext(context, async () => {
    const { data } = await api.get<Readable>('http://reviews/', { responseType: 'stream' });
    return new Promise<unknown>((resolve) => {
      data.on('data', () => resolve(currentContext()?.passOn));
    });
  });
  expect(seen).toEqual(['x-user', 'me']);
});

test('compressed bodies are decoded within the limit', async () => {
  const server = await upstream((request, response) => {
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(request.url === '/bomb' ? Buffer.alloc(1_000_000) : '{"a":1}'));
  });
  const api = meshAxios(clientOf([server]));
  expect((await api.get('http://reviews/')).data).toEqual({ a: 1 });
  const { data } = await api.get<Readable>('http://reviews/', { responseType: 'stream' });
  expect(data).toBeInstanceOf(Readable);
  for await (const chunk of data) expect(`${chunk}`).toBe('{"a":1}');
  await expect(api.get('http://reviews/bomb', { maxContentLength: 10_000 })).rejects.toMatchObject({
    cause: { code: 'response_too_large' },
  });
});

test('failures are AxiosErrors with the mesh’s error as their cause', async () => {
  const server = await upstream();
  const api = meshAxios(clientOf([server], { retry: { maxRetries: 0 }, outlier: null }));
  server.fault = { kind: 'status', status: 404 };
  const refused = await api.get('http://reviews/').catch((error) => error);
  expect(axios.isAxiosError(refused)).toBe(true);
  expect(refused).toMatchObject({ code: 'ERR_BAD_REQUEST', response: { status: 404 } });
  expect((await api.get('http://reviews/', { validateStatus: null })).status).toBe(404);
  server.fault = { kind: 'silent' };
  await expect(api.get('http://reviews/', { timeout: 30 })).rejects.toMatchObject({
    code: 'ECONNABORTED',
    cause: { code: 'deadline_exceeded' },
  });
  server.fault = { kind: 'reset' };
  await expect(api.get('http://reviews/')).rejects.toMatchObject({
    code: 'ECONNRESET',
    cause: { code: 'connection_closed' },
  });
  await expect(api.get('http://nobody/')).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    cause: { code: 'unknown_service' },
  });
  await expect(api.post('http://reviews/', 'xx', { maxBodyLength: 1 })).rejects.toMatchObject({
    cause: { code: 'invalid_argument' },
  });
});

test('73: signal and cancelToken both cancel', async () => {
  const server = await upstream({ fault: { kind: 'silent' } });
  const api = meshAxios(clientOf([server]));
  const controller = new AbortController();
  const bySignal = api.get('http://reviews/', { signal: controller.signal });
  const source = axios.CancelToken.source();
  const byToken = api.get('http://reviews/', { cancelToken: source.token });
  setImmediate(() => {
    controller.abort();
    source.cancel('enough');
  });
  for (const call of [bySignal, byToken]) {
    const error = await call.catch((thrown) => thrown);
    expect(axios.isCancel(error)).toBe(true);
  }
});

test('a call says what only the mesh understands in config.mesh', async () => {
  const server = await upstream({ fault: { kind: 'status', status: 503 } });
  const api = meshAxios(clientOf([server], { outlier: null }));
  await api.get('http://reviews/', { mesh: { maxRetries: 0 }, validateStatus: null });
  expect(server.requests).toBe(1);
});

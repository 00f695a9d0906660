import { expect, test } from '@jest/globals';
import axios, {
  type AxiosInstance,
  type AxiosRequestConfig,
  type AxiosRequestTransformer,
  type AxiosResponse,
  type CreateAxiosDefaults,
  type InternalAxiosRequestConfig,
} from 'axios';
import fc from 'fast-check';
import { makeLean } from '../src/axios/lean-instance.ts';

/** What of a request can be told apart: the adapter's view of it, and the caller's. */
interface Seen {
  config?: Record<string, unknown>;
  response?: Record<string, unknown>;
  error?: Record<string, unknown>;
}

/** Merged by axios into every request, and not by an instance of ours: nobody asks for them. */
const idle = [
  'transitional',
  'timeout',
  'xsrfCookieName',
  'xsrfHeaderName',
  'maxContentLength',
  'maxBodyLength',
  'env',
];

function plain(config: InternalAxiosRequestConfig, given: object): Record<string, unknown> {
  const { headers, adapter: _, ...rest } = config;
  for (const name of idle)
    if (Reflect.get(given, name) === undefined) delete (rest as Record<string, unknown>)[name];
  return { ...rest, headers: { ...headers }, inherits: 'toString' in config };
}

/** An instance whose answers need no network, and what becomes of one request to it. */
function instanceOf(defaults: CreateAxiosDefaults, answer: Partial<AxiosResponse>, lean: boolean) {
  let atAdapter: InternalAxiosRequestConfig | undefined;
  const instance = axios.create({
    ...defaults,
    adapter: async (config) => {
      atAdapter = {
        ...config,
        headers: axios.AxiosHeaders.from({ ...config.headers }),
      } as typeof config;
      expect(Object.hasOwn(config, 'url') && Object.hasOwn(config, 'url')).toBe(true);
      Object.setPrototypeOf(atAdapter, Object.getPrototypeOf(config));
      const response = {
        data: '{"a":1}',
        status: 200,
        statusText: 'OK',
        headers: { 'Content-Type': 'application/json', 'X-Answer': 'yes' },
        ...answer,
        config,
      } as AxiosResponse;
      if (response.status < 400) return response;
      throw new axios.AxiosError('refused', 'ERR_BAD_REQUEST', config, undefined, response);
    },
  });
  if (lean) makeLean(instance, defaults);
  const shown = (response: AxiosResponse, given: object) => {
    const { config, headers, ...rest } = response;
    expect(headers).toBeInstanceOf(axios.AxiosHeaders);
    return { ...rest, duration: undefined, headers: { ...headers }, config: plain(config, given) };
  };
  return {
    instance,
    async ask(request: AxiosRequestConfig): Promise<Seen> {
      const given = { ...defaults, ...request };
      const seen: Seen = {};
      try {
        seen.response = shown(await instance.request(request), given);
      } catch (error) {
        const { message, code, response } = error as InstanceType<typeof axios.AxiosError>;
        seen.error = { message, code, ...(response && { response: shown(response, given) }) };
      }
      if (atAdapter !== undefined) seen.config = plain(atAdapter, given);
      return seen;
    },
  };
}

const name = fc.constantFrom(
  'Accept',
  'accept',
  'X-A',
  'x-a',
  'Authorization',
  'Content-Type',
  ' X-B ',
  'common',
  'Get',
  'get',
);
const headers = fc.dictionary(name, fc.constantFrom('1', ' two ', 'application/json', ''));
const method = fc.constantFrom(
  'get',
  'GET',
  'delete',
  'head',
  'options',
  'post',
  'PUT',
  'query',
  undefined,
);
const request = fc.record(
  {
    url: fc.constantFrom('http://reviews/', '/a?b', ''),
    method,
    headers: fc.oneof(headers, fc.constant(undefined)),
    timeout: fc.constantFrom(0, 50, undefined),
    responseType: fc.constantFrom('json' as const, 'text' as const, undefined),
    data: fc.constantFrom(undefined, undefined, { b: 2 }, 'text'),
    params: fc.constantFrom(undefined, { q: 1 }),
    validateStatus: fc.constantFrom(null, undefined),
  },
  { requiredKeys: ['url'] },
);
const bucket = fc.dictionary(
  fc.constantFrom('X-A', 'x-b', 'Accept', 'Content-Type'),
  fc.constantFrom('d', ''),
);
const defaults = fc.record(
  {
    headers: fc.record({ common: bucket, get: bucket, post: bucket }, { requiredKeys: [] }),
    timeout: fc.constantFrom(0, 70),
    method: fc.constantFrom('post', 'head'),
    responseType: fc.constant('json' as const),
    allowAbsoluteUrls: fc.boolean(),
    baseURL: fc.constant('http://reviews/base'),
    params: fc.constant({ d: 1 }),
    transformResponse: fc.constantFrom((data: unknown) => [data], []),
  },
  { requiredKeys: [] },
);
const answer = fc.record(
  { data: fc.constantFrom('{"a":1}', 'no JSON', ''), status: fc.constantFrom(200, 404) },
  { requiredKeys: [] },
);

const wrap = (data: unknown) => ({ data });
/** The same functions for both: they are compared. */
const sign = (data: unknown, sent: Record<string, unknown>): unknown => {
  sent['X-Transformed'] = 'yes';
  return data;
};

/** Something that applications do to an instance in use. */
const change = fc.constantFrom<(instance: AxiosInstance) => void>(
  () => {},
  ({ defaults }) => {
    defaults.headers.common.Authorization = 'Bearer x';
  },
  ({ defaults }) => {
    defaults.headers.get['X-Get'] = '1';
  },
  ({ defaults }) => {
    defaults.timeout = 90;
  },
  ({ defaults }) => {
    if (Array.isArray(defaults.transformResponse)) defaults.transformResponse.push(wrap);
  },
  ({ defaults }) => {
    defaults.transformRequest = sign as AxiosRequestTransformer;
  },
  ({ interceptors }) => {
    interceptors.request.use((config) => {
      config.headers['X-Intercepted'] = '1';
      return config;
    });
  },
);

test('a request comes out the same whether it goes past axios’ core or through it', async () => {
  await fc.assert(
    fc.asyncProperty(
      defaults,
      answer,
      fc.array(fc.tuple(change, request), { minLength: 1, maxLength: 3 }),
      async (given, answered, steps) => {
        // axios merges what it is given, and changes to it are not to meet in both.
        const ours = instanceOf(copyOf(given), answered, true);
        const theirs = instanceOf(copyOf(given), answered, false);
        for (const [alter, asked] of steps) {
          alter(ours.instance);
          alter(theirs.instance);
          expect(await ours.ask(asked as AxiosRequestConfig)).toEqual(
            await theirs.ask(asked as AxiosRequestConfig),
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('what says little and has no body goes past the core, the rest through it', async () => {
  const core = axios.Axios.prototype as unknown as { _request: (...args: unknown[]) => unknown };
  const { _request } = core;
  let through = 0;
  core._request = function (...args) {
    through += 1;
    return _request.apply(this, args);
  };
  try {
    const { instance } = instanceOf({ headers: { common: { 'X-All': '1' } } }, {}, true);
    await instance.get('http://reviews/');
    await instance.delete('http://reviews/', { headers: { 'X-A': '1' }, timeout: 50 });
    await instance.request({ url: 'http://reviews/', method: 'HEAD' });
    expect(through).toBe(0);
    await instance.post('http://reviews/', { b: 2 });
    await instance.get('http://reviews/', { params: { q: 1 } });
    await instance.get('http://reviews/', { signal: AbortSignal.timeout(1_000) });
    await instance.get('http://reviews/', { headers: { 'X-List': ['1', '2'] } });
    await instance.request({ url: 'http://reviews/', method: 'purge' });
    expect(through).toBe(5);
    const id = instance.interceptors.request.use((config) => config);
    await instance.get('http://reviews/');
    expect(through).toBe(6);
    instance.interceptors.request.eject(id);
    await instance.get('http://reviews/');
    expect(through).toBe(6);
  } finally {
    core._request = _request;
  }
});

test('an answer that its transforms refuse is transformed once, and goes out as they said', async () => {
  const refusal = Object.assign(new Error('not this'), { response: { status: 200 } });
  let transformed = 0;
  const refuse = (): never => {
    transformed += 1;
    throw refusal;
  };
  const { instance } = instanceOf({ transformResponse: refuse }, {}, true);
  await expect(instance.get('http://reviews/')).rejects.toBe(refusal);
  expect(transformed).toBe(1);
});

test('what becomes of one request’s configuration is not seen by the next', async () => {
  const { instance } = instanceOf({}, {}, true);
  const { config } = await instance.get('http://reviews/');
  (config.transformResponse as unknown[]).push(wrap);
  config.headers.set('X-Later', '1');
  const next = await instance.get('http://reviews/');
  expect(next.data).toEqual({ a: 1 });
  expect(next.config.headers.has('X-Later')).toBe(false);
});

function copyOf<T extends { headers?: object }>(given: T): T {
  return { ...given, ...(given.headers && { headers: structuredClone(given.headers) }) };
}

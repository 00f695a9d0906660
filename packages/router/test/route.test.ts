import type { HttpRoute } from '@inmesh/config';
import { seededRandom } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import {
  compiled,
  forwarded,
  half,
  request,
  responded,
  routes,
  to,
  versions,
  virtualService,
} from './fixtures.ts';

const decide = (route: HttpRoute, overrides = {}) =>
  forwarded(routes(route).route(request(overrides), half));
const answer = (route: HttpRoute, overrides = {}) =>
  responded(routes(route).route(request(overrides), half));

test('weight: 90/10 over 100,000 calls lies within the binomial 99.9 % interval', () => {
  const router = routes({ route: [to('v1', 90), to('v2', 10)] });
  const random = seededRandom(1);
  let canary = 0;
  for (let i = 0; i < 100_000; i += 1) {
    if (forwarded(router.route(request(), random)).destination.subset === 'v2') canary += 1;
  }
  // 3.29 standard deviations of 94.9 around 10,000.
  expect(Math.abs(canary - 10_000)).toBeLessThan(313);
});

test('weight: one destination takes all whatever its weight, and draws no random number', () => {
  const router = routes({ route: [to('v1', 0)] });
  const draw = (): number => {
    throw new Error('no draw is needed');
  };
  expect(forwarded(router.route(request(), draw)).destination.subset).toBe('v1');
});

test('weight: 0 among others is never picked, at either end of the draw', () => {
  const router = routes({ route: [to('v1', 0), to('v2', 1), to('v3')] });
  for (const point of [0, 0.5, 1 - 2 ** -53]) {
    expect(forwarded(router.route(request(), () => point)).destination.subset).toBe('v2');
  }
});

test('weight: NaN, negative and all zero are refused with their path', () => {
  for (const [weights, path] of [
    [[Number.NaN, 1], '/spec/http/0/route/0/weight'],
    [[1, -1], '/spec/http/0/route/1/weight'],
    [[0, 0], '/spec/http/0/route'],
  ] as const) {
    expect(() => routes({ route: weights.map((weight, i) => to(`v${i + 1}`, weight)) })).toThrow(
      expect.objectContaining({ code: 'invalid_resource', path }),
    );
  }
});

test('destination.port is the port to connect to, else the URL port', () => {
  const fixed = { route: [{ destination: { host: 'reviews', port: { number: 9080 } } }] };
  expect(decide(fixed, { port: 80 }).destination.port).toBe(9080);
  expect(decide({ route: [to()] }, { port: 8080 }).destination.port).toBe(8080);
  expect(decide({ route: [to()] }).destination.port).toBeUndefined();
});

test('a subset that no rule defines has no endpoints, and is reported', () => {
  const router = routes({ route: [to('v9')] });
  const { destination } = forwarded(router.route(request(), half));
  expect(Object.keys(destination.labels)).toHaveLength(1);
  expect(router.problems[0]?.message).toContain('subset v9');
});

test('rewrite.uri replaces the matched prefix and keeps the query', () => {
  const route = { match: [{ uri: { prefix: '/v1/' } }], rewrite: { uri: '/' }, route: [to()] };
  expect(decide(route, { path: '/v1/a?b' }).rewritePath?.('/v1/a?b')).toBe('/a?b');
});

test('rewrite.uri replaces the whole path of exact and regex matches', () => {
  for (const uri of [{ exact: '/a/b' }, { regex: '/a/.*' }]) {
    const route = { match: [{ uri }], rewrite: { uri: '/c' }, route: [to()] };
    expect(decide(route, { path: '/a/b?q' }).rewritePath?.('/a/b?q')).toBe('/c?q');
  }
});

test('rewrite.uri goes by the match that took the request', () => {
  const route = {
    match: [{ uri: { prefix: '/one' } }, { uri: { prefix: '/second' } }],
    rewrite: { uri: '/x' },
    route: [to()],
  };
  expect(decide(route, { path: '/one/a' }).rewritePath?.('/one/a')).toBe('/x/a');
  expect(decide(route, { path: '/second/a' }).rewritePath?.('/second/a')).toBe('/x/a');
});

test('rewrite.uriRegexRewrite replaces every match, with groups', () => {
  const rewrite = { uriRegexRewrite: { match: '/v(\\d)/([a-z]+)', rewrite: '/\\2/\\1' } };
  const rewritten = decide({ rewrite, route: [to()] }).rewritePath?.('/v2/items?v3/x');
  expect(rewritten).toBe('/items/2?v3/x');
});

test('rewrite.uriRegexRewrite with a group that is not there is refused', () => {
  const rewrite = { uriRegexRewrite: { match: '/a', rewrite: '\\1' } };
  expect(() => routes({ rewrite, route: [to()] })).toThrow(/none of the pattern's 0 groups/);
});

test('rewrite.authority, and host set by headers', () => {
  expect(decide({ rewrite: { authority: 'other' }, route: [to()] }).rewriteAuthority).toBe('other');
  const headers = { request: { set: { Host: 'third' } } };
  const decision = decide({ headers, route: [to()] });
  expect(decision.rewriteAuthority).toBe('third');
  expect(decision.requestHeaders).toBeUndefined();
});

test('headers.request and headers.response: set, add and remove, names in lower case', () => {
  const operations = { set: { 'X-Set': '1' }, add: { 'X-Add': '2' }, remove: ['X-Gone'] };
  const decision = decide({
    headers: { request: operations, response: operations },
    route: [to()],
  });
  const expected = { remove: ['x-gone'], set: ['x-set', '1'], add: ['x-add', '2'] };
  expect(decision.requestHeaders).toEqual(expected);
  expect(decision.responseHeaders).toEqual(expected);
});

test('headers of a destination come after those of the route', () => {
  const decision = decide({
    headers: { request: { set: { a: 'route', b: 'route' }, add: { c: 'route' } } },
    route: [{ ...to(), headers: { request: { set: { a: 'own' }, remove: ['c'] } } }],
  });
  expect(decision.requestHeaders).toEqual({
    remove: ['c'],
    set: ['b', 'route', 'a', 'own'],
    add: [],
  });
});

test('headers that frame a message, or carry a line break, are refused', () => {
  const bad = [
    { set: { 'content-length': '1' } },
    { add: { 'transfer-encoding': 'chunked' } },
    { remove: ['connection'] },
    { set: { 'x-a': 'b\r\nx: y' } },
    { set: { 'x a': 'b' } },
  ];
  for (const operations of bad) {
    expect(() => routes({ headers: { request: operations }, route: [to()] })).toThrow(
      expect.objectContaining({ code: 'invalid_resource' }),
    );
  }
});

test('redirect: uri, authority, scheme, port and code, the query kept', () => {
  const redirect = {
    uri: '/new',
    authority: 'shop.test',
    scheme: 'https',
    port: 8443,
    redirectCode: 308,
  };
  const decision = answer({ redirect }, { path: '/old?q=1' });
  expect(decision.status).toBe(308);
  expect(decision.headers).toEqual([
    'location',
    'https://shop.test:8443/new?q=1',
    'content-length',
    '0',
  ]);
});

test('redirect: 301 by default, and what is not named stays', () => {
  const decision = answer({ redirect: { uri: '/new' } }, { authority: 'reviews:9080' });
  expect(decision.status).toBe(301);
  expect(decision.headers[1]).toBe('http://reviews:9080/new');
});

test('redirect.prefixRewrite replaces the matched prefix', () => {
  const route = { match: [{ uri: { prefix: '/a' } }], redirect: { prefixRewrite: '/b' } };
  expect(answer(route, { path: '/a/x?y' }).headers[1]).toBe('http://reviews/b/x?y');
});

test('redirect.derivePort and the port that only the old scheme means', () => {
  const location = (redirect: object, authority: string, port?: number): string | undefined =>
    answer({ redirect }, { authority, port }).headers[1];
  const https = { scheme: 'https' };
  expect(location({ ...https, derivePort: 'FROM_PROTOCOL_DEFAULT' }, 'a:9080', 9080)).toBe(
    'https://a/',
  );
  expect(location({ ...https, derivePort: 'FROM_REQUEST_PORT' }, 'a:9080', 9080)).toBe(
    'https://a:9080/',
  );
  expect(location(https, 'a:80', 80)).toBe('https://a/');
});

test('redirect: a path that would name another host stays below its own', () => {
  const route = { match: [{ uri: { prefix: '/a' } }], redirect: { prefixRewrite: '/' } };
  expect(answer(route, { path: '/a/evil.test/' }).headers[1]).toBe('http://reviews//evil.test/');
});

test('directResponse: status, body.string, body.bytes and response headers', () => {
  const text = answer({ directResponse: { status: 503, body: { string: 'later' } } });
  expect(text.status).toBe(503);
  expect(Buffer.from(text.body).toString()).toBe('later');
  expect(text.headers).toEqual(['content-type', 'text/plain', 'content-length', '5']);
  const bytes = answer({
    directResponse: { status: 200, body: { bytes: Buffer.from('{}').toString('base64') } },
    headers: { response: { set: { 'content-type': 'application/json' } } },
  });
  expect(bytes.headers).toEqual(['content-type', 'application/json', 'content-length', '2']);
});

test('timeout: absent says nothing, 0s is none', () => {
  expect(decide({ route: [to()] }).timeoutMs).toBeUndefined();
  expect(decide({ timeout: '1.5s', route: [to()] }).timeoutMs).toBe(1500);
  expect(decide({ timeout: '0s', route: [to()] }).timeoutMs).toBe(0);
});

test('retries: attempts, perTryTimeout, retryOn with status codes, backoff, retryIgnorePreviousHosts', () => {
  const retries = {
    attempts: 3,
    perTryTimeout: '2s',
    retryOn: '5xx, 503,retriable-headers,reset',
    backoff: '50ms',
    retryIgnorePreviousHosts: false,
  };
  expect(decide({ retries, route: [to()] }).retries).toEqual({
    maxRetries: 3,
    perTryTimeoutMs: 2000,
    on: ['5xx', 'reset', 'retriable-status-codes'],
    statusCodes: [503],
    backoffBaseMs: 50,
    backoffMaxMs: 500,
    avoidTried: false,
    nonIdempotent: false,
  });
});

test("retries: Istio's defaults where fields are left out, and 0 attempts", () => {
  expect(decide({ retries: {}, route: [to()] }).retries).toMatchObject({
    maxRetries: 2,
    on: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled'],
    statusCodes: [],
    backoffBaseMs: 25,
    avoidTried: true,
  });
  expect(decide({ retries: { attempts: 0 }, route: [to()] }).retries?.maxRetries).toBe(0);
  expect(decide({ route: [to()] }).retries).toBeUndefined();
});

test('retries: an unknown condition is refused', () => {
  expect(() => routes({ retries: { retryOn: '5xx,sometimes' }, route: [to()] })).toThrow(
    /"sometimes"/,
  );
});

test('inmesh.dev/retry-non-idempotent', () => {
  const annotations = { 'inmesh.dev/retry-non-idempotent.post': 'true' };
  const router = compiled([
    virtualService({ http: [{ name: 'post', route: [to()] }] }, { annotations }),
  ]);
  expect(forwarded(router.route(request(), half)).retries).toEqual({ nonIdempotent: true });
});

const fault = {
  delay: { fixedDelay: '5s', percentage: { value: 10 } },
  abort: { httpStatus: 500, percentage: { value: 0.5 } },
};

test('fault: delay and abort with percentages; time-out and retries are off as in Istio', () => {
  const decision = decide({ fault, timeout: '1s', retries: { attempts: 3 }, route: [to()] });
  expect(decision.fault).toEqual({
    delay: { ratio: 0.1, delayMs: 5000 },
    abort: { ratio: 0.005, status: 500 },
    scope: 'call',
  });
  expect(decision.timeoutMs).toBe(0);
  expect(decision.retries).toEqual({ maxRetries: 0 });
});

test('inmesh.dev/fault-scope: attempt keeps time-out and retries', () => {
  const resource = virtualService(
    { http: [{ fault, timeout: '1s', retries: { attempts: 3 }, route: [to()] }] },
    { annotations: { 'inmesh.dev/fault-scope': 'attempt' } },
  );
  const decision = forwarded(compiled([resource]).route(request(), half));
  expect(decision.fault?.scope).toBe('attempt');
  expect(decision.timeoutMs).toBe(1000);
  expect(decision.retries?.maxRetries).toBe(3);
});

test('fault: a missing percentage never acts, and leaves time-out and retries alone', () => {
  const decision = decide({ fault: { delay: { fixedDelay: '5s' } }, timeout: '1s', route: [to()] });
  expect(decision.fault).toBeUndefined();
  expect(decision.timeoutMs).toBe(1000);
});

test('fault.abort.grpcStatus becomes the HTTP status it means', () => {
  const abort = { grpcStatus: 'UNAVAILABLE' as const, percentage: { value: 100 } };
  expect(decide({ fault: { abort }, route: [to()] }).fault?.abort).toEqual({
    ratio: 1,
    status: 503,
  });
});

test('mirror and mirrorPercentage', () => {
  const mirror = { host: 'reviews', subset: 'v2' };
  const ratios = (extra: object): number[] =>
    decide({ route: [to('v1')], mirror, ...extra }).mirrors.map(({ ratio }) => ratio);
  expect(ratios({})).toEqual([1]);
  expect(ratios({ mirrorPercentage: { value: 25 } })).toEqual([0.25]);
  expect(ratios({ mirrorPercentage: { value: 0 } })).toEqual([]);
});

test('mirrors: several, each with its percentage', () => {
  const { mirrors } = decide({
    route: [to('v1')],
    mirrors: [
      { destination: { host: 'reviews', subset: 'v2' } },
      { destination: { host: 'reviews', subset: 'v3' }, percentage: { value: 50 } },
    ],
  });
  expect(mirrors.map(({ destination, ratio }) => [destination.subset, ratio])).toEqual([
    ['v2', 1],
    ['v3', 0.5],
  ]);
});

test('inmesh.dev/mirror-methods: safe methods only, unless all', () => {
  const route = { route: [to('v1')], mirror: { host: 'reviews', subset: 'v2' } };
  const post = request({ method: 'POST' });
  expect(forwarded(routes(route).route(post, half)).mirrors).toHaveLength(0);
  const annotations = { 'inmesh.dev/mirror-methods': 'all' };
  const router = compiled([virtualService({ http: [route] }, { annotations }), versions]);
  expect(forwarded(router.route(post, half)).mirrors).toHaveLength(1);
});

test('name: the route is called so, or by its resource and place', () => {
  expect(decide({ name: 'canary', route: [to()] }).route).toBe('canary');
  expect(decide({ route: [to()] }).route).toBe('reviews.default/http/0');
});

test('decisions are made once: the same request gets the same frozen object', () => {
  const router = routes({
    match: [{ uri: { prefix: '/' } }],
    rewrite: { uri: '/x/' },
    route: [to('v1')],
  });
  const first = router.route(request(), half);
  expect(router.route(request({ path: '/other' }), half)).toBe(first);
  expect(Object.isFrozen(first)).toBe(true);
});

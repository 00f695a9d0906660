import { defineResource, validate } from '@inmesh/config';
import { describe, expect, test } from '@jest/globals';
import { problemsOf, resourceWith, routeProblems, to } from './problems-of.ts';

const http = [{ route: [to('reviews')] }];
const spec = (more: object): string[] =>
  problemsOf('VirtualService', { hosts: ['reviews'], ...more });

test('the smallest VirtualService has no problem and gets its namespace', () => {
  const { resource, problems } = validate(resourceWith('VirtualService', { hosts: ['a'], http }));
  expect(problems).toEqual([]);
  expect(resource?.metadata.namespace).toBe('default');
});

describe('hosts', () => {
  test('are needed', () => {
    expect(problemsOf('VirtualService', { http })).toEqual(['error missing_field /spec/hosts']);
  });
  test('none would be a delegate, which is refused', () => {
    expect(spec({ hosts: [], http })).toEqual(['error not_supported /spec/hosts']);
  });
  test.each([
    'reviews',
    'reviews.prod',
    'reviews.prod.svc.cluster.local',
    '*.example.com',
    'A.com',
  ])('may be %s', (host) => expect(spec({ hosts: [host], http })).toEqual([]));
  test.each(['', '10.0.0.1', '127.1', '::1', 'a..b', 'a*.com', 'a b', '*a.com', '-a.com', 'a/b'])(
    'must not be %j',
    (host) => expect(spec({ hosts: [host], http })).toEqual(['error invalid_value /spec/hosts/0']),
  );
  test('must not be * for mesh clients, and may be for gateways', () => {
    expect(spec({ hosts: ['*'], http })).toEqual(['error invalid_value /spec/hosts/0']);
    expect(spec({ hosts: ['*'], http, gateways: ['bookinfo-gateway'] })).toEqual([
      'warning not_honoured /spec/gateways',
    ]);
  });
  test('must not repeat or cover each other', () => {
    expect(spec({ hosts: ['a.com', 'A.com'], http })).toEqual(['error duplicate /spec/hosts/1']);
    expect(spec({ hosts: ['a.foo.com', '*.com'], http })).toEqual([
      'error duplicate /spec/hosts/0',
    ]);
    expect(spec({ hosts: ['*.foo.com', '*.com'], http })).toEqual([
      'error duplicate /spec/hosts/0',
    ]);
    expect(spec({ hosts: ['foo.com', '*.foo.com'], http })).toEqual([]);
  });
});

describe('gateways', () => {
  test('without mesh are told: mesh clients pass over the resource', () => {
    expect(spec({ http, gateways: ['edge'] })).toEqual(['warning not_honoured /spec/gateways']);
  });
  test('beside mesh are told one by one', () => {
    expect(spec({ http, gateways: ['mesh', 'edge'] })).toEqual([
      'warning not_honoured /spec/gateways/1',
    ]);
  });
});

describe('tls, tcp', () => {
  test('are told to have no effect', () => {
    expect(spec({ tcp: [{ route: [to('db')] }], http })).toEqual([
      'warning not_honoured /spec/tcp',
    ]);
    expect(spec({ tls: [{}] })).toEqual(['warning not_honoured /spec/tls']);
  });
  test('or http must be there', () => {
    expect(spec({})).toEqual(['error missing_field /spec']);
  });
});

describe('exportTo', () => {
  test('takes ., *, ~ and namespaces', () => {
    expect(spec({ http, exportTo: ['.', '*', '~', 'prod'] })).toEqual([]);
    expect(spec({ http, exportTo: ['a/b'] })).toEqual(['error invalid_value /spec/exportTo/0']);
  });
});

describe('http.route, redirect, directResponse', () => {
  test('exactly one must be there', () => {
    expect(spec({ http: [{}] })).toEqual(['error missing_field /spec/http/0']);
    expect(routeProblems({ redirect: { uri: '/x' }, route: [to('a')] })).toEqual([
      'error conflict ',
    ]);
  });
  test('fault and rewrite do not go with an answer', () => {
    const fault = { abort: { httpStatus: 500, percentage: { value: 1 } } };
    expect(routeProblems({ redirect: { uri: '/x' }, fault })).toEqual(['error conflict /fault']);
    expect(routeProblems({ directResponse: { status: 200 }, rewrite: { uri: '/' } })).toEqual([
      'error conflict /rewrite',
    ]);
  });
});

describe('http.delegate', () => {
  test('is refused with a reason', () => {
    expect(routeProblems({ delegate: { name: 'x' } })).toEqual(['error not_supported /delegate']);
  });
});

describe('http.match', () => {
  const match = (value: unknown): string[] => routeProblems({ match: [value] });
  test('must not be empty', () => {
    expect(match({})).toEqual(['error missing_field /match/0']);
  });
  test('without a value is refused, since it would match everything', () => {
    expect(routeProblems({ match: null })).toEqual(['error missing_field /match']);
    expect(match({ uri: null })).toEqual(['error missing_field /match/0/uri']);
  });
  test.each(['uri', 'scheme', 'method', 'authority'])(
    '%s needs exactly one of the three',
    (field) => {
      expect(match({ [field]: {} })).toEqual([`error missing_field /match/0/${field}`]);
      expect(match({ [field]: { exact: 'a', prefix: 'a' } })).toEqual([
        `error conflict /match/0/${field}`,
      ]);
      expect(match({ [field]: { regex: '(?=a)' } })).toEqual([
        `error invalid_value /match/0/${field}/regex`,
      ]);
      expect(match({ [field]: { regex: '*' } })).toEqual([
        `error invalid_value /match/0/${field}/regex`,
      ]);
    },
  );
  test('prefix may be empty for uri only', () => {
    expect(match({ uri: { prefix: '' } })).toEqual([]);
    expect(match({ method: { prefix: '' } })).toEqual([
      'error invalid_value /match/0/method/prefix',
    ]);
  });
  test('headers and queryParams may ask for presence by {} or regex *', () => {
    expect(match({ headers: { a: {}, b: { regex: '*' } }, queryParams: { c: {} } })).toEqual([]);
    expect(match({ withoutHeaders: { a: {} } })).toEqual([]);
  });
  test('headers come out in lower case, and two spellings of one are a repeat', () => {
    const resource = defineResource({
      kind: 'VirtualService',
      metadata: { name: 'a' },
      spec: {
        hosts: ['a'],
        http: [
          {
            match: [{ headers: { 'End-User': {}, '@request.auth.claims.realmRole': {} } }],
            route: [{ destination: { host: 'a' } }],
          },
        ],
      },
    });
    expect(Object.keys(resource.spec.http?.[0]?.match?.[0]?.headers ?? {})).toEqual([
      'end-user',
      '@request.auth.claims.realmRole',
    ]);
    expect(match({ headers: { a: {}, A: {} } })).toEqual(['error duplicate /match/0/headers/A']);
  });
  test('headers must have valid names', () => {
    expect(match({ headers: { 'a b': {} } })).toEqual(['error invalid_value /match/0/headers/a b']);
    expect(match({ headers: { method: {} } })).toEqual([
      'error invalid_value /match/0/headers/method',
    ]);
    expect(match({ headers: { '@request.auth.x': {} } })).toEqual([
      'error invalid_value /match/0/headers/@request.auth.x',
    ]);
  });
  test.each([0, 65_536, 1.5, Number.NaN, -1])('port must not be %d', (port) => {
    expect(match({ port })).toEqual(['error invalid_value /match/0/port']);
  });
  test('sourceLabels take no wildcards', () => {
    expect(match({ sourceLabels: { app: '*' } })).toEqual([
      'error invalid_value /match/0/sourceLabels/app',
    ]);
  });
  test('statPrefix is told to have no effect', () => {
    expect(match({ statPrefix: 'x', port: 80 })).toEqual([
      'warning not_honoured /match/0/statPrefix',
    ]);
  });
});

describe('http.route.weight', () => {
  const weights = (...values: unknown[]): string[] =>
    routeProblems({ route: values.map((weight, i) => ({ ...to('a', `v${i}`), weight })) });
  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])(
    'must not be %d',
    (weight) => {
      expect(weights(weight, 1)).toEqual(['error invalid_value /route/0/weight']);
    },
  );
  test('must not be a text', () => {
    expect(weights('90', 10)).toEqual(['error wrong_type /route/0/weight']);
  });
  test('needs a sum above 0 for several destinations', () => {
    expect(weights(0, 0)).toEqual(['error invalid_value /route']);
    expect(weights(0)).toEqual([]);
    expect(weights(0, 1)).toEqual([]);
  });
  test('must not add up beyond 32 bits', () => {
    expect(weights(2 ** 31 - 1, 2 ** 31 - 1, 2)).toEqual(['error invalid_value /route']);
  });
});

describe('http.route.destination', () => {
  test.each([
    [{}, 'error missing_field /route/0/destination/host'],
    [{ host: '*.a.com' }, 'error invalid_value /route/0/destination/host'],
    [{ host: 'a', subset: 'V1' }, 'error invalid_value /route/0/destination/subset'],
    [{ host: 'a', port: {} }, 'error missing_field /route/0/destination/port/number'],
    [{ host: 'a', port: { number: 0 } }, 'error invalid_value /route/0/destination/port/number'],
  ])('must not be %j', (destination, problem) => {
    expect(routeProblems({ route: [{ destination }] })).toEqual([problem]);
  });
});

describe('http.headers', () => {
  const set = (name: string, value = 'x'): string[] =>
    routeProblems({ headers: { request: { set: { [name]: value } } } });
  test('must not frame the message', () => {
    for (const name of ['Content-Length', 'transfer-encoding', 'connection', 'te']) {
      expect(set(name)).toEqual([`error invalid_value /headers/request/set/${name}`]);
    }
  });
  test('must not carry line breaks (case 62)', () => {
    expect(set('a', 'x\r\ny: z')).toEqual(['error invalid_value /headers/request/set/a']);
    expect(set('a\r\nb')).toEqual(['error invalid_value /headers/request/set/a\r\nb']);
  });
  test("must not hold Envoy's commands, which would be sent as they are", () => {
    expect(set('a', '%DOWNSTREAM_REMOTE_ADDRESS%')).toEqual([
      'error invalid_value /headers/request/set/a',
    ]);
    expect(set('a', '50% of 100%')).toEqual([]);
  });
  test('may set Host once, and only on requests', () => {
    expect(set('Host', 'b.com')).toEqual([]);
    expect(routeProblems({ headers: { request: { add: { host: 'b' } } } })).toEqual([
      'error conflict /headers/request/add/host',
    ]);
    expect(routeProblems({ headers: { request: { remove: ['Host'] } } })).toEqual([
      'error conflict /headers/request/remove/0',
    ]);
    expect(
      routeProblems({
        rewrite: { authority: 'a.com' },
        headers: { request: { set: { ':authority': 'b.com' } } },
      }),
    ).toEqual(['error conflict /headers/request/set/:authority']);
  });
  test('two destinations may each set Host', () => {
    const target = { ...to('a', 'v1', 1), headers: { request: { set: { host: 'x.com' } } } };
    expect(routeProblems({ route: [target, target] })).toEqual([]);
    expect(routeProblems({ route: [target], rewrite: { authority: 'y.com' } })).toEqual([
      'error conflict /route/0/headers/request/set/host',
    ]);
  });
});

describe('http.redirect', () => {
  const redirect = (value: object, more: object = {}): string[] =>
    routeProblems({ redirect: value, ...more });
  test('needs something to change', () => {
    expect(redirect({})).toEqual(['error missing_field /redirect']);
    expect(redirect({ redirectCode: 302 })).toEqual(['error missing_field /redirect']);
  });
  test.each([300, 304, 200, 399])('redirectCode must not be %d', (redirectCode) => {
    expect(redirect({ uri: '/', redirectCode })).toEqual([
      'error invalid_value /redirect/redirectCode',
    ]);
  });
  test.each([301, 302, 303, 307, 308])('redirectCode may be %d', (redirectCode) => {
    expect(redirect({ uri: '/', redirectCode })).toEqual([]);
  });
  test('takes one of uri and prefixRewrite, one of port and derivePort', () => {
    expect(redirect({ uri: '/', prefixRewrite: '/' })).toEqual(['error conflict /redirect']);
    expect(redirect({ port: 80, derivePort: 'FROM_REQUEST_PORT' })).toEqual([
      'error conflict /redirect',
    ]);
  });
  test('prefixRewrite needs prefix matches', () => {
    const prefixRewrite = '/new';
    expect(redirect({ prefixRewrite })).toEqual(['error conflict /redirect/prefixRewrite']);
    expect(redirect({ prefixRewrite }, { match: [{ uri: { exact: '/' } }] })).toEqual([
      'error conflict /redirect/prefixRewrite',
    ]);
    expect(redirect({ prefixRewrite }, { match: [{ uri: { prefix: '/old' } }] })).toEqual([]);
  });
  test('scheme is http or https', () => {
    expect(redirect({ scheme: 'ftp' })).toEqual(['error invalid_value /redirect/scheme']);
  });
  test('must not end the header early (case 62)', () => {
    expect(redirect({ uri: '/\r\nset-cookie: a' })).toEqual(['error invalid_value /redirect/uri']);
    expect(redirect({ authority: 'a\nb' })).toEqual(['error invalid_value /redirect/authority']);
  });
});

describe('http.directResponse', () => {
  const respond = (value: object): string[] => routeProblems({ directResponse: value });
  test.each([199, 600, 1.5])('status must not be %d', (status) => {
    expect(respond({ status })).toEqual(['error invalid_value /directResponse/status']);
  });
  test('body is one of string and bytes', () => {
    expect(respond({ status: 200, body: {} })).toEqual([
      'error missing_field /directResponse/body',
    ]);
    expect(respond({ status: 200, body: { bytes: 'a' } })).toEqual([
      'error invalid_value /directResponse/body/bytes',
    ]);
  });
  test('body over 1 MiB is refused, over 100 kB told', () => {
    expect(respond({ status: 200, body: { string: 'x'.repeat(1024 * 1024 + 1) } })).toEqual([
      'error too_large /directResponse/body/string',
    ]);
    expect(respond({ status: 200, body: { string: 'x'.repeat(200_000) } })).toEqual([
      'warning invalid_value /directResponse/body',
    ]);
  });
});

describe('http.rewrite', () => {
  test('needs something to change', () => {
    expect(routeProblems({ rewrite: {} })).toEqual(['error missing_field /rewrite']);
  });
  test('takes one of uri and uriRegexRewrite', () => {
    const uriRegexRewrite = { match: 'a', rewrite: 'b' };
    expect(routeProblems({ rewrite: { uri: '/', uriRegexRewrite } })).toEqual([
      'error conflict /rewrite',
    ]);
  });
  test('uriRegexRewrite names only groups that there are', () => {
    const rewriting = (rewrite: string): string[] =>
      routeProblems({ rewrite: { uriRegexRewrite: { match: '/(a)/(b)', rewrite } } });
    const wrong = ['error invalid_value /rewrite/uriRegexRewrite/rewrite'];
    expect(rewriting('/\\2/\\1\\0\\\\')).toEqual([]);
    expect(rewriting('/\\3')).toEqual(wrong);
    expect(rewriting('/\\x')).toEqual(wrong);
    expect(rewriting('/\\')).toEqual(wrong);
    expect(rewriting('/a b')).toEqual(wrong);
  });
});

describe('http.timeout', () => {
  test.each(['0s', '0.5ms', '5', '-1s', 'forever'])('must not be %s', (timeout) => {
    expect(routeProblems({ timeout })).toEqual(['error invalid_value /timeout']);
  });
  test('must be a text', () => {
    expect(routeProblems({ timeout: 5 })).toEqual(['error wrong_type /timeout']);
  });
});

describe('http.retries', () => {
  const retries = (value: object): string[] => routeProblems({ retries: value });
  test('attempts must not be negative', () => {
    expect(retries({ attempts: -1 })).toEqual(['error invalid_value /retries/attempts']);
  });
  test('attempts 0, also when it is left out, does not go with what would need tries', () => {
    expect(retries({ attempts: 0, perTryTimeout: '1s' })).toEqual([
      'error conflict /retries/perTryTimeout',
    ]);
    expect(retries({ retryOn: '5xx' })).toEqual(['error conflict /retries/retryOn']);
    expect(retries({ attempts: 0 })).toEqual([]);
  });
  test('absent attempts comes out as 0', () => {
    const { resource } = validate(
      resourceWith('VirtualService', {
        hosts: ['a'],
        http: [{ route: [to('a')], retries: { backoff: '1s' } }],
      }),
    );
    expect(resource).toMatchObject({ spec: { http: [{ retries: { attempts: 0 } }] } });
  });
  test('retryOn takes conditions and status codes', () => {
    expect(retries({ attempts: 1, retryOn: '5xx, 503,reset' })).toEqual([]);
    for (const retryOn of ['', '5xx,', 'sometimes', '99', '600']) {
      expect(retries({ attempts: 1, retryOn })).toEqual(['error invalid_value /retries/retryOn']);
    }
  });
  test('retryOn conditions that never come true are told', () => {
    expect(retries({ attempts: 1, retryOn: 'retriable-headers' })).toEqual([
      'warning no_effect /retries/retryOn',
    ]);
  });
  test('perTryTimeout and backoff are at least 1 ms', () => {
    expect(retries({ attempts: 1, perTryTimeout: '0s', backoff: '0ms' })).toEqual([
      'error invalid_value /retries/perTryTimeout',
      'error invalid_value /retries/backoff',
    ]);
  });
  test('retryRemoteLocalities is told to have no effect', () => {
    expect(retries({ attempts: 1, retryRemoteLocalities: true })).toEqual([
      'warning not_honoured /retries/retryRemoteLocalities',
    ]);
    expect(retries({ attempts: 1, retryRemoteLocalities: false })).toEqual([]);
  });
});

describe('http.fault', () => {
  const fault = (value: object): string[] => routeProblems({ fault: value });
  const percentage = { value: 10 };
  test('needs delay or abort', () => {
    expect(fault({})).toEqual(['error missing_field /fault']);
  });
  test('delay needs fixedDelay; exponentialDelay is refused', () => {
    expect(fault({ delay: { percentage } })).toEqual([
      'error missing_field /fault/delay/fixedDelay',
    ]);
    expect(fault({ delay: { fixedDelay: '1s', exponentialDelay: '1s', percentage } })).toEqual([
      'error not_supported /fault/delay/exponentialDelay',
    ]);
  });
  test('abort needs one of httpStatus and grpcStatus; http2Error is refused', () => {
    expect(fault({ abort: { percentage } })).toEqual(['error missing_field /fault/abort']);
    expect(fault({ abort: { httpStatus: 500, grpcStatus: 'INTERNAL', percentage } })).toEqual([
      'error conflict /fault/abort',
    ]);
    expect(fault({ abort: { http2Error: 'X', percentage } })).toEqual([
      'error not_supported /fault/abort/http2Error',
    ]);
    expect(fault({ abort: { grpcStatus: 'Nope', percentage } })).toEqual([
      'error invalid_value /fault/abort/grpcStatus',
    ]);
  });
  test.each([199, 600])('httpStatus must not be %d', (httpStatus) => {
    expect(fault({ abort: { httpStatus, percentage } })).toEqual([
      'error invalid_value /fault/abort/httpStatus',
    ]);
  });
  test.each([-1, 100.1, 0.00001, Number.NaN])('percentage must not be %d', (value) => {
    expect(fault({ abort: { httpStatus: 500, percentage: { value } } })).toEqual([
      'error invalid_value /fault/abort/percentage/value',
    ]);
  });
  test('an absent percentage is 0 %, and told', () => {
    expect(fault({ abort: { httpStatus: 500 } })).toEqual([
      'warning no_effect /fault/abort/percentage',
    ]);
  });
  test('percent is deprecated and comes out as percentage', () => {
    const { resource, problems } = validate(
      resourceWith('VirtualService', {
        hosts: ['a'],
        http: [{ route: [to('a')], fault: { delay: { fixedDelay: '1s', percent: 5 } } }],
      }),
    );
    expect(problems.map(({ code }) => code)).toEqual(['deprecated']);
    expect(resource).toMatchObject({
      spec: { http: [{ fault: { delay: { fixedDelay: '1s', percentage: { value: 5 } } } }] },
    });
  });
});

describe('http.mirror', () => {
  test('does not go with mirrors', () => {
    const mirrors = [{ destination: { host: 'b' } }];
    expect(routeProblems({ mirror: { host: 'a' }, mirrors })).toEqual(['error conflict ']);
  });
  test('mirrorPercentage alone is told', () => {
    expect(routeProblems({ mirrorPercentage: { value: 5 } })).toEqual([
      'warning no_effect /mirrorPercentage',
    ]);
  });
  test('mirror_percent is deprecated and comes out as mirrorPercentage', () => {
    const route = { route: [to('a')], mirror: { host: 'b' }, mirror_percent: 5 };
    const { resource, problems } = validate(
      resourceWith('VirtualService', { hosts: ['a'], http: [route] }),
    );
    expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual([
      'deprecated /spec/http/0/mirror_percent',
    ]);
    expect(resource).toMatchObject({ spec: { http: [{ mirrorPercentage: { value: 5 } }] } });
  });
});

describe('http.corsPolicy', () => {
  test('allowOrigins need a way to match', () => {
    expect(routeProblems({ corsPolicy: { allowOrigins: [{}] } })).toEqual([
      'error missing_field /corsPolicy/allowOrigins/0',
    ]);
  });
  test('maxAge is whole seconds', () => {
    expect(routeProblems({ corsPolicy: { maxAge: '1500ms' } })).toEqual([
      'error invalid_value /corsPolicy/maxAge',
    ]);
  });
  test('allowMethods and header lists hold names', () => {
    expect(
      routeProblems({ corsPolicy: { allowMethods: ['GET '], allowHeaders: ['a\nb'] } }),
    ).toEqual([
      'error invalid_value /corsPolicy/allowMethods/0',
      'error invalid_value /corsPolicy/allowHeaders/0',
    ]);
  });
  test('allowOrigin is deprecated and comes out as allowOrigins', () => {
    const { resource } = validate(
      resourceWith('VirtualService', {
        hosts: ['a'],
        http: [{ route: [to('a')], corsPolicy: { allowOrigin: ['*'] } }],
      }),
    );
    expect(resource).toMatchObject({
      spec: { http: [{ corsPolicy: { allowOrigins: [{ exact: '*' }] } }] },
    });
  });
});

describe('annotations', () => {
  const annotated = (annotations: Record<string, string>): string[] =>
    problemsOf(
      'VirtualService',
      { hosts: ['a'], http: [{ name: 'canary', route: [to('a')] }] },
      annotations,
    ).map((line) => line.replace('/metadata/annotations', ''));
  test.each([
    ['inmesh.dev/sticky', 'header:User-Id'],
    ['inmesh.dev/sticky.canary', 'cookie:session'],
    ['inmesh.dev/fault-scope', 'attempt'],
    ['inmesh.dev/mirror-methods', 'all'],
    ['inmesh.dev/retry-non-idempotent', 'true'],
    ['example.com/anything', 'at all'],
  ])('%s may be %s', (key, value) => expect(annotated({ [key]: value })).toEqual([]));
  test.each([
    ['inmesh.dev/sticky', 'user-id', 'invalid_value'],
    ['inmesh.dev/fault-scope', 'try', 'invalid_value'],
    ['inmesh.dev/mirror-methods', '', 'invalid_value'],
    ['inmesh.dev/retry-non-idempotent', 'yes', 'invalid_value'],
    ['inmesh.dev/stikcy', 'header:a', 'unknown_field'],
    ['inmesh.dev/sticky.nowhere', 'header:a', 'invalid_value'],
    ['inmesh.dev/allow-missing-expiry', 'true', 'conflict'],
  ])('%s must not be %j', (key, value, code) => {
    expect(annotated({ [key]: value })).toEqual([`error ${code} /${key.replace('/', '~1')}`]);
  });
});

import {
  type AnalyzeOptions,
  analyze,
  createResourceSet,
  type HttpMatchRequest,
  type HttpRoute,
  parseResources,
  type ResourceInput,
} from '@inmesh/config';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

function virtualService(
  http: readonly HttpRoute[],
  metadata: Partial<ResourceInput['metadata']> = {},
  hosts = ['reviews'],
): ResourceInput {
  return {
    kind: 'VirtualService',
    metadata: { name: 'reviews', ...metadata },
    spec: { hosts, http },
  };
}

function destinationRule(name: string, host: string, ...versions: string[]): ResourceInput {
  const subsets = versions.map((version) => ({ name: version, labels: { version } }));
  return { kind: 'DestinationRule', metadata: { name }, spec: { host, subsets } };
}

function resiliencePolicy(name: string, host: string, fallback: string): ResourceInput {
  const spec = { host, fallbacks: [{ service: { host: fallback } }] };
  return { kind: 'ResiliencePolicy', metadata: { name }, spec };
}

function route(host: string, subset?: string, weight = 0): NonNullable<HttpRoute['route']>[number] {
  return { destination: subset === undefined ? { host } : { host, subset }, weight };
}

function found(resources: readonly ResourceInput[], options?: AnalyzeOptions): string[] {
  return analyze(createResourceSet(resources), options).map(
    ({ severity, code, resource, path }) => `${severity} ${code} ${resource} ${path}`,
  );
}

const plain: HttpRoute = { route: [route('reviews')] };

describe('missing_subset', () => {
  const wants = virtualService([{ route: [route('reviews', 'v2')] }]);
  const problem =
    'error missing_subset VirtualService/default/reviews /spec/http/0/route/0/destination/subset';
  test('is told where no rule defines it', () => {
    expect(found([wants])).toEqual([problem]);
    expect(found([wants, destinationRule('a', 'reviews', 'v1')])).toEqual([problem]);
    expect(found([wants, destinationRule('a', 'ratings', 'v2')])).toEqual([problem]);
  });
  test.each([
    'reviews',
    'reviews.default',
    'reviews.default.svc.cluster.local',
    '*.default.svc.cluster.local',
  ])('is not told where the rule of %s defines it', (host) =>
    expect(found([wants, destinationRule('a', host, 'v2')])).toEqual([]),
  );
  test('is told for mirrors', () => {
    const mirror = { host: 'reviews', subset: 'v2' };
    expect(found([virtualService([{ ...plain, mirror, mirrorPercentage: { value: 1 } }])])).toEqual(
      ['error missing_subset VirtualService/default/reviews /spec/http/0/mirror/subset'],
    );
  });
});

describe('unknown_host', () => {
  const services = [{ service: 'reviews.default', endpoints: [] }];
  test('is told when the services are known', () => {
    const resources = [virtualService([{ route: [route('ratings')] }])];
    expect(found(resources)).toEqual([]);
    expect(found(resources, { services })).toEqual([
      'warning unknown_host VirtualService/default/reviews /spec/http/0/route/0/destination/host',
    ]);
  });
  test('is told for rules', () => {
    expect(found([destinationRule('a', 'ratings')], { services })).toEqual([
      'warning unknown_host DestinationRule/default/a /spec/host',
    ]);
  });
  test('is told for resilience policies, and for who is to answer instead', () => {
    expect(found([resiliencePolicy('a', 'ratings', 'archive')], { services })).toEqual([
      'warning unknown_host ResiliencePolicy/default/a /spec/host',
      'warning unknown_host ResiliencePolicy/default/a /spec/fallbacks/0/service/host',
    ]);
    expect(found([resiliencePolicy('a', '*.local', 'reviews')], { services })).toEqual([]);
  });
  test('is not told for services and hosts of a ServiceEntry', () => {
    const entry: ResourceInput = {
      kind: 'ServiceEntry',
      metadata: { name: 'apis' },
      spec: { hosts: ['*.example.com'] },
    };
    const routes = [
      { route: [route('reviews', undefined, 50), route('api.example.com', undefined, 50)] },
    ];
    expect(found([entry, virtualService(routes)], { services })).toEqual([]);
  });
});

describe('empty_subset', () => {
  const rule = destinationRule('a', 'reviews', 'v1', 'v2');
  test('is told when the endpoints are known', () => {
    const endpoints = [{ labels: { version: 'v1' } }];
    expect(found([rule], { services: [{ service: 'reviews.default', endpoints }] })).toEqual([
      'warning empty_subset DestinationRule/default/a /spec/subsets/1/labels',
    ]);
  });
  test('is not told of a service that is not up', () => {
    expect(found([rule], { services: [{ service: 'reviews.default', endpoints: [] }] })).toEqual(
      [],
    );
  });
});

describe('unreachable_route, overlapping_match', () => {
  const matching = (...match: HttpMatchRequest[]): HttpRoute => ({ ...plain, match });
  const codes = (...routes: HttpRoute[]): string[] =>
    found([virtualService(routes)]).map((line) => line.replace(/ Virtual\S+/, ''));
  test('a route after one without match is never reached', () => {
    expect(codes(plain, plain)).toEqual(['warning unreachable_route /spec/http/1']);
  });
  test('a match among others that an earlier one covers is told by itself', () => {
    expect(
      codes(
        matching({ uri: { prefix: '/a' } }),
        matching({ uri: { exact: '/a/b' } }, { uri: { prefix: '/b' } }),
      ),
    ).toEqual(['warning overlapping_match /spec/http/1/match/0']);
  });
  test.each<[HttpMatchRequest, HttpMatchRequest]>([
    [{ uri: { prefix: '/' } }, { method: { exact: 'GET' } }],
    [{ uri: { prefix: '/a' } }, { uri: { prefix: '/ab' } }],
    [{ uri: { regex: '/a+' } }, { uri: { regex: '/a+' }, port: 80 }],
    [{ uri: { prefix: '/A' }, ignoreUriCase: true }, { uri: { exact: '/aB' } }],
    [{ headers: { a: {} } }, { headers: { a: { exact: 'x' }, b: {} } }],
    [{ queryParams: { a: { prefix: 'x' } } }, { queryParams: { a: { exact: 'xy' } } }],
    [{ sourceLabels: { a: 'x' } }, { sourceLabels: { a: 'x', b: 'y' } }],
    [{ withoutHeaders: { a: {} } }, { withoutHeaders: { a: {}, b: {} } }],
  ])('%j takes everything that %j matches', (wide, narrow) => {
    expect(codes(matching(wide), matching(narrow))).toEqual([
      'warning unreachable_route /spec/http/1',
    ]);
  });
  test.each<[HttpMatchRequest, HttpMatchRequest]>([
    [{ uri: { prefix: '/a' } }, { uri: { prefix: '/' } }],
    [{ uri: { prefix: '/a' } }, { uri: { prefix: '/A' } }],
    [{ uri: { prefix: '/a' } }, { uri: { exact: '/a' }, ignoreUriCase: true }],
    [{ uri: { prefix: '/a' }, method: { exact: 'GET' } }, { uri: { prefix: '/a' } }],
    [{ headers: { a: { exact: 'x' } } }, { headers: { a: {} } }],
    [{ headers: { a: {} } }, { headers: { b: {} } }],
    [{ port: 80 }, { port: 81 }],
    [{ sourceNamespace: 'a' }, { uri: { exact: '/' } }],
    [{ withoutHeaders: { a: {}, b: {} } }, { withoutHeaders: { a: {} } }],
    [{ uri: { regex: '/a.*' } }, { uri: { exact: '/ab' } }],
  ])('%j leaves something of %j', (wide, narrow) => {
    expect(codes(matching(wide), matching(narrow))).toEqual([]);
  });
  test('3,000 matches that differ in one header only are looked at within bounds', () => {
    const routes = Array.from({ length: 3_000 }, (_, i) =>
      matching({ uri: { prefix: '/a' }, headers: { user: { exact: String(i) } } }),
    );
    expect(codes(...routes)).toEqual([]);
  });
  test('a route is never said to be unreachable when a request reaches it', () => {
    const text = fc.constantFrom('', 'a', 'ab', 'b');
    const stringMatch = fc.oneof(
      text.map((exact) => ({ exact })),
      text.filter(Boolean).map((prefix) => ({ prefix })),
      fc.constant({}),
    );
    const path = fc.constantFrom('/', '/a', '/A', '/ab', '/b');
    const match: fc.Arbitrary<HttpMatchRequest> = fc.record(
      {
        uri: fc.oneof(
          path.map((exact) => ({ exact })),
          path.map((prefix) => ({ prefix })),
        ),
        ignoreUriCase: fc.boolean(),
        headers: fc.record({ x: stringMatch }),
        withoutHeaders: fc.record({ y: stringMatch }),
      },
      { requiredKeys: ['uri'] },
    );
    const request = fc.record({ path, x: fc.option(text), y: fc.option(text) });
    fc.assert(
      fc.property(match, match, request, (first, second, { path, x, y }) => {
        const says = codes(matching(first), matching(second)).length > 0;
        if (says && takes(second, path, x, y)) expect(takes(first, path, x, y)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Matching, written the simplest way. */
function takes(match: HttpMatchRequest, path: string, x: string | null, y: string | null): boolean {
  const fold = (text: string): string => (match.ignoreUriCase ? text.toLowerCase() : text);
  const { exact, prefix } = match.uri ?? {};
  if (exact !== undefined && fold(exact) !== fold(path)) return false;
  if (prefix !== undefined && !fold(path).startsWith(fold(prefix))) return false;
  const test = (wanted: { exact?: string; prefix?: string }, value: string): boolean =>
    wanted.exact === undefined ? value.startsWith(wanted.prefix ?? '') : value === wanted.exact;
  const header = match.headers?.x;
  if (header !== undefined && (x === null || !test(header, x))) return false;
  const without = match.withoutHeaders?.y;
  if (without === undefined) return true;
  const presence = without.exact === undefined && without.prefix === undefined;
  return presence ? y === null : !test(without, y ?? '');
}

describe('weights_not_100', () => {
  const split = (...weights: number[]): HttpRoute => ({
    route: weights.map((weight, i) => route(`s${i}`, undefined, weight)),
  });
  test('is told for several destinations, with the shares that they mean', () => {
    const problems = analyze(createResourceSet([virtualService([split(1, 2)])]));
    expect(problems.map(({ code }) => code)).toEqual(['weights_not_100']);
    expect(problems[0]?.reason).toContain('33.3 %, 66.7 %');
  });
  test('is not told for 100, nor for one destination', () => {
    expect(found([virtualService([split(90, 10)])])).toEqual([]);
    expect(found([virtualService([split(1)])])).toEqual([]);
  });
});

describe('duplicate_host', () => {
  test('is told of the younger VirtualService', () => {
    const older = virtualService([plain], { name: 'z', creationTimestamp: '2020-01-01T00:00:00Z' });
    const younger = virtualService([plain], {
      name: 'a',
      creationTimestamp: '2021-01-01T00:00:00Z',
    });
    expect(found([younger, older])).toEqual([
      'warning duplicate_host VirtualService/default/a /spec/hosts/0',
    ]);
  });
  test('is told of the second by name where there is no time, whatever the spelling', () => {
    const full = virtualService([plain], { name: 'b' }, ['reviews.default.svc.cluster.local']);
    expect(found([full, virtualService([plain], { name: 'a' })])).toEqual([
      'warning duplicate_host VirtualService/default/b /spec/hosts/0',
    ]);
  });
  test('is not told of two namespaces, whose short names differ', () => {
    expect(
      found([virtualService([plain]), virtualService([plain], { namespace: 'prod' })]),
    ).toEqual([]);
  });
  test('is told of two resilience policies in one namespace', () => {
    const policies = ['a', 'b'].map((name) => resiliencePolicy(name, 'reviews', 'archive'));
    expect(found(policies)).toEqual([
      'warning duplicate_host ResiliencePolicy/default/b /spec/host',
    ]);
  });
  test('is told of two rules in one namespace', () => {
    expect(found([destinationRule('a', 'reviews'), destinationRule('b', 'reviews')])).toEqual([
      'warning duplicate_host DestinationRule/default/b /spec/host',
    ]);
  });
});

describe('unsafe_retry', () => {
  const retrying = (method: string | undefined, retryOn: string, repeat: boolean): string[] =>
    found([
      virtualService(
        [
          {
            ...plain,
            ...(method === undefined ? {} : { match: [{ method: { exact: method } }] }),
            retries: { attempts: 2, retryOn },
          },
        ],
        repeat ? { annotations: { 'inmesh.dev/retry-non-idempotent': 'true' } } : {},
      ),
    ]).map((line) => line.split(' ')[1] ?? '');
  test('is told where POST may be repeated after it was processed', () => {
    expect(retrying('POST', '5xx', true)).toEqual(['unsafe_retry']);
    expect(retrying(undefined, '503', true)).toEqual(['unsafe_retry']);
  });
  test('is told where a route of POST only asks for retries that never happen', () => {
    expect(retrying('POST', 'reset', false)).toEqual(['unsafe_retry']);
  });
  test('is not told for idempotent methods, nor for failures before the upstream', () => {
    expect(retrying('GET', '5xx', true)).toEqual([]);
    expect(retrying(undefined, '5xx', false)).toEqual([]);
    expect(retrying('POST', 'connect-failure,refused-stream', true)).toEqual([]);
  });
});

describe('short_timeout', () => {
  const timing = (timeout: string, perTryTimeout: string, attempts: number): string[] =>
    found([virtualService([{ ...plain, timeout, retries: { attempts, perTryTimeout } }])]);
  test('is told where not every try fits', () => {
    expect(timing('1s', '2s', 1)).toEqual([
      'warning short_timeout VirtualService/default/reviews /spec/http/0/timeout',
    ]);
    expect(timing('5s', '2s', 2)).toHaveLength(1);
  });
  test('is not told where they do', () => {
    expect(timing('6s', '2s', 2)).toEqual([]);
  });
});

test('findings have their places in files when the parser lends them', () => {
  const { resources, locate } = parseResources(
    `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a }
spec:
  hosts: [a]
  http:
  - route:
    - destination: { host: a, subset: v1 }
`,
    { file: 'a.yaml' },
  );
  expect(analyze(createResourceSet(resources), { locate })).toMatchObject([
    { code: 'missing_subset', file: 'a.yaml', line: 8, column: 39 },
  ]);
});

test('a set without resources has no findings', () => {
  expect(analyze(createResourceSet(), { services: [] })).toEqual([]);
});

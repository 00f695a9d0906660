import type {
  HttpMatchRequest,
  HttpRoute,
  Resource,
  StringMatch,
  VirtualService,
} from '@inmesh/config';
import { isMeshError, joinedHeader, type RouteRequest } from '@inmesh/core';
import { compile, update } from '@inmesh/router';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compiled, request, versions, virtualService, workload } from './fixtures.ts';

// Few values, so that generated requests often meet generated rules.
const words = fc.constantFrom('a', 'ab', 'b', '', 'A');
const paths = fc.constantFrom('/', '/a', '/ab', '/A', '/a?x=a', '/b/c?x=b&y', '/a?y=');
const hosts = fc.constantFrom(
  'reviews',
  'ratings.default',
  '*.default.svc.cluster.local',
  '*.cluster.local',
  'example.com',
  '*.com',
);
const names = fc.constantFrom('x', 'y');

const stringMatch = (text: fc.Arbitrary<string>): fc.Arbitrary<StringMatch> =>
  fc.oneof(
    text.map((exact) => ({ exact })),
    text.map((prefix) => ({ prefix })),
    fc.constantFrom('a.*', '.*b', '/a(b)?', '[^/]*', '*').map((regex) => ({ regex })),
    fc.constant({}),
  );
const pathMatch = stringMatch(paths.map((path) => path.split('?')[0] as string));
const headerMap = fc.dictionary(names, stringMatch(words), { maxKeys: 2, noNullPrototype: true });

const match: fc.Arbitrary<HttpMatchRequest> = fc.record(
  {
    uri: pathMatch,
    ignoreUriCase: fc.boolean(),
    method: stringMatch(fc.constantFrom('GET', 'POST')),
    headers: headerMap,
    withoutHeaders: headerMap,
    queryParams: headerMap,
    port: fc.constantFrom(80, 9080),
    sourceNamespace: fc.constantFrom('default', 'prod'),
  },
  { requiredKeys: [] },
);
const destination = fc.record({
  destination: fc.record({
    host: fc.constant('reviews'),
    subset: fc.constantFrom('v1', 'v2', 'v3'),
  }),
  weight: fc.integer({ min: 1, max: 100 }),
});
const route: fc.Arbitrary<HttpRoute> = fc.record(
  {
    match: fc.array(match, { minLength: 1, maxLength: 3 }),
    route: fc.array(destination, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['route'] },
);
const resources: fc.Arbitrary<VirtualService[]> = fc
  .array(fc.record({ host: hosts, http: fc.array(route, { minLength: 1, maxLength: 4 }) }), {
    maxLength: 6,
  })
  .map((specs) =>
    specs.map(({ host, http }, i) => virtualService({ hosts: [host], http }, { name: `vs${i}` })),
  );
const requests: fc.Arbitrary<RouteRequest> = fc
  .record({
    target: fc.constantFrom(
      ['reviews.default', 'reviews'],
      ['ratings.default', 'ratings'],
      ['example.com', 'example.com'],
      ['other.com', 'other.com:80'],
    ),
    path: paths,
    method: fc.constantFrom('GET', 'POST'),
    headers: fc.array(fc.tuple(names, words), { maxLength: 3 }),
    port: fc.constantFrom(undefined, 80, 9080),
  })
  .map(({ target, path, method, headers, port }) =>
    request({
      service: target[0] as string,
      authority: target[1] as string,
      path,
      method,
      headers: headers.flat(),
      port,
    }),
  );

/** The same rules as plainly as they can be said: no table, no order of conditions, native expressions. */
function reference(all: readonly VirtualService[], call: RouteRequest, point: number): string {
  const full = call.service.endsWith('.default')
    ? `${call.service}.svc.cluster.local`
    : call.service;
  const score = (host: string): number => {
    if (host.startsWith('*')) return full.endsWith(host.slice(1)) ? host.length : 0;
    const named = host.includes('.') ? host : `${host}.default`;
    return named === call.service ? 1000 : 0;
  };
  const best = Math.max(0, ...all.map(({ spec }) => score(spec.hosts[0] as string)));
  if (best === 0) return 'default';
  const winner = all.find(({ spec }) => score(spec.hosts[0] as string) === best) as VirtualService;
  for (const [i, { match: matches, route: targets = [] }] of (winner.spec.http ?? []).entries()) {
    if (matches !== undefined && !matches.some((one) => takes(one, call))) continue;
    return `${winner.metadata.name}/${i}/${drawn(targets, point)}`;
  }
  return 'no-route';
}

function drawn(targets: NonNullable<HttpRoute['route']>, point: number): string | undefined {
  if (targets.length === 1) return targets[0]?.destination.subset;
  const total = targets.reduce((sum, { weight = 0 }) => sum + weight, 0);
  let sum = 0;
  for (const { weight = 0, destination: chosen } of targets) {
    sum += weight;
    if (point * total < sum) return chosen.subset;
  }
  return undefined;
}

function takes(one: HttpMatchRequest, call: RouteRequest): boolean {
  const [path = '', query = ''] = call.path.split('?');
  const fold = one.ignoreUriCase === true && one.uri?.regex === undefined;
  const value = (name: string): string | undefined => joinedHeader(call.headers, name);
  const parameter = (name: string): string | undefined =>
    query
      .split('&')
      .map((part) => part.split('='))
      .filter(([key]) => key === name && query !== '')
      .map(([, text = '']) => text)[0];
  const entries = (map: HttpMatchRequest['headers']): [string, StringMatch][] =>
    Object.entries(map ?? {});
  return (
    (one.sourceNamespace ?? 'default') === 'default' &&
    (one.port === undefined || one.port === (call.port ?? 80)) &&
    is(one.method, call.method) &&
    is(fold ? lower(one.uri) : one.uri, fold ? path.toLowerCase() : path) &&
    entries(one.headers).every(([name, wanted]) => is(wanted, value(name))) &&
    entries(one.queryParams).every(([name, wanted]) => is(wanted, parameter(name))) &&
    entries(one.withoutHeaders).every(([name, unwanted]) =>
      isPresence(unwanted) ? value(name) === undefined : !is(unwanted, value(name) ?? ''),
    )
  );
}

function lower(wanted: StringMatch | undefined): StringMatch | undefined {
  return wanted && (JSON.parse(JSON.stringify(wanted).toLowerCase()) as StringMatch);
}

function isPresence({ exact, prefix, regex }: StringMatch): boolean {
  return (exact ?? prefix ?? regex ?? '*') === '*';
}

function is(wanted: StringMatch | undefined, text: string | undefined): boolean {
  if (wanted === undefined) return true;
  if (text === undefined) return false;
  if (isPresence(wanted)) return true;
  if (wanted.exact !== undefined) return text === wanted.exact;
  if (wanted.prefix !== undefined) return text.startsWith(wanted.prefix);
  return new RegExp(`^(?:${wanted.regex})$`).test(text);
}

/** What a router decides, in the reference's words. */
function decided(router: ReturnType<typeof compiled>, call: RouteRequest, point: number): string {
  const decision = router.route(call, () => point);
  if (decision.kind !== 'forward') return decision.kind;
  if (decision.route === 'default') return 'default';
  const [, name, index] = /^(.*)\.default\/http\/(\d+)$/.exec(decision.route) ?? [];
  return `${name}/${index}/${decision.destination.subset}`;
}

const point = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('the compiled router agrees with a reference implementation on any resources and requests', () => {
  fc.assert(
    fc.property(
      resources,
      fc.array(requests, { minLength: 1, maxLength: 10 }),
      point,
      (all, calls, at) => {
        const router = compiled([...all, versions]);
        for (const call of calls) {
          expect(decided(router, call, at)).toBe(reference(all, call, at));
          const { decision } = router.explain(call);
          expect(decision.route).toBe(router.route(call, () => at).route);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('updates one by one end where compiling all at once does', () => {
  fc.assert(
    fc.property(
      resources,
      resources,
      fc.array(requests, { minLength: 1, maxLength: 10 }),
      point,
      (first, second, calls, at) => {
        let router = compiled([...first, versions]);
        for (const call of calls) router.route(call, () => at);
        for (const resource of second) router = update(router, { applied: [resource] });
        const gone = first
          .slice(second.length)
          .map(({ metadata }) => `VirtualService/default/${metadata.name}`);
        router = update(router, { removed: gone });
        for (const call of calls)
          expect(decided(router, call, at)).toBe(reference(second, call, at));
      },
    ),
    { numRuns: 200 },
  );
});

/** Objects that claim a kind and hold anything: what reaches compile() when nobody validated. */
const fieldNames = fc.constantFrom(
  'hosts',
  'host',
  'http',
  'match',
  'route',
  'destination',
  'subset',
  'subsets',
  'weight',
  'uri',
  'exact',
  'prefix',
  'regex',
  'headers',
  'request',
  'set',
  'add',
  'remove',
  'redirect',
  'directResponse',
  'status',
  'body',
  'timeout',
  'retries',
  'retryOn',
  'fault',
  'delay',
  'abort',
  'percentage',
  'value',
  'mirror',
  'mirrors',
  'corsPolicy',
  'allowOrigins',
  'exportTo',
  'gateways',
  'trafficPolicy',
  'tls',
  'mode',
  'loadBalancer',
  'connectionPool',
  'tcp',
  'portLevelSettings',
  'endpoints',
  'ports',
  'workloadSelector',
  'matchLabels',
  '__proto__',
  'rewrite',
);
const leaf = fc.oneof(
  fc.constantFrom<unknown>(
    'reviews',
    '*',
    'a..b',
    '',
    'v1',
    '5s',
    '-1',
    '(',
    null,
    Number.NaN,
    -1,
    Number.POSITIVE_INFINITY,
    true,
  ),
  fc.string({ maxLength: 5 }),
  fc.integer(),
);
const { garbage } = fc.letrec<{ garbage: unknown }>((tie) => ({
  garbage: fc.oneof(
    { maxDepth: 6, depthSize: 'large' },
    leaf,
    fc.array(tie('garbage'), { maxLength: 3 }),
    fc.dictionary(fieldNames, tie('garbage'), { maxKeys: 6 }),
  ),
}));
const annotations = fc.dictionary(
  fc.constantFrom(
    'inmesh.dev/sticky',
    'inmesh.dev/fault-scope',
    'inmesh.dev/mirror-methods',
    'inmesh.dev/retry-non-idempotent',
  ),
  fc.constantFrom('header:a', 'cookie:b', 'all', 'attempt', 'nonsense', ''),
);
const unchecked = fc.record({
  apiVersion: fc.constant('networking.istio.io/v1'),
  kind: fc.constantFrom(
    'VirtualService',
    'DestinationRule',
    'ServiceEntry',
    'Telemetry',
    'Unknown',
  ),
  metadata: fc.oneof(
    fc.record({ name: fc.string(), namespace: fc.constant('default'), annotations }),
    garbage,
  ),
  spec: fc.oneof(
    fc.record(
      {
        hosts: fc.oneof(fc.constant(['reviews']), garbage),
        host: fc.oneof(fc.constant('reviews'), garbage),
        http: fc.oneof(fc.array(fc.dictionary(fieldNames, garbage)), garbage),
        subsets: garbage,
        trafficPolicy: garbage,
        exportTo: garbage,
        endpoints: garbage,
      },
      { requiredKeys: [] },
    ),
    garbage,
  ),
});

test('whatever is compiled and routed, nothing but MeshError is ever thrown', () => {
  fc.assert(
    fc.property(fc.array(unchecked, { maxLength: 4 }), requests, (all, call) => {
      let router: ReturnType<typeof compiled>;
      try {
        router = compile(all as unknown as Resource[], { workload });
      } catch (error) {
        expect(isMeshError(error)).toBe(true);
        return;
      }
      router.route(call, Math.random);
      router.explain(call);
      router.inbound.cors(call);
    }),
    { numRuns: 1500 },
  );
});

test('any request, with any text anywhere, is decided and explained without a throw', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('reviews', '[::1', 'a.b.svc', 'x.cluster.local', '?', '&&==', ':'),
  );
  const http: HttpRoute[] = [
    {
      match: [{ queryParams: { a: { regex: '(a|b)*c' } } }],
      route: [],
      directResponse: { status: 200 },
    },
    { match: [{ uri: { regex: '(a*)*b' } }], redirect: { prefixRewrite: '/x' } },
    {
      rewrite: { uriRegexRewrite: { match: '(.)', rewrite: '\\1\\1' } },
      route: [
        { destination: { host: 'reviews' }, weight: 1 },
        { destination: { host: 'ratings' }, weight: 1 },
      ],
    },
  ];
  const sticky = { 'inmesh.dev/sticky': 'cookie:s' };
  const router = compiled([virtualService({ hosts: ['*'], http }, { annotations: sticky })]);
  fc.assert(
    fc.property(
      fc.record({
        service: text,
        authority: text,
        path: text,
        method: text,
        headers: fc.array(fc.tuple(fc.constantFrom('cookie', 'baggage', 'x'), text)),
        hashKey: text,
      }),
      (made) => {
        const call = request({
          ...made,
          headers: made.headers.flat(),
          options: { hashKey: made.hashKey },
        });
        const decision = router.route(call, Math.random);
        if (decision.kind === 'forward') decision.rewritePath?.(made.path);
        router.explain(call);
      },
    ),
    { numRuns: 1000 },
  );
});

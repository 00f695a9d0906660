import { expect, test } from '@jest/globals';
import { compiled, request, routes, to, versions, virtualService } from './fixtures.ts';

const jason = routes(
  {
    name: 'jason',
    match: [{ headers: { 'end-user': { exact: 'jason' } } }],
    route: [to('v2')],
    timeout: '2s',
  },
  {
    name: 'rest',
    route: [to('v1', 90), to('v3', 10)],
    retries: { attempts: 3, retryOn: '5xx,503' },
  },
  { name: 'never', route: [to()] },
);

test('explain says which route matched and why the others did not', () => {
  const explanation = jason.explain(request());
  expect(explanation).toMatchObject({
    resource: 'VirtualService/default/reviews',
    foundBy: 'exact',
    ignored: [],
  });
  expect(explanation.routes).toEqual([
    {
      route: 'jason',
      verdict: 'passed-over',
      misses: [
        {
          match: 0,
          name: undefined,
          reasons: ['header end-user is "jason": the request has none'],
        },
      ],
    },
    { route: 'rest', verdict: 'matched', match: 0, conditions: [] },
    { route: 'never', verdict: 'not-reached' },
  ]);
  expect(
    explanation.destinations.map(({ subset, ratio, labels }) => [subset, ratio, labels.version]),
  ).toEqual([
    ['v1', 0.9, 'v1'],
    ['v3', 0.1, 'v3'],
  ]);
});

test('explain in words', () => {
  expect(jason.explain(request({ path: '/x' })).text).toBe(
    [
      'GET /x to reviews (service reviews.default)',
      'resource: VirtualService/default/reviews, found by the exact host',
      'route jason: passed over, match 0: header end-user is "jason": the request has none',
      'route rest: matched (takes everything)',
      'route never: not reached',
      'destination: reviews.default subset v1 (version=v1), 90 %; policy: DestinationRule/default/reviews',
      'destination: reviews.default subset v3 (version=v3), 10 %; policy: DestinationRule/default/reviews',
      "time-out: not said, the client's own",
      'retries: 3 on 5xx, retriable-status-codes, 503',
    ].join('\n'),
  );
  const text = jason.explain(request({ headers: ['end-user', 'jason'] })).text;
  expect(text).toContain('route jason: matched (header end-user is "jason")');
  expect(text).toContain('subset v2 (version=v2), 100 %, chosen');
  expect(text).toContain('time-out: 2000 ms');
});

test('explain decides as route does', () => {
  const call = request({ headers: ['end-user', 'jason'] });
  expect(jason.explain(call).decision).toBe(jason.route(call, Math.random));
});

test('explain names the selector that keeps a match from this workload', () => {
  const router = routes({ match: [{ sourceNamespace: 'prod' }], route: [to()] });
  expect(router.explain(request()).text).toContain(
    'not for this workload: sourceNamespace is prod',
  );
  expect(router.explain(request()).text).toContain('404, no route matches');
});

test('explain names the resources that are not used for the host', () => {
  const spec = { http: [{ route: [to()] }] };
  const router = compiled([
    virtualService(spec, { name: 'b' }),
    virtualService(spec, { name: 'a' }),
  ]);
  expect(router.explain(request())).toMatchObject({
    resource: 'VirtualService/default/a',
    ignored: ['VirtualService/default/b'],
  });
});

test('explain without any resource', () => {
  const explanation = compiled([versions]).explain(request());
  expect(explanation).toMatchObject({ resource: undefined, foundBy: 'none', routes: [] });
  expect(explanation.text).toContain('no VirtualService for this host');
  expect(explanation.destinations[0]).toMatchObject({
    service: 'reviews.default',
    rules: ['DestinationRule/default/reviews'],
  });
});

test('explain: wildcard hosts, undefined subsets, stickiness, faults and mirrors are told', () => {
  const http = [
    {
      route: [to('v1', 1), to('v9', 1)],
      fault: { abort: { httpStatus: 500, percentage: { value: 1 } } },
      mirror: { host: 'reviews', subset: 'v2' },
    },
  ];
  const annotations = { 'inmesh.dev/sticky': 'header:user' };
  const router = compiled([
    virtualService({ hosts: ['*.cluster.local'], http }, { annotations }),
    versions,
  ]);
  const explanation = router.explain(request({ method: 'POST', headers: ['user', 'ann'] }));
  expect(explanation.foundBy).toBe('wildcard');
  expect(explanation.destinations.filter(({ chosen }) => chosen)).toHaveLength(1);
  for (const part of [
    'found by a wildcard host',
    'undefined subset',
    'sticky by header user: the key decides',
    'switches time-out and retries off',
    'not mirrored: POST',
  ]) {
    expect(explanation.text).toContain(part);
  }
  expect(router.explain(request()).text).toContain('no key, drawn by weight');
});

test('explain of an answer without upstream', () => {
  const router = routes({ directResponse: { status: 503 } });
  expect(router.explain(request()).text).toContain('answer: 503 without an upstream');
});

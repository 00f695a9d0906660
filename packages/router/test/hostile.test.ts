import { expect, test } from '@jest/globals';
import {
  compiled,
  forwarded,
  half,
  request,
  routes,
  subsetOf,
  to,
  virtualService,
} from './fixtures.ts';

const refused = (code = 'invalid_resource') => expect.objectContaining({ code });

test('case 50: a backtracking regex costs linear time', () => {
  const router = routes(
    { match: [{ headers: { x: { regex: '(a+)+b' } } }], route: [to('v1')] },
    { route: [to('v2')] },
  );
  // 2^50,000 steps in an engine that backtracks.
  expect(subsetOf(router, { headers: ['x', 'a'.repeat(50_000)] })).toBe('v2');
});

test('case 50: a giant regex and an unknown syntax are refused with their path', () => {
  for (const regex of ['a'.repeat(1_000_000), '(', '(?=a)', 'a{100000}']) {
    expect(() => routes({ match: [{ uri: { regex } }], route: [to()] })).toThrow(
      expect.objectContaining({ code: 'invalid_resource', path: '/spec/http/0/match/0/uri/regex' }),
    );
  }
});

test('10,000 routes in one resource compile, and the last is reached', () => {
  const http = Array.from({ length: 10_000 }, (_, i) => ({
    name: `r${i}`,
    match: [{ uri: { exact: `/${i}` } }],
    route: [to()],
  }));
  const router = compiled([virtualService({ http })]);
  expect(router.route(request({ path: '/9999' }), half).route).toBe('r9999');
});

test('case 62: line breaks and spaces in rewrites, redirects and authorities are refused', () => {
  const bad = 'x\r\nhost: evil';
  for (const route of [
    { rewrite: { uri: `/${bad}` }, route: [to()] },
    { rewrite: { authority: bad }, route: [to()] },
    { rewrite: { uriRegexRewrite: { match: 'a', rewrite: bad } }, route: [to()] },
    { redirect: { uri: bad } },
    { redirect: { authority: bad } },
    { headers: { request: { set: { host: bad } } }, route: [to()] },
    { headers: { response: { add: { a: bad } } }, directResponse: { status: 200 } },
  ]) {
    expect(() => routes(route)).toThrow(refused());
  }
});

test('case 62: a rewritten path always begins with a slash', () => {
  const route = {
    match: [{ uri: { prefix: '/a' } }],
    rewrite: { uri: 'evil.test' },
    route: [to()],
  };
  expect(
    forwarded(routes(route).route(request({ path: '/a/b' }), half)).rewritePath?.('/a/b'),
  ).toBe('/evil.test/b');
});

test('case 49: __proto__ in labels, headers and hosts reaches no prototype', () => {
  const parsed = JSON.parse('{"__proto__": {"exact": "1"}, "constructor": {"exact": "1"}}');
  const router = routes({ match: [{ headers: parsed }], route: [to('v1')] }, { route: [to('v2')] });
  expect(subsetOf(router)).toBe('v2');
  expect(
    compiled([]).route(request({ service: '__proto__', authority: '__proto__' }), half).kind,
  ).toBe('forward');
  expect(({} as Record<string, unknown>).exact).toBeUndefined();
});

test('a host that is no name is refused with its resource', () => {
  expect(() =>
    compiled([virtualService({ hosts: ['a.b.c.svc.cluster.local'], http: [{ route: [to()] }] })]),
  ).toThrow(/VirtualService\/default\/reviews/);
});

test('two forms in one string match are refused, because either could be meant', () => {
  expect(() => routes({ match: [{ uri: { exact: '/a', prefix: '/b' } }], route: [to()] })).toThrow(
    refused(),
  );
});

test('one broken resource refuses the batch: nothing is compiled by halves', () => {
  const good = virtualService({ http: [{ route: [to()] }] });
  const bad = virtualService({ http: [{ timeout: '-1s', route: [to()] }] }, { name: 'bad' });
  expect(() => compiled([good, bad])).toThrow(/VirtualService\/default\/bad/);
});

import type { HttpMatchRequest } from '@inmesh/config';
import { createWorkload, type RouteRequest } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import { compiled, request, routes, subsetOf, to, versions, virtualService } from './fixtures.ts';

/** v1 for what matches, v2 for the rest. */
function matched(match: HttpMatchRequest, overrides: Partial<RouteRequest>): boolean {
  const router = routes({ match: [match], route: [to('v1')] }, { route: [to('v2')] });
  return subsetOf(router, overrides) === 'v1';
}

test('uri.exact compares the path without the query', () => {
  const match = { uri: { exact: '/a' } };
  expect(matched(match, { path: '/a' })).toBe(true);
  expect(matched(match, { path: '/a?x=1' })).toBe(true);
  expect(matched(match, { path: '/ab' })).toBe(false);
  expect(matched(match, { path: '/A' })).toBe(false);
});

test('uri.prefix is raw text: /foo takes /foobar', () => {
  const match = { uri: { prefix: '/foo' } };
  expect(matched(match, { path: '/foo' })).toBe(true);
  expect(matched(match, { path: '/foobar?q' })).toBe(true);
  expect(matched(match, { path: '/fo' })).toBe(false);
});

test('uri forms with a question mark never match, since a path has none', () => {
  expect(matched({ uri: { prefix: '/a?x' } }, { path: '/a?x=1' })).toBe(false);
  expect(matched({ uri: { exact: '/a?x=1' } }, { path: '/a?x=1' })).toBe(false);
});

test('uri.regex must match the whole path, as RE2', () => {
  const match = { uri: { regex: '/items/\\d+' } };
  expect(matched(match, { path: '/items/12?full' })).toBe(true);
  expect(matched(match, { path: '/items/12/x' })).toBe(false);
  expect(matched({ uri: { regex: '\\d+$' } }, { path: 'a123' })).toBe(false);
});

test('ignoreUriCase holds for exact and prefix and not for regex', () => {
  expect(matched({ uri: { exact: '/Ab' }, ignoreUriCase: true }, { path: '/aB' })).toBe(true);
  expect(matched({ uri: { prefix: '/Ab' }, ignoreUriCase: true }, { path: '/aBc' })).toBe(true);
  expect(matched({ uri: { regex: '/Ab' }, ignoreUriCase: true }, { path: '/ab' })).toBe(false);
});

test('method', () => {
  expect(matched({ method: { exact: 'POST' } }, { method: 'POST' })).toBe(true);
  expect(matched({ method: { regex: 'PUT|POST' } }, { method: 'GET' })).toBe(false);
});

test('scheme', () => {
  expect(matched({ scheme: { exact: 'https' } }, { scheme: 'https' })).toBe(true);
  expect(matched({ scheme: { exact: 'https' } }, { scheme: 'http' })).toBe(false);
});

test('authority is compared as it was written, with its port', () => {
  expect(matched({ authority: { prefix: 'reviews:' } }, { authority: 'reviews:9080' })).toBe(true);
  expect(matched({ authority: { exact: 'reviews' } }, { authority: 'reviews:9080' })).toBe(false);
});

test('headers: exact, prefix, regex', () => {
  const headers = ['end-user', 'jason'];
  expect(matched({ headers: { 'end-user': { exact: 'jason' } } }, { headers })).toBe(true);
  expect(matched({ headers: { 'End-User': { prefix: 'jas' } } }, { headers })).toBe(true);
  expect(matched({ headers: { 'end-user': { regex: 'j.*n' } } }, { headers })).toBe(true);
  expect(matched({ headers: { 'end-user': { regex: 'j' } } }, { headers })).toBe(false);
  expect(matched({ headers: { 'end-user': { exact: 'jason' } } }, {})).toBe(false);
});

test('headers: {} and regex * ask only for presence', () => {
  for (const match of [{}, { regex: '*' }]) {
    expect(matched({ headers: { 'x-a': match } }, { headers: ['x-a', ''] })).toBe(true);
    expect(matched({ headers: { 'x-a': match } }, {})).toBe(false);
  }
});

test('headers: repeats are joined before they are compared', () => {
  const headers = ['x-a', '1', 'x-b', 'z', 'x-a', '2'];
  expect(matched({ headers: { 'x-a': { exact: '1,2' } } }, { headers })).toBe(true);
  expect(matched({ headers: { 'x-a': { exact: '1' } } }, { headers })).toBe(false);
});

test('headers named uri, scheme, method and authority are ignored', () => {
  expect(matched({ headers: { uri: { exact: 'x' }, method: { exact: 'y' } } }, {})).toBe(true);
});

test('withoutHeaders: presence, and a missing header as empty text', () => {
  expect(matched({ withoutHeaders: { 'x-a': {} } }, {})).toBe(true);
  expect(matched({ withoutHeaders: { 'x-a': {} } }, { headers: ['x-a', ''] })).toBe(false);
  expect(matched({ withoutHeaders: { 'x-a': { exact: '1' } } }, {})).toBe(true);
  expect(matched({ withoutHeaders: { 'x-a': { exact: '1' } } }, { headers: ['x-a', '1'] })).toBe(
    false,
  );
  expect(matched({ withoutHeaders: { 'x-a': { exact: '' } } }, {})).toBe(false);
});

test('queryParams: exact, prefix, regex, presence and the empty value', () => {
  const path = '/?a=1&debug&b=xyz&a=2';
  expect(matched({ queryParams: { a: { exact: '1' } } }, { path })).toBe(true);
  expect(matched({ queryParams: { a: { exact: '2' } } }, { path })).toBe(false);
  expect(matched({ queryParams: { b: { prefix: 'xy' } } }, { path })).toBe(true);
  expect(matched({ queryParams: { b: { regex: 'x.z' } } }, { path })).toBe(true);
  expect(matched({ queryParams: { debug: { exact: '' } } }, { path })).toBe(true);
  expect(matched({ queryParams: { debug: {} } }, { path })).toBe(true);
  expect(matched({ queryParams: { de: {} } }, { path })).toBe(false);
  expect(matched({ queryParams: { a: {} } }, { path: '/a=1' })).toBe(false);
});

test('port is the port of the URL, or the one that its scheme means', () => {
  expect(matched({ port: 9080 }, { port: 9080 })).toBe(true);
  expect(matched({ port: 9080 }, {})).toBe(false);
  expect(matched({ port: 80 }, {})).toBe(true);
  expect(matched({ port: 443 }, { scheme: 'https' })).toBe(true);
});

test('sourceLabels select the calling workload when the table is made', () => {
  const resources = [
    virtualService({
      http: [
        { match: [{ sourceLabels: { app: 'orders' } }], route: [to('v1')] },
        { route: [to('v2')] },
      ],
    }),
    versions,
  ];
  expect(subsetOf(compiled(resources))).toBe('v1');
  const other = createWorkload({ service: 'shop', labels: { app: 'shop' } });
  expect(subsetOf(compiled(resources, { workload: other }))).toBe('v2');
});

test('sourceNamespace selects the calling workload when the table is made', () => {
  expect(matched({ sourceNamespace: 'default' }, {})).toBe(true);
  expect(matched({ sourceNamespace: 'prod' }, {})).toBe(false);
});

test('gateways of a match select the mesh side', () => {
  expect(matched({ gateways: ['mesh', 'edge'] }, {})).toBe(true);
  expect(matched({ gateways: ['edge'] }, {})).toBe(false);
});

test('matches are ORed, the conditions of one are ANDed', () => {
  const router = routes(
    {
      match: [
        { uri: { exact: '/a' }, method: { exact: 'GET' } },
        { uri: { exact: '/b' }, method: { exact: 'POST' } },
      ],
      route: [to('v1')],
    },
    { route: [to('v2')] },
  );
  expect(subsetOf(router, { path: '/a' })).toBe('v1');
  expect(subsetOf(router, { path: '/a', method: 'POST' })).toBe('v2');
  expect(subsetOf(router, { path: '/b', method: 'POST' })).toBe('v1');
});

test('the first route that matches wins, and without one the answer is no-route', () => {
  const router = routes(
    { match: [{ uri: { prefix: '/a' } }], route: [to('v1')] },
    { match: [{ uri: { prefix: '/ab' } }], route: [to('v2')] },
  );
  expect(subsetOf(router, { path: '/abc' })).toBe('v1');
  expect(router.route(request({ path: '/x' }), Math.random)).toEqual({
    kind: 'no-route',
    route: 'reviews.default',
  });
});

function withClaims(claims: Record<string, unknown>): Partial<RouteRequest> {
  const identity = { peer: undefined, peerVerified: false, principal: 'i/s', claims };
  const context = { trace: undefined, deadline: Infinity, identity, baggage: '', passOn: [] };
  return { context };
}

test('@request.auth.claims: text and lists of text, nested by dots or brackets', () => {
  const claims = { sub: 'ann', groups: ['dev', 'ops'], realm: { role: 'admin' }, 'a.b': 'c' };
  const claim = (key: string, exact: string): boolean =>
    matched({ headers: { [`@request.auth.claims${key}`]: { exact } } }, withClaims(claims));
  expect(claim('.sub', 'ann')).toBe(true);
  expect(claim('.groups', 'ops')).toBe(true);
  expect(claim('.groups', 'dev,ops')).toBe(false);
  expect(claim('.realm.role', 'admin')).toBe(true);
  expect(claim('[realm][role]', 'admin')).toBe(true);
  expect(claim('[a.b]', 'c')).toBe(true);
});

test('@request.auth.claims never match without a verified token, nor on what objects inherit', () => {
  const match = { headers: { '@request.auth.claims.constructor': {} } };
  expect(matched(match, {})).toBe(false);
  expect(matched(match, withClaims({}))).toBe(false);
  expect(matched({ headers: { '@request.auth.claims.n': {} } }, withClaims({ n: 1 }))).toBe(false);
});

test('@request.auth.claims in withoutHeaders are negated', () => {
  const match = { withoutHeaders: { '@request.auth.claims.group': { exact: 'ops' } } };
  expect(matched(match, withClaims({ group: 'ops' }))).toBe(false);
  expect(matched(match, {})).toBe(true);
});

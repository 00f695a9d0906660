import type { HashKey, RequestContext, RouteRequest } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import { hashKey, hashText } from '../src/hash.ts';

function request(over: Partial<RouteRequest> = {}): RouteRequest {
  return {
    service: 'reviews.default',
    scheme: 'http',
    authority: 'reviews:9080',
    port: 9080,
    method: 'GET',
    path: '/',
    headers: [],
    context: undefined,
    ...over,
  };
}
const of = (key: HashKey, over: Partial<RouteRequest>, options = {}) =>
  hashKey(key, request(over), options);

test('a header, whatever the case of its name in the policy; repeats count together', () => {
  const key: HashKey = { kind: 'header', name: 'X-User' };
  expect(of(key, { headers: ['x-user', 'ann'] })).toBe(hashText('ann'));
  expect(of(key, { headers: ['x-user', 'ann', 'x-user', 'bob'] })).toBe(hashText('ann,bob'));
  expect(of(key, { headers: ['x-other', 'ann'] })).toBeUndefined();
  expect(of(key, { headers: ['x-user', ''] })).toBeUndefined();
});

test('the authority, under both of its names', () => {
  expect(of({ kind: 'header', name: 'host' }, {})).toBe(hashText('reviews:9080'));
  expect(of({ kind: 'header', name: ':authority' }, {})).toBe(hashText('reviews:9080'));
});

test('a header that the inbound request passes on', () => {
  const context = { passOn: ['x-user', 'ann'] } as unknown as RequestContext;
  expect(of({ kind: 'header', name: 'x-user' }, { context })).toBe(hashText('ann'));
});

describe('a cookie', () => {
  const key: HashKey = { kind: 'cookie', name: 'sid' };
  test.each([
    ['sid=1', '1'],
    ['a=b; sid=1; c=d', '1'],
    ['a=b;sid=1=2', '1=2'],
    ['xsid=2; sid=1', '1'],
  ])('in %j', (cookie, value) => {
    expect(of(key, { headers: ['cookie', cookie] })).toBe(hashText(value));
  });
  test('in the second of two headers', () => {
    expect(of(key, { headers: ['cookie', 'a=b', 'cookie', 'sid=1'] })).toBe(hashText('1'));
  });
  test.each(['', 'sid', 'sid=', '=1', 'xsid=1'])('is not in %j', (cookie) => {
    expect(of(key, { headers: ['cookie', cookie] })).toBeUndefined();
  });
});

test('a query parameter, the first of its name', () => {
  const key: HashKey = { kind: 'query', name: 'user' };
  expect(of(key, { path: '/a?b=c&user=ann&user=bob' })).toBe(hashText('ann'));
  expect(of(key, { path: '/user=ann' })).toBeUndefined();
  expect(of(key, { path: '/?xuser=ann' })).toBeUndefined();
});

test('what the caller says', () => {
  expect(of({ kind: 'call' }, {}, { hashKey: 'k' })).toBe(hashText('k'));
  expect(of({ kind: 'call' }, {})).toBeUndefined();
});

test('the source is one for all calls of a process', () => {
  const key: HashKey = { kind: 'source' };
  expect(of(key, { path: '/a' })).toBe(of(key, { path: '/b' }));
  expect(of(key, {})).toBeDefined();
});

test('hashes are 32 bits and spread over all of them', () => {
  const buckets = new Array(16).fill(0);
  for (let i = 0; i < 16_000; i += 1) {
    const hash = hashText(`10.0.0.${i}`);
    expect(hash).toBe(hash >>> 0);
    buckets[hash >>> 28] += 1;
  }
  for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});

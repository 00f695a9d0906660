import { createDefaultRouter, fixedRouter, forwardTo, type RouteRequest } from '@inmesh/core';
import { expect, test } from '@jest/globals';

function request(service: string, port?: number): RouteRequest {
  return {
    service,
    scheme: 'http',
    authority: service,
    port,
    method: 'GET',
    path: '/',
    headers: [],
    context: undefined,
  };
}
const random = (): number => 0;

test('everything goes to the whole service and the port of the URL, with nothing said about policy', () => {
  const decision = createDefaultRouter().route(request('a.b', 8080), random);
  expect(decision).toEqual({
    kind: 'forward',
    route: 'default',
    destination: { service: 'a.b', subset: '', labels: {}, port: 8080, policy: {} },
    timeoutMs: undefined,
    retries: undefined,
    rewritePath: undefined,
    rewriteAuthority: undefined,
    requestHeaders: undefined,
    responseHeaders: undefined,
    fault: undefined,
    mirrors: [],
  });
});

test('a service and port have one decision, so that its destination may key a map', () => {
  const router = createDefaultRouter();
  const route = (service: string, port?: number) => router.route(request(service, port), random);
  expect(route('a.b')).toBe(route('a.b'));
  expect(route('a.b', 80)).toBe(route('a.b', 80));
  expect(route('a.b', 80)).not.toBe(route('a.b'));
  expect(route('a.b')).not.toBe(route('a.c'));
  expect(createDefaultRouter().route(request('a.b'), random)).not.toBe(route('a.b'));
});

test('a decision is frozen, for everybody shares it', () => {
  expect(
    Object.isFrozen(forwardTo({ service: 'a.b', subset: '', labels: {}, port: 1, policy: {} })),
  ).toBe(true);
});

test('a fixed router never changes', () => {
  const router = createDefaultRouter();
  const source = fixedRouter(router);
  const leave = source.onChange(() => {
    throw new Error('changed');
  });
  expect(source.current).toBe(router);
  leave();
  leave();
  expect(fixedRouter().current.revision).toBe('0');
});

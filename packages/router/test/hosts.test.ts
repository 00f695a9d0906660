import { createWorkload } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import { compiled, destinationRule, half, request, subsetOf, virtualService } from './fixtures.ts';

function named(name: string, hosts: string[], namespace = 'default', created?: string) {
  return virtualService(
    { hosts, http: [{ name, route: [{ destination: { host: 'target' } }] }] },
    { name, namespace, ...(created === undefined ? {} : { creationTimestamp: created }) },
  );
}

const routeOf = (
  router: ReturnType<typeof compiled>,
  service: string,
  authority = service,
): string => router.route(request({ service, authority }), half).route;

test('hosts: short, namespaced and full names mean the same service', () => {
  for (const host of [
    'reviews',
    'reviews.default',
    'reviews.default.svc',
    'REVIEWS.default.svc.cluster.local.',
  ]) {
    expect(routeOf(compiled([named('a', [host])]), 'reviews.default')).toBe('a');
  }
});

test('hosts: a short name is of the namespace of the rule, not of the caller', () => {
  const router = compiled([named('a', ['reviews'], 'prod')], { namespaces: ['prod'] });
  expect(routeOf(router, 'reviews.prod')).toBe('a');
  expect(routeOf(router, 'reviews.default', 'reviews')).toBe('default');
  const { destination } = router.route(request({ service: 'reviews.prod' }), half) as {
    destination: { service: string };
  };
  expect(destination.service).toBe('target.prod');
});

test('hosts: exact beats wildcard, and the longest wildcard wins', () => {
  const router = compiled([
    named('all', ['*.cluster.local']),
    named('namespace', ['*.default.svc.cluster.local']),
    named('exact', ['reviews']),
    named('outside', ['*.example.com']),
  ]);
  expect(routeOf(router, 'reviews.default', 'reviews')).toBe('exact');
  expect(routeOf(router, 'ratings.default', 'ratings')).toBe('namespace');
  expect(routeOf(router, 'ratings.prod', 'ratings.prod.svc')).toBe('all');
  expect(routeOf(router, 'api.example.com')).toBe('outside');
  expect(routeOf(router, 'example.com')).toBe('default');
});

test('hosts: a wildcard over the mesh does not take outside names of the same shape', () => {
  const router = compiled([named('mesh', ['*.cluster.local'])], { namespaces: ['prod'] });
  expect(routeOf(router, 'example.com')).toBe('default');
  expect(routeOf(router, 'reviews.prod', 'reviews.prod:80')).toBe('mesh');
});

test('hosts: *.namespace and *.namespace.svc mean the services of the namespace', () => {
  for (const host of ['*.prod', '*.prod.svc']) {
    const router = compiled([named('prod', [host])], { namespaces: ['prod'] });
    expect(routeOf(router, 'reviews.prod')).toBe('prod');
    expect(routeOf(router, 'reviews.default', 'reviews')).toBe('default');
  }
});

test('two VirtualServices for one host: the oldest wins and the other is reported', () => {
  const router = compiled([
    named('a-young', ['reviews'], 'default', '2026-02-01T00:00:00Z'),
    named('b-old', ['reviews'], 'default', '2026-01-01T00:00:00Z'),
  ]);
  expect(routeOf(router, 'reviews.default', 'reviews')).toBe('b-old');
  expect(router.problems.map(({ resource }) => resource)).toEqual([
    'VirtualService/default/a-young',
  ]);
});

test('two VirtualServices for one host without times: the first by name wins', () => {
  const router = compiled([named('b', ['reviews']), named('a', ['reviews'])]);
  expect(routeOf(router, 'reviews.default', 'reviews')).toBe('a');
});

test('exportTo: . is the own namespace, * all, and a name that one', () => {
  const exported = (exportTo: string[]): string => {
    const resource = named('a', ['reviews.default'], 'prod');
    return routeOf(
      compiled([{ ...resource, spec: { ...resource.spec, exportTo } }]),
      'reviews.default',
      'reviews',
    );
  };
  expect(exported(['.'])).toBe('default');
  expect(exported(['*'])).toBe('a');
  expect(exported(['default'])).toBe('a');
  expect(exported(['other'])).toBe('default');
});

test('gateways: a VirtualService for other gateways than mesh is left out', () => {
  const bound = (gateways: string[]): string => {
    const resource = named('a', ['reviews']);
    return routeOf(
      compiled([{ ...resource, spec: { ...resource.spec, gateways } }]),
      'reviews.default',
      'reviews',
    );
  };
  expect(bound(['edge'])).toBe('default');
  expect(bound(['edge', 'mesh'])).toBe('a');
});

test('a VirtualService without http routes leaves HTTP to the default', () => {
  expect(subsetOf(compiled([virtualService({ tcp: [{}] })]))).toBe('');
});

test('domain: names below another domain of the mesh', () => {
  const router = compiled([named('a', ['reviews.default.svc.mesh.test'])], { domain: 'mesh.test' });
  expect(routeOf(router, 'reviews.default', 'reviews')).toBe('a');
});

test('hosts no resource names go to the whole service with its policy, the same object every time', () => {
  const router = compiled([
    destinationRule({ host: '*.cluster.local', trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } } }),
  ]);
  const decision = router.route(request(), half);
  expect(decision).toMatchObject({
    kind: 'forward',
    route: 'default',
    destination: { service: 'reviews.default', policy: { tls: { mode: 'mesh' } } },
  });
  expect(router.route(request(), half)).toBe(decision);
  const outside = router.route(request({ service: 'example.com', authority: 'example.com' }), half);
  expect(outside).toMatchObject({ destination: { service: 'example.com', policy: {} } });
});

test('any number of outside hosts does not grow the table beyond its bound', () => {
  const router = compiled([]);
  const first = router.route(
    request({ service: 'h.example.com', authority: 'h.example.com' }),
    half,
  );
  for (let i = 0; i < 30_000; i += 1) {
    const host = `h${i}.example.com`;
    router.route(request({ service: host, authority: host }), half);
  }
  // The first was dropped to make room, so it is a new object now.
  expect(
    router.route(request({ service: 'h.example.com', authority: 'h.example.com' }), half),
  ).not.toBe(first);
});

test('the namespace of the workload makes its neighbours known', () => {
  const prod = createWorkload({ service: 'orders', namespace: 'prod' });
  const router = compiled([named('a', ['*.prod.svc.cluster.local'], 'prod')], { workload: prod });
  expect(routeOf(router, 'reviews.prod')).toBe('a');
});

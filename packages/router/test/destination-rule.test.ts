import type { DestinationRule, TrafficPolicy } from '@inmesh/config';
import { createWorkload, type DestinationPolicy } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import {
  compiled,
  destinationRule,
  forwarded,
  half,
  request,
  serviceEntry,
  to,
  virtualService,
} from './fixtures.ts';

function policyOf(
  rules: readonly DestinationRule[],
  subset?: string,
  port?: number,
  options = {},
): DestinationPolicy {
  const router = compiled([virtualService({ http: [{ route: [to(subset)] }] }), ...rules], options);
  return forwarded(router.route(request({ port }), half)).destination.policy;
}
const policy = (trafficPolicy: TrafficPolicy): DestinationPolicy =>
  policyOf([destinationRule({ trafficPolicy })]);

test('loadBalancer.simple', () => {
  const kind = (
    simple: 'RANDOM' | 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'LEAST_CONN' | 'UNSPECIFIED',
  ) => policy({ loadBalancer: { simple } }).balancer?.kind;
  expect(kind('RANDOM')).toBe('random');
  expect(kind('ROUND_ROBIN')).toBe('round-robin');
  expect(kind('LEAST_REQUEST')).toBe('least-request');
  expect(kind('LEAST_CONN')).toBe('least-request');
  expect(kind('UNSPECIFIED')).toBeUndefined();
});

test('loadBalancer.consistentHash by header, cookie, query parameter and source', () => {
  const hashOn = (consistentHash: object): unknown =>
    (policy({ loadBalancer: { consistentHash } }).balancer as { hashOn: unknown }).hashOn;
  expect(hashOn({ httpHeaderName: 'X-User' })).toEqual({ kind: 'header', name: 'x-user' });
  expect(hashOn({ httpCookie: { name: 'u', path: '/', ttl: '0s' } })).toEqual({
    kind: 'cookie',
    name: 'u',
    path: '/',
    ttlMs: 0,
  });
  expect(hashOn({ httpQueryParameterName: 'q' })).toEqual({ kind: 'query', name: 'q' });
  expect(hashOn({ useSourceIp: true })).toEqual({ kind: 'source' });
});

test('loadBalancer.consistentHash algorithms: ringHash by default, maglev', () => {
  const balancer = (extra: object): unknown =>
    policy({ loadBalancer: { consistentHash: { useSourceIp: true, ...extra } } }).balancer;
  expect(balancer({})).toMatchObject({ kind: 'ring-hash', minRingSize: 1024 });
  expect(balancer({ ringHash: { minimumRingSize: 64 } })).toMatchObject({ minRingSize: 64 });
  expect(balancer({ maglev: {} })).toMatchObject({ kind: 'maglev', tableSize: 65_537 });
});

test('loadBalancer.warmup', () => {
  expect(policy({ loadBalancer: { warmup: { duration: '60s' } } }).warmup).toEqual({
    durationMs: 60_000,
    minRatio: 0.1,
    aggression: 1,
  });
});

test('loadBalancer.localityLbSetting: distribute in shares, failover, failoverPriority, enabled', () => {
  const locality = (localityLbSetting: object): unknown =>
    policy({ loadBalancer: { localityLbSetting } }).locality;
  expect(locality({ distribute: [{ from: 'a/*', to: { 'a/1/*': 80, 'a/2/*': 20 } }] })).toEqual({
    enabled: true,
    distribute: [{ from: 'a/*', to: { 'a/1/*': 0.8, 'a/2/*': 0.2 } }],
  });
  expect(locality({ failover: [{ from: 'a', to: 'b' }] })).toMatchObject({
    failover: [{ from: 'a', to: 'b' }],
  });
  expect(locality({ failoverPriority: ['zone'] })).toMatchObject({ failoverPriority: ['zone'] });
  expect(locality({ enabled: false })).toEqual({ enabled: false });
});

test('outlierDetection alone switches fail-over between localities on', () => {
  expect(policy({ outlierDetection: {} }).locality).toEqual({ enabled: true });
});

test('connectionPool.tcp and connectionPool.http', () => {
  const { pool } = policy({
    connectionPool: {
      tcp: {
        maxConnections: 5,
        connectTimeout: '1s',
        maxConnectionDuration: '1h',
        idleTimeout: '9s',
      },
      http: {
        http1MaxPendingRequests: 2,
        http2MaxRequests: 3,
        maxRequestsPerConnection: 4,
        idleTimeout: '30s',
      },
    },
  });
  expect(pool).toEqual({
    maxConnections: 5,
    connectTimeoutMs: 1000,
    maxConnectionAgeMs: 3_600_000,
    maxPending: 2,
    maxRequests: 3,
    maxRequestsPerConnection: 4,
    idleTimeoutMs: 30_000,
  });
});

/** What Envoy has and Istio switches off. */
const ratesOff = {
  successRateFactor: 0,
  failureRatio: 0,
  rateMinEndpoints: 5,
  rateMinRequests: 100,
  probeIntervalMs: 0,
  probePath: '/healthz',
};

test("outlierDetection: Istio's defaults, and every field", () => {
  expect(policy({ outlierDetection: {} }).outlier).toEqual({
    consecutive5xx: 5,
    consecutiveGatewayErrors: 0,
    consecutiveLocalFailures: 5,
    splitLocalFailures: false,
    intervalMs: 10_000,
    baseEjectionMs: 30_000,
    maxEjectionMs: 300_000,
    ...ratesOff,
    maxEjectedRatio: 0.1,
    minHealthyRatio: 0,
  });
  const outlierDetection = {
    consecutive5xxErrors: 1,
    consecutiveGatewayErrors: 2,
    splitExternalLocalOriginErrors: true,
    consecutiveLocalOriginFailures: 3,
    interval: '1s',
    baseEjectionTime: '10m',
    maxEjectionPercent: 50,
    minHealthPercent: 20,
  };
  expect(policy({ outlierDetection }).outlier).toEqual({
    consecutive5xx: 1,
    consecutiveGatewayErrors: 2,
    consecutiveLocalFailures: 3,
    splitLocalFailures: true,
    intervalMs: 1000,
    baseEjectionMs: 600_000,
    maxEjectionMs: 600_000,
    ...ratesOff,
    maxEjectedRatio: 0.5,
    minHealthyRatio: 0.2,
  });
});

test('tls: every mode and its fields', () => {
  const mode = (name: 'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL') =>
    policy({ tls: { mode: name } }).tls?.mode;
  expect(
    ['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'].map((name) => mode(name as 'DISABLE')),
  ).toEqual(['disable', 'simple', 'mutual', 'mesh']);
  const tls = {
    mode: 'MUTUAL',
    sni: 's',
    subjectAltNames: ['a'],
    caCertificates: '/ca',
    clientCertificate: '/cert',
    privateKey: '/key',
    insecureSkipVerify: false,
  } as const;
  expect(policy({ tls }).tls).toEqual({
    mode: 'mutual',
    sni: 's',
    subjectAltNames: ['a'],
    caFile: '/ca',
    certFile: '/cert',
    keyFile: '/key',
    insecureSkipVerify: false,
  });
});

test('tls: an unknown mode is refused, because a guess could mean plain text', () => {
  expect(() => policy({ tls: { mode: 'STRICT' as 'MUTUAL' } })).toThrow(/unknown TLS mode STRICT/);
});

test('retryBudget', () => {
  expect(policy({ retryBudget: {} }).retryBudget).toEqual({ ratio: 0.2, minPerSecond: 3 });
  expect(
    policy({ retryBudget: { percent: 50, minRetryConcurrency: 1, budgetInterval: '1s' } })
      .retryBudget,
  ).toEqual({ ratio: 0.5, minPerSecond: 1, ttlMs: 1000 });
});

const layered = destinationRule({
  trafficPolicy: {
    loadBalancer: { simple: 'RANDOM' },
    outlierDetection: {},
    portLevelSettings: [{ port: { number: 9080 }, connectionPool: { tcp: { maxConnections: 9 } } }],
  },
  subsets: [
    { name: 'v1', labels: { version: 'v1' } },
    {
      name: 'v2',
      labels: { version: 'v2' },
      trafficPolicy: {
        loadBalancer: { simple: 'ROUND_ROBIN' },
        portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'DISABLE' } }],
      },
    },
  ],
});

test('subsets: the policy of the rule is inherited component by component', () => {
  expect(policyOf([layered], 'v1', 8080)).toEqual(policyOf([layered], undefined, 8080));
  const v2 = policyOf([layered], 'v2', 8080);
  expect(v2.balancer?.kind).toBe('round-robin');
  expect(v2.outlier).toBeDefined();
});

test('portLevelSettings replace everything, and what they leave out is at its default', () => {
  expect(policyOf([layered], undefined, 9080)).toEqual({ pool: { maxConnections: 9 } });
  expect(policyOf([layered], 'v1', 9080)).toEqual({ pool: { maxConnections: 9 } });
  expect(policyOf([layered], 'v2', 9080)).toEqual({
    balancer: { kind: 'round-robin' },
    pool: { maxConnections: 9 },
  });
  expect(policyOf([layered], 'v2', 80)).toEqual({ tls: { mode: 'disable' } });
});

test('portLevelSettings for 80 hold for a URL without a port', () => {
  expect(policyOf([layered], 'v2')).toEqual({ tls: { mode: 'disable' } });
});

test('subsets[].labels select the endpoints', () => {
  const router = compiled([virtualService({ http: [{ route: [to('v2')] }] }), layered]);
  expect(forwarded(router.route(request(), half)).destination.labels).toEqual({ version: 'v2' });
});

test('a subset policy holds only where a route names the subset', () => {
  expect(policyOf([layered], undefined, 8080).balancer?.kind).toBe('random');
});

test('two rules for one host: subsets are put together, the first policy holds', () => {
  const meta = (name: string, day: number) => ({
    name,
    creationTimestamp: `2026-01-0${day}T00:00:00Z`,
  });
  const old = destinationRule(
    {
      trafficPolicy: { loadBalancer: { simple: 'RANDOM' } },
      subsets: [{ name: 'v1', labels: { version: 'old' } }],
    },
    meta('b', 1),
  );
  const young = destinationRule(
    {
      trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN' } },
      subsets: [
        { name: 'v1', labels: { version: 'young' } },
        { name: 'v2', labels: { version: 'v2' } },
      ],
    },
    meta('a', 2),
  );
  const labels = (subset: string): unknown =>
    forwarded(
      compiled([virtualService({ http: [{ route: [to(subset)] }] }), young, old]).route(
        request(),
        half,
      ),
    ).destination.labels;
  expect(labels('v1')).toEqual({ version: 'old' });
  expect(labels('v2')).toEqual({ version: 'v2' });
  expect(policyOf([young, old]).balancer?.kind).toBe('random');
});

const tagged = (
  kind: 'RANDOM' | 'ROUND_ROBIN' | 'LEAST_REQUEST',
  host: string,
  namespace: string,
  extra = {},
) =>
  destinationRule(
    { host, trafficPolicy: { loadBalancer: { simple: kind } }, ...extra },
    { name: `${namespace}-${kind.toLowerCase()}`, namespace },
  );

test("the caller's namespace speaks first, then the service's, then the root", () => {
  const caller = createWorkload({ service: 'orders', namespace: 'shop' });
  const full = 'reviews.default.svc.cluster.local';
  const all = [
    tagged('RANDOM', full, 'shop'),
    tagged('ROUND_ROBIN', full, 'default'),
    tagged('LEAST_REQUEST', full, 'istio-system'),
  ];
  const kinds = [0, 1, 2, 3].map(
    (from) => policyOf(all.slice(from), undefined, undefined, { workload: caller }).balancer?.kind,
  );
  expect(kinds).toEqual(['random', 'round-robin', 'least-request', undefined]);
  expect(
    policyOf([tagged('RANDOM', full, 'other')], undefined, undefined, { workload: caller }),
  ).toEqual({});
});

test('rootNamespace may be another', () => {
  const rule = tagged('RANDOM', '*', 'mesh-root');
  expect(policyOf([rule])).toEqual({});
  expect(
    policyOf([rule], undefined, undefined, { rootNamespace: 'mesh-root' }).balancer?.kind,
  ).toBe('random');
});

test('host: exact goes before wildcard, and the longest wildcard wins', () => {
  const rules = [
    tagged('RANDOM', '*.cluster.local', 'default'),
    tagged('ROUND_ROBIN', '*.default.svc.cluster.local', 'default'),
    tagged('LEAST_REQUEST', 'reviews', 'default'),
  ];
  expect(policyOf(rules).balancer?.kind).toBe('least-request');
  expect(policyOf(rules.slice(0, 2)).balancer?.kind).toBe('round-robin');
  expect(policyOf(rules.slice(0, 1)).balancer?.kind).toBe('random');
});

test('exportTo: a rule of the service namespace that is not exported is not seen', () => {
  const caller = createWorkload({ service: 'orders', namespace: 'shop' });
  const full = 'reviews.default.svc.cluster.local';
  const seen = (exportTo: string[]) =>
    policyOf([tagged('RANDOM', full, 'default', { exportTo })], undefined, undefined, {
      workload: caller,
    }).balancer?.kind;
  expect(seen(['.'])).toBeUndefined();
  expect(seen(['shop'])).toBe('random');
});

test('workloadSelector: only for callers with these labels, and before rules for everyone', () => {
  const everyone = tagged('RANDOM', 'reviews', 'default');
  const selected = (app: string) =>
    tagged('ROUND_ROBIN', 'reviews', 'default', { workloadSelector: { matchLabels: { app } } });
  expect(policyOf([everyone, selected('orders')]).balancer?.kind).toBe('round-robin');
  expect(policyOf([everyone, selected('shop')]).balancer?.kind).toBe('random');
});

test('for an outside host the namespace of its ServiceEntry speaks, and its names are checked', () => {
  const rule = destinationRule(
    { host: 'api.example.com', trafficPolicy: { tls: { mode: 'SIMPLE' } } },
    { namespace: 'egress' },
  );
  const entry = serviceEntry({ subjectAltNames: ['san.example.com'] }, { namespace: 'egress' });
  const router = compiled([rule, entry]);
  const { destination } = forwarded(
    router.route(request({ service: 'api.example.com', authority: 'api.example.com' }), half),
  );
  expect(destination.policy.tls).toEqual({ mode: 'simple', subjectAltNames: ['san.example.com'] });
});

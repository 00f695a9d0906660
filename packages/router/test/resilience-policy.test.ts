import type { ResiliencePolicy, ResiliencePolicySpec, ResourceMetadata } from '@inmesh/config';
import { createWorkload, type DestinationPolicy } from '@inmesh/core';
import { type CompiledRouter, update } from '@inmesh/router';
import { expect, test } from '@jest/globals';
import {
  compiled,
  destinationRule,
  forwarded,
  half,
  request,
  to,
  versions,
  virtualService,
} from './fixtures.ts';

function resilience(
  spec: Partial<ResiliencePolicySpec>,
  metadata: Partial<ResourceMetadata> = {},
): ResiliencePolicy {
  return {
    apiVersion: 'inmesh.dev/v1',
    kind: 'ResiliencePolicy',
    metadata: { name: 'reviews', namespace: 'default', ...metadata },
    spec: { host: 'reviews', ...spec },
  };
}

const policyOf = (router: CompiledRouter): DestinationPolicy =>
  forwarded(router.route(request(), half)).destination.policy;
const policy = (spec: Partial<ResiliencePolicySpec>): DestinationPolicy =>
  policyOf(compiled([resilience(spec)]));

test('a part that is there is on with its defaults, so that no caller can contradict it', () => {
  const empty = { breaker: {}, hedge: {}, limit: {}, throttle: {}, silence: {}, aperture: {} };
  expect(policy(empty)).toEqual({
    breaker: {
      minCalls: 20,
      failureRatio: 0.5,
      windowMs: 10_000,
      sleepMs: 5_000,
      probes: 1,
      successesToClose: 1,
    },
    hedge: { percentile: 0.95, maxRatio: 0.05 },
    limit: { minLimit: 4, maxLimit: 1_000, initialLimit: 20, tolerance: 1.5, windowMs: 250 },
    throttle: { factor: 2, maxRatio: 0.9, windowMs: 10_000 },
    silence: { afterMs: 500, latencyFactor: 4, minWaiting: 3 },
    aperture: { endpoints: 20 },
  });
  expect(policy({})).toEqual({});
});

test('percents become shares and durations milliseconds', () => {
  expect(
    policy({
      breaker: { failurePercent: 25, window: '1m', sleep: '2s' },
      hedge: { delay: '30ms', maxPercent: 100 },
      throttle: { maxPercent: 50, window: '2s' },
      silence: { after: '1s' },
      limit: { window: '100ms' },
    }),
  ).toMatchObject({
    breaker: { failureRatio: 0.25, windowMs: 60_000, sleepMs: 2_000 },
    hedge: { delayMs: 30, maxRatio: 1 },
    throttle: { maxRatio: 0.5, windowMs: 2_000 },
    silence: { afterMs: 1_000 },
    limit: { windowMs: 100 },
  });
});

test('what is off is off, whatever the callers say', () => {
  expect(policy({ off: ['breaker', 'hedge', 'silence'] })).toEqual({
    breaker: null,
    hedge: null,
    silence: null,
  });
  const router = compiled([resilience({ off: ['fallbacks', 'requestCache'] })]);
  expect(router.servicePolicy(request())).toEqual({ fallbacks: null, requestCache: null });
});

test('it adds to the DestinationRule of the host, for each of its subsets', () => {
  const rule = destinationRule({
    trafficPolicy: {
      connectionPool: { http: { http2MaxRequests: 7 } },
      outlierDetection: { consecutive5xxErrors: 3 },
    },
    subsets: versions.spec.subsets ?? [],
  });
  const added = resilience({ hedge: {}, probing: { interval: '1s', path: '/ready' } });
  for (const subset of [undefined, 'v1', 'v2']) {
    const http = [{ route: [to(subset)] }];
    expect(policyOf(compiled([virtualService({ http }), rule, added]))).toMatchObject({
      pool: { maxRequests: 7 },
      outlier: { consecutive5xx: 3, probeIntervalMs: 1_000, probePath: '/ready' },
      hedge: { percentile: 0.95 },
    });
  }
});

test('fallbacks are answers, services of the mesh and the last good answer, in their order', () => {
  const router = compiled([
    resilience({
      fallbacks: [
        { lastGood: { maxAge: '1m' } },
        { service: { host: 'archive' } },
        { response: { body: '[]', headers: { 'content-type': 'application/json' } } },
      ],
    }),
  ]);
  expect(router.servicePolicy(request())).toEqual({
    fallbacks: [
      {
        kind: 'last-good',
        key: undefined,
        maxAgeMs: 60_000,
        maxEntries: 100,
        maxBodyBytes: 65_536,
      },
      { kind: 'service', service: 'archive.default', timeoutMs: 1_000 },
      {
        kind: 'value',
        response: { status: 200, headers: { 'content-type': 'application/json' }, body: '[]' },
      },
    ],
  });
});

test("a fallback's short name is of the policy's namespace, for every caller", () => {
  const service = (host: string) =>
    compiled([
      resilience({ fallbacks: [{ service: { host } }] }, { namespace: 'istio-system' }),
    ]).servicePolicy(
      request({ service: 'reviews.istio-system', authority: 'reviews.istio-system.svc' }),
    )?.fallbacks?.[0];
  expect(service('archive')).toMatchObject({ service: 'archive.istio-system' });
  expect(service('archive.prod')).toMatchObject({ service: 'archive.prod' });
  expect(service('archive.prod.svc.cluster.local')).toMatchObject({ service: 'archive.prod' });
});

test("the caller's namespace speaks first, then the service's, then the root; of two in one the oldest", () => {
  const cached = (maxEntries: number, metadata: Partial<ResourceMetadata>) =>
    resilience(
      { host: 'reviews.default.svc.cluster.local', requestCache: { maxEntries } },
      metadata,
    );
  const entries = (...policies: ResiliencePolicy[]): number | undefined =>
    compiled(policies, {
      workload: createWorkload({ service: 'orders', namespace: 'shop' }),
    }).servicePolicy(request({ authority: 'reviews.default.svc.cluster.local' }))?.requestCache
      ?.maxEntries;
  const root = cached(1, { namespace: 'istio-system' });
  const service = cached(2, {});
  const caller = cached(3, { namespace: 'shop', creationTimestamp: '2021-01-01T00:00:00Z' });
  const older = cached(4, {
    name: 'z',
    namespace: 'shop',
    creationTimestamp: '2020-01-01T00:00:00Z',
  });
  expect(entries(root)).toBe(1);
  expect(entries(root, service)).toBe(2);
  expect(entries(root, service, caller)).toBe(3);
  expect(entries(root, service, caller, older)).toBe(4);
});

test('only those that it is exported to and selects see it', () => {
  const seen = (spec: Partial<ResiliencePolicySpec>): boolean =>
    policy({ hedge: {}, ...spec }).hedge !== undefined;
  expect(seen({ workloadSelector: { matchLabels: { app: 'orders' } } })).toBe(true);
  expect(seen({ workloadSelector: { matchLabels: { app: 'shop' } } })).toBe(false);
  expect(seen({ exportTo: ['prod'] })).toBe(false);
});

test('it is explained with the policy that it is part of', () => {
  const router = compiled([versions, resilience({ hedge: {} })]);
  expect(router.explain(request()).text).toContain(
    'policy: DestinationRule/default/reviews, ResiliencePolicy/default/reviews',
  );
});

test('a change reaches the hosts that it names, and leaves the objects of all others', () => {
  const other = resilience({ host: 'ratings', requestCache: {} }, { name: 'ratings' });
  const before = compiled([resilience({ hedge: {} }), other]);
  const ratings = { service: 'ratings.default', authority: 'ratings' };
  const kept = before.servicePolicy(request(ratings));
  const decided = before.route(request(ratings), half);
  const after = update(before, { applied: [resilience({ off: ['hedge'] })] });
  expect(policyOf(before).hedge).toEqual({ percentile: 0.95, maxRatio: 0.05 });
  expect(policyOf(after).hedge).toBeNull();
  expect(after.servicePolicy(request(ratings))).toBe(kept);
  expect(after.route(request(ratings), half)).toBe(decided);
  const gone = update(after, { removed: ['ResiliencePolicy/default/reviews'] });
  expect(policyOf(gone)).toEqual({});
});

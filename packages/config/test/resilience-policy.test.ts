import { validate } from '@inmesh/config';
import { expect, test } from '@jest/globals';
import { problemsOf } from './problems-of.ts';

const policy = (more: object): string[] =>
  problemsOf('ResiliencePolicy', { host: 'reviews', ...more });

test('is of our own group', () => {
  const resource = (apiVersion: string) => ({
    apiVersion,
    kind: 'ResiliencePolicy',
    metadata: { name: 'reviews' },
    spec: { host: 'reviews', hedge: {} },
  });
  expect(validate(resource('inmesh.dev/v1')).problems).toEqual([]);
  expect(validate(resource('networking.istio.io/v1')).problems).toMatchObject([
    { code: 'unsupported_version', path: '/apiVersion' },
  ]);
});

test('names a host and says something of it', () => {
  expect(policy({})).toEqual(['error missing_field /spec']);
  expect(problemsOf('ResiliencePolicy', { hedge: {} })).toEqual(['error missing_field /spec/host']);
  expect(policy({ off: ['silence'] })).toEqual([]);
});

test.each([
  [{ breaker: { failurePercent: 0 } }, 'error invalid_value /spec/breaker/failurePercent'],
  [{ breaker: { minCalls: 0 } }, 'error invalid_value /spec/breaker/minCalls'],
  [{ breaker: { window: '5ms' } }, 'error invalid_value /spec/breaker/window'],
  [{ hedge: { delay: '1s', percentile: 90 } }, 'error conflict /spec/hedge'],
  [{ hedge: { percentile: 100 } }, 'error invalid_value /spec/hedge/percentile'],
  [{ limit: { minLimit: 10, maxLimit: 5 } }, 'error conflict /spec/limit/minLimit'],
  [{ limit: { tolerance: 0.5 } }, 'error invalid_value /spec/limit/tolerance'],
  [{ throttle: { factor: 1 } }, 'error invalid_value /spec/throttle/factor'],
  [{ throttle: { maxPercent: 101 } }, 'error invalid_value /spec/throttle/maxPercent'],
  [{ silence: { latencyFactor: 0.5 } }, 'error invalid_value /spec/silence/latencyFactor'],
  [{ probing: { path: '/ready' } }, 'error missing_field /spec/probing/interval'],
  [{ probing: { interval: '1s', path: '/a b' } }, 'error invalid_value /spec/probing/path'],
  [{ requestCache: { maxEntries: 0 } }, 'error invalid_value /spec/requestCache/maxEntries'],
  [{ fallbacks: [{}] }, 'error missing_field /spec/fallbacks/0'],
  [{ fallbacks: [{ lastGood: {}, response: {} }] }, 'error conflict /spec/fallbacks/0'],
  [
    { fallbacks: [{ service: { host: '*.local' } }] },
    'error invalid_value /spec/fallbacks/0/service/host',
  ],
  [
    { fallbacks: [{ service: { host: 'api.example.com' } }] },
    'error invalid_value /spec/fallbacks/0/service/host',
  ],
  [
    { fallbacks: [{ response: { headers: { 'content-length': '5' } } }] },
    'error invalid_value /spec/fallbacks/0/response/headers/content-length',
  ],
  [
    { fallbacks: [{ response: { headers: { 'x-a': 'a\r\nb: c' } } }] },
    'error invalid_value /spec/fallbacks/0/response/headers/x-a',
  ],
  [{ hedge: {}, off: ['hedge'] }, 'error conflict /spec/off/0'],
  [{ off: ['hedge', 'hedge'] }, 'error duplicate /spec/off/1'],
  [{ off: ['retries'] }, 'error invalid_value /spec/off/0'],
  [
    { hedge: {}, workloadSelector: { matchLabels: { app: 'a' } }, exportTo: ['*'] },
    'error conflict /spec/exportTo/0',
  ],
])('%j is refused at its place', (spec, problem) => {
  expect(policy(spec)).toEqual([problem]);
});

test('a fallback names a service of the mesh, in any of its forms', () => {
  const named = (host: string) => policy({ fallbacks: [{ service: { host } }] });
  for (const host of ['archive', 'archive.prod', 'archive.prod.svc', 'archive.prod.svc.mesh.local'])
    expect(named(host)).toEqual([]);
});

import { MeshError } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import {
  endedAttempt,
  endedCall,
  endedRequest,
  openRecorder,
  reviews,
  reviewsV1,
} from './ended.ts';

test('rates, errors and quantiles of the window, per version and per caller', () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  clock.advance(10_000);
  for (let i = 0; i < 100; i += 1) {
    const endedAt = 10_000 + i * 100;
    const latency = i % 10 === 0 ? 200 : 4;
    const status = i % 4 === 0 ? 503 : 200;
    recorder.callEnded(endedCall({ startedAt: endedAt - latency, endedAt, status }));
    recorder.requestEnded(endedRequest({ startedAt: endedAt - latency, endedAt }));
  }
  clock.advance(10_000);
  const { services, peers } = recorder.snapshot(10_000);
  expect(services).toHaveLength(1);
  expect(services[0]).toMatchObject({
    service: 'reviews.default',
    version: 'v1',
    calls: 100,
    errors: 25,
  });
  expect(services[0]?.errorRatio).toBeCloseTo(0.25);
  expect(services[0]?.callsPerSecond).toBeCloseTo(10);
  expect(Math.abs((services[0]?.p50Ms ?? 0) / 4 - 1)).toBeLessThan(0.07);
  expect(Math.abs((services[0]?.p99Ms ?? 0) / 200 - 1)).toBeLessThan(0.07);
  expect(peers).toEqual([expect.objectContaining({ service: 'productpage.default', calls: 100 })]);
});

test('traffic leaves the window as time goes by', () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  recorder.callEnded(endedCall());
  clock.advance(5_000);
  expect(recorder.snapshot(10_000).services).toHaveLength(1);
  clock.advance(20_000);
  expect(recorder.snapshot(10_000).services).toHaveLength(0);
});

test('a rate right after the start is not thinned by the time before it', () => {
  using under = openRecorder();
  for (let i = 0; i < 20; i += 1) under.recorder.callEnded(endedCall({ startedAt: 1, endedAt: 2 }));
  under.clock.advance(2_000);
  expect(under.recorder.snapshot(60_000).services[0]?.callsPerSecond).toBeCloseTo(10);
});

test('an endpoint shows its attempts and its state, tried or not', () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const idle = reviews('v2', { port: 9_081 });
  for (const endpoint of [reviewsV1, idle]) recorder.event({ kind: 'endpoint-added', endpoint });
  recorder.event({
    kind: 'endpoint-ejected',
    endpoint: idle,
    reason: 'consecutive 5xx',
    forMs: 30_000,
  });
  recorder.attemptEnded(endedAttempt({ status: 0, flag: 'UF' }));
  recorder.attemptEnded(endedAttempt({ endpoint: reviews('v1', { port: 9_999 }) }));
  clock.advance(2_000);
  const rows = recorder.snapshot(10_000).endpoints;
  expect(
    rows.map(({ endpoint, version, state, calls, errors }) => [
      endpoint,
      version,
      state,
      calls,
      errors,
    ]),
  ).toEqual([
    ['reviews.default/127.0.0.1:9080', 'v1', 'known', 1, 1],
    ['reviews.default/127.0.0.1:9999', 'v1', 'gone', 1, 0],
    ['reviews.default/127.0.0.1:9081', 'v2', 'ejected', 0, 0],
  ]);
});

test('a caller that went away is no error of whom it called', () => {
  using under = openRecorder();
  under.recorder.callEnded(endedCall({ status: 0, flag: 'DC' }));
  under.recorder.callEnded(endedCall({ status: 0, flag: 'UT' }));
  under.clock.advance(2_000);
  expect(under.recorder.snapshot(10_000).services[0]).toMatchObject({ calls: 2, errors: 1 });
});

test('windows that are not kept are refused', () => {
  using under = openRecorder();
  for (const windowMs of [0, 999, 60_001, Number.NaN]) {
    expect(() => under.recorder.snapshot(windowMs)).toThrow(MeshError);
  }
});

test('breakers, ejections and the registry are as their last events say', () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const service = 'reviews.default';
  recorder.event({ kind: 'breaker-changed', service, subset: '', from: 'closed', to: 'open' });
  recorder.event({ kind: 'breaker-changed', service, subset: '', from: 'open', to: 'half-open' });
  recorder.event({ kind: 'endpoint-ejected', endpoint: reviewsV1, reason: '5xx', forMs: 30_000 });
  recorder.event({ kind: 'endpoint-restored', endpoint: reviewsV1 });
  recorder.event({ kind: 'registry-found', server: 'http://127.0.0.1:8761' });
  clock.advance(500);
  recorder.event({
    kind: 'registry-lost',
    error: new MeshError('registry_unavailable', 'gone\r\n\u001b[31m'),
  });
  expect([...recorder.mesh.breakers]).toEqual([
    { service, subset: '', state: 'half-open', since: 0, opened: 1 },
  ]);
  expect([...recorder.mesh.ejections]).toEqual([]);
  expect([...recorder.mesh.ejectionCounts]).toEqual([[service, 1]]);
  expect(recorder.mesh.registry).toEqual({
    name: 'lost',
    reason: 'gone\\u000d\\u000a\\u001b[31m',
    since: 500,
  });
});

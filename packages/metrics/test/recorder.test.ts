import { MeshError } from '@inmesh/core';
import { createRecorder } from '@inmesh/metrics';
import { expect, test } from '@jest/globals';
import {
  endedAttempt,
  endedCall,
  endedRequest,
  openRecorder,
  orders,
  reviews,
  reviewsV1,
} from './ended.ts';

test('calls with the same labels share one series, others get their own', () => {
  using under = openRecorder();
  const { recorder } = under;
  recorder.callEnded(endedCall());
  recorder.callEnded(endedCall({ path: '/ratings/8', endedAt: 1_020 }));
  recorder.callEnded(endedCall({ status: 503, flag: 'URX' }));
  recorder.callEnded(endedCall({ route: 'canary' }));
  recorder.callEnded(endedCall());
  const series = [...recorder.series()];
  expect(series.map(({ labels }) => [labels.route, labels.status, labels.flag])).toEqual([
    ['default', 200, '-'],
    ['default', 503, 'URX'],
    ['canary', 200, '-'],
  ]);
  expect(series[0]?.durationMs.count).toBe(3);
  expect(series[0]?.durationMs.sum).toBe(26);
  expect(series[0]?.responseBytes.sum).toBe(2_100);
});

test('both endpoints of one version count in one series', () => {
  using under = openRecorder();
  under.recorder.callEnded(endedCall({ endpoint: reviews('v1', { port: 1 }) }));
  under.recorder.callEnded(endedCall({ endpoint: reviews('v1', { port: 2 }) }));
  under.recorder.callEnded(endedCall({ endpoint: reviews('v2', { port: 3 }) }));
  const counts = [...under.recorder.series()].map((s) => [
    s.labels.destination.version,
    s.durationMs.count,
  ]);
  expect(counts).toEqual([
    ['v1', 2],
    ['v2', 1],
  ]);
});

test('a call that reached nobody names the service and no workload', () => {
  using under = openRecorder();
  under.recorder.callEnded(endedCall({ endpoint: undefined, status: 503, flag: 'UH' }));
  const [series] = under.recorder.series();
  expect(series?.labels.destination).toEqual({
    service: 'reviews.default',
    workload: '',
    version: '',
    principal: '',
  });
});

test('principals are there under mutual TLS only, and an end user is never a label', () => {
  using under = openRecorder();
  const peer = {
    spiffeId: 'spiffe://cluster.local/ns/default/sa/web',
    trustDomain: 'cluster.local',
    namespace: 'default',
    serviceAccount: 'web',
  };
  under.recorder.callEnded(endedCall({ mutualTls: true }));
  under.recorder.requestEnded(endedRequest({ mutualTls: true, peer, principal: 'issuer/alice' }));
  under.recorder.requestEnded(endedRequest());
  const [call, request, plain] = under.recorder.series();
  expect(call?.labels.source.principal).toBe('spiffe://cluster.local/ns/default/sa/default');
  expect(request?.labels.source.principal).toBe(peer.spiffeId);
  expect(plain?.labels.source.principal).toBe('');
  expect(JSON.stringify([...under.recorder.series()].map((s) => s.labels))).not.toContain('alice');
});

test('methods that are not known are one: _OTHER', () => {
  using under = openRecorder();
  for (let i = 0; i < 100; i += 1) under.recorder.requestEnded(endedRequest({ method: `M${i}` }));
  const series = [...under.recorder.series()];
  expect(series.map(({ labels, durationMs }) => [labels.method, durationMs.count])).toEqual([
    ['_OTHER', 100],
  ]);
});

test('a status outside 0..999 counts as no answer', () => {
  using under = openRecorder();
  for (const status of [Number.NaN, -1, 1_000, 0]) under.recorder.callEnded(endedCall({ status }));
  expect([...under.recorder.series()].map((s) => [s.labels.status, s.durationMs.count])).toEqual([
    [0, 4],
  ]);
});

test('attempts are counted apart from calls, retries apart from first tries', () => {
  using under = openRecorder();
  const { recorder } = under;
  recorder.attemptEnded(endedAttempt({ status: 503 }));
  recorder.attemptEnded(endedAttempt({ number: 2 }));
  recorder.callEnded(endedCall({ attempts: 2 }));
  expect(
    [...recorder.attempts()].map(({ labels, count, retries }) => [labels.status, count, retries]),
  ).toEqual([
    [503, 1, 0],
    [200, 1, 1],
  ]);
  expect([...recorder.series()].map((s) => s.durationMs.count)).toEqual([1]);
});

test('options out of their range are refused with name and value', () => {
  const make = (maxSeries: number) => () => createRecorder({ workload: orders, maxSeries });
  expect(make(0)).toThrow('maxSeries must be a whole number within 1..100000, got 0');
  expect(make(Number.NaN)).toThrow(MeshError);
});

test('after close it still counts what ends late, and closing again does nothing', () => {
  using under = openRecorder();
  under.recorder.close();
  under.recorder.close();
  under.recorder.callEnded(endedCall());
  expect([...under.recorder.series()]).toHaveLength(1);
  expect(under.recorder.process()).toBeUndefined();
});

test('an endpoint that serves under another name is counted under the name that was called', () => {
  using under = openRecorder();
  under.recorder.callEnded(endedCall({ endpoint: reviewsV1 }));
  under.recorder.callEnded(endedCall({ endpoint: reviewsV1, service: 'alias.default' }));
  under.recorder.callEnded(endedCall({ endpoint: reviewsV1 }));
  expect(
    [...under.recorder.series()].map((s) => [s.labels.destination.service, s.durationMs.count]),
  ).toEqual([
    ['reviews.default', 2],
    ['alias.default', 1],
  ]);
});

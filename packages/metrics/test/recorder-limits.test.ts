import type { EndedCall, EndedRequest } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import { endedAttempt, endedCall, endedRequest, openRecorder, reviews } from './ended.ts';

test('hostile case 54: random routes and peers stop at the cap and are counted as other', () => {
  using under = openRecorder({ maxSeries: 50, maxEdges: 10 });
  const { recorder } = under;
  for (let i = 0; i < 5_000; i += 1) {
    recorder.requestEnded(endedRequest({ route: `/r${i}`, peerService: `p${i}.default` }));
  }
  const series = [...recorder.series()];
  expect(series).toHaveLength(51);
  expect(series.at(-1)?.labels.route).toBe('other');
  expect(series.reduce((sum, { durationMs }) => sum + durationMs.count, 0)).toBe(5_000);
  const requests = recorder.use().find(({ kind }) => kind === 'requests');
  expect(requests).toEqual({ kind: 'requests', size: 50, overflowed: 4_950 });
});

test('peers beyond their cap become other before they use up the room for series', () => {
  using under = openRecorder({ maxSeries: 50, maxEdges: 10 });
  for (let i = 0; i < 1_000; i += 1) {
    under.recorder.requestEnded(endedRequest({ peerService: `p${i}.default` }));
  }
  const series = [...under.recorder.series()];
  expect(series).toHaveLength(11);
  expect(series.at(-1)?.labels.source.service).toBe('other');
  expect(series.at(-1)?.durationMs.count).toBe(990);
});

test('hostile case 54: tags made of headers stop at the cap, and untagged sides are as before', () => {
  using under = openRecorder({ maxSeries: 20 });
  const { recorder } = under;
  const tenant = {
    name: 'tenant',
    of: (ended: EndedCall | EndedRequest) => ended.header('x') ?? '',
  };
  recorder.useTags({ client: [], server: [tenant] });
  for (let i = 0; i < 300; i += 1) {
    recorder.requestEnded(endedRequest({ header: () => `t${i % 100}\r\n` }));
    recorder.callEnded(endedCall({ header: () => `t${i}` }));
  }
  const series = [...recorder.series()];
  const served = series.filter(({ labels }) => labels.direction === 'inbound');
  expect(series.length - served.length).toBe(1);
  expect(served).toHaveLength(21);
  expect(served[0]?.labels.tags).toEqual({ tenant: 't0\\u000d\\u000a' });
  expect(served[0]?.durationMs.count).toBe(3);
  expect(served.at(-1)?.labels.tags).toEqual({});
  recorder.useTags({ client: [], server: [] });
  recorder.requestEnded(endedRequest());
  expect(served.at(-1)?.durationMs.count).toBe(300 - 20 * 3 + 1);
});

test('inbound floods take no room from outbound series', () => {
  using under = openRecorder({ maxSeries: 20 });
  for (let i = 0; i < 100; i += 1) under.recorder.requestEnded(endedRequest({ route: `/r${i}` }));
  under.recorder.callEnded(endedCall());
  expect([...under.recorder.series()][0]?.labels.direction).toBe('outbound');
  expect([...under.recorder.series()][0]?.durationMs.count).toBe(1);
});

test('what was idle gives way when the room is used up, and what is busy stays', () => {
  using under = openRecorder({ maxSeries: 3, idleMs: 60_000 });
  const { recorder } = under;
  for (const route of ['a', 'b', 'busy']) recorder.callEnded(endedCall({ route }));
  recorder.callEnded(endedCall({ route: 'busy', startedAt: 80_000, endedAt: 80_001 }));
  recorder.callEnded(endedCall({ route: 'new', startedAt: 90_000, endedAt: 90_001 }));
  recorder.callEnded(endedCall({ route: 'a', startedAt: 90_002, endedAt: 90_003 }));
  expect([...recorder.series()].map((s) => [s.labels.route, s.durationMs.count])).toEqual([
    ['busy', 2],
    ['new', 1],
    ['a', 1],
  ]);
});

test('labels of 10 kB that differ at their end are one series, cut, and not kept raw', () => {
  using under = openRecorder();
  const long = 'x'.repeat(10_000);
  for (let i = 0; i < 50; i += 1) {
    under.recorder.requestEnded(endedRequest({ route: long + i, peerService: long + i }));
  }
  const series = [...under.recorder.series()];
  expect(series).toHaveLength(1);
  expect(series[0]?.labels.route).toHaveLength(256);
  expect(series[0]?.durationMs.count).toBe(50);
});

test('hostile case 75: a hundred thousand births and deaths of endpoints leave nothing behind', () => {
  using under = openRecorder({ maxEdges: 64 });
  const { recorder } = under;
  for (let i = 0; i < 100_000; i += 1) {
    const endpoint = reviews('v1', { id: `reviews/${i}` });
    recorder.event({ kind: 'endpoint-added', endpoint });
    if (i % 10 === 0) {
      recorder.event({ kind: 'endpoint-ejected', endpoint, reason: '5xx', forMs: 1_000 });
      recorder.attemptEnded(endedAttempt({ endpoint }));
      recorder.callEnded(endedCall({ endpoint }));
    }
    recorder.event({ kind: 'endpoint-removed', endpoint });
  }
  expect([...recorder.mesh.endpoints]).toEqual([]);
  expect([...recorder.mesh.ejections]).toEqual([]);
  expect([...recorder.series()]).toHaveLength(1);
  const use = new Map(
    recorder.use().map(({ kind, size, overflowed }) => [kind, [size, overflowed]]),
  );
  expect(use.get('endpoints')).toEqual([0, 0]);
  expect(use.get('services')).toEqual([1, 0]);
});

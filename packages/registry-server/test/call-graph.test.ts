import { expect, test } from '@jest/globals';
import { buildGraph } from '../src/graph/build-graph.ts';
import { readHistory } from '../src/graph/read-history.ts';
import { declareEndpoint } from '../src/state/declare-endpoint.ts';
import { calls, createGraph, edgeTo, reportOf } from './graph-fixture.ts';
import { reviews } from './registry-fixture.ts';

test('an edge has the rates, errors and quantiles of the window that every report has reached', () => {
  const { clock, state, sink, open } = createGraph();
  const seconds = [calls(30, { ago: 1, ms: 10 }), calls(30, { errors: 15, ms: 100 })];
  sink.take(
    open('orders.default'),
    reportOf('orders.default', [edgeTo('reviews.default', { seconds, mutualTls: 30 })]),
  );
  clock.advance(10_000);
  const graph = buildGraph(sink, state, 1);
  expect(graph).toMatchObject({ windowMs: 30_000, lagMs: 4_000, overflowed: 0 });
  expect(graph.edges).toHaveLength(1);
  const [edge] = graph.edges;
  expect(edge).toMatchObject({
    source: { service: 'orders.default', version: 'v1' },
    destination: { service: 'reviews.default', version: 'v1' },
    callsPerSecond: 2,
    errorRatio: 0.25,
    mutualTlsRatio: 0.5,
    idleMs: 10_000,
  });
  expect(edge?.p50Ms).toBe(10.5);
  expect(edge?.p99Ms).toBeGreaterThan(94);
  expect(edge?.p99Ms).toBeLessThan(106);
});

test('processes of one version add up, and those of another are an edge of their own', () => {
  const { clock, state, sink, open } = createGraph();
  for (const version of ['v1', 'v1', 'v2']) {
    const edges = [edgeTo('reviews.default', { seconds: [calls(30)] })];
    sink.take(open('orders.default'), reportOf('orders.default', edges, { version }));
  }
  clock.advance(5_000);
  const { edges, nodes } = buildGraph(sink, state, 1);
  expect(edges.map(({ source, callsPerSecond }) => [source.version, callsPerSecond])).toEqual([
    ['v1', 2],
    ['v2', 1],
  ]);
  expect(nodes.find(({ service }) => service === 'reviews.default')?.callsPerSecond).toBe(3);
});

test('a call that both ends report is counted once, as its caller saw it', () => {
  const { clock, state, sink, open } = createGraph();
  const callee = open('reviews.default');
  const caller = open('orders.default');
  const seen = edgeTo('orders.default', { seenBy: 'destination', seconds: [calls(30)] });
  sink.take(callee, reportOf('reviews.default', [seen]));
  const edges = [edgeTo('reviews.default', { seconds: [calls(60)] })];
  sink.take(caller, reportOf('orders.default', edges));
  state.closeSession(caller);
  sink.take(callee, reportOf('reviews.default', [seen]));
  clock.advance(5_000);
  const graph = buildGraph(sink, state, 1);
  expect(graph.edges.map(({ callsPerSecond }) => callsPerSecond)).toEqual([2]);
});

test('a caller that does not report is known from those that it calls', () => {
  const { clock, state, sink, open } = createGraph();
  const fromOutside = edgeTo('', { seenBy: 'destination', peerVersion: '', seconds: [calls(30)] });
  sink.take(open('page.default'), reportOf('page.default', [fromOutside]));
  clock.advance(5_000);
  const { edges, nodes } = buildGraph(sink, state, 1);
  expect(edges).toMatchObject([
    { source: { service: '' }, destination: { service: 'page.default' } },
  ]);
  expect(nodes.map(({ service, kind }) => [service, kind])).toEqual([
    ['page.default', 'service'],
    ['', 'unknown'],
  ]);
});

test('nodes tell endpoints, processes, breakers and ejections, and what is outside', () => {
  const { state, sink, open } = createGraph();
  const session = open('orders.default');
  const declared = { ...reviews, labels: { version: 'v1' } };
  state.register(session, declareEndpoint('r1', declared), undefined);
  state.register(session, declareEndpoint('r2', { ...declared, status: 'draining' }), undefined);
  const edges = [edgeTo('api.example.com', { peerVersion: '' }), edgeTo('gone.default')];
  sink.take(
    session,
    reportOf('orders.default', edges, {
      state: {
        breakers: [{ service: 'reviews.default', subset: '', state: 'open' }],
        ejections: [{ service: 'reviews.default', endpoint: 'r1', reason: '5xx' }],
        limits: [],
        certificate: null,
      },
    }),
  );
  const { nodes } = buildGraph(sink, state, 1);
  const node = (service: string) => nodes.find((each) => each.service === service);
  expect(node('reviews.default')).toMatchObject({
    kind: 'service',
    version: 'v1',
    endpoints: 2,
    up: 1,
  });
  expect(node('orders.default')).toMatchObject({ reporters: 1, openBreakers: 1, ejections: 1 });
  expect(node('gone.default')?.kind).toBe('service');
  expect(node('api.example.com')?.kind).toBe('outside');
  state.closeSession(session);
  expect(buildGraph(sink, state, 2).nodes.map(({ reporters }) => reporters)).not.toContain(1);
});

test('the last five minutes are kept by the second, and stay as they were once they are sealed', () => {
  const { clock, sink, open } = createGraph();
  const session = open('orders.default');
  for (let second = 1; second <= 200; second += 1) {
    const edges = [
      edgeTo('reviews.default', { seconds: [calls(second, { errors: 1, ms: second })] }),
    ];
    sink.take(session, reportOf('orders.default', edges, { second }));
    clock.advance(1_000);
  }
  clock.advance(2_000);
  const history = readHistory(sink, 'reviews.default', '5m');
  expect(history).toMatchObject({ stepMs: 1_000, steps: 300, endsAgoMs: 3_000 });
  const [version] = history.versions;
  expect(version?.calls.slice(-200)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  expect(version?.calls.slice(0, 100)).toEqual(Array(100).fill(0));
  expect(version?.errors.at(-1)).toBe(1);
  for (const latencyMs of [20, 180]) {
    const at = version?.p50Ms[299 - 200 + latencyMs] as number;
    expect(Math.abs(at / latencyMs - 1)).toBeLessThan(0.07);
  }
  expect(version?.p99Ms[0]).toBeNull();
  expect(history.edges).toMatchObject([{ source: { service: 'orders.default' } }]);
});

test('the last hour is kept by the minute', () => {
  const { clock, sink, open } = createGraph();
  const session = open('orders.default');
  for (let minute = 0; minute < 70; minute += 1) {
    const edges = [edgeTo('reviews.default', { seconds: [calls(minute + 1)] })];
    sink.take(session, reportOf('orders.default', edges, { second: 60 * minute }));
    clock.advance(60_000);
  }
  const [version] = readHistory(sink, 'reviews.default', '1h').versions;
  expect(version?.calls).toHaveLength(60);
  expect(version?.calls.at(-1)).toBe(70);
  expect(version?.calls[0]).toBe(11);
  expect(version?.p50Ms[0]).toBe(10.5);
});

test('however many edges are reported, only so many are kept, and the rest is counted together', () => {
  const { clock, state, sink, open } = createGraph({ maxEdges: 10 });
  const session = open('orders.default');
  for (let round = 0; round < 2; round += 1) {
    const edges = Array.from({ length: 50 }, (_, i) =>
      edgeTo(`s${i}.default`, { seconds: [calls(3)] }),
    );
    sink.take(session, reportOf('orders.default', edges, { second: 7 + round }));
    clock.advance(1_000);
  }
  clock.advance(5_000);
  const graph = buildGraph(sink, state, 1);
  expect(graph.edges).toHaveLength(11);
  expect(graph.overflowed).toBe(80);
  expect(graph.edges.at(-1)).toMatchObject({
    source: { service: 'other' },
    destination: { service: 'other' },
    callsPerSecond: (2 * 40 * 3) / 30,
  });
});

test('an edge that was idle for an hour is forgotten', () => {
  const { clock, sink, open } = createGraph();
  const session = open('orders.default');
  sink.take(session, reportOf('orders.default', [edgeTo('reviews.default')]));
  expect(sink.traffic.size).toBe(1);
  clock.advance(3_700_000);
  sink.take(session, reportOf('orders.default', [], { second: 3_707 }));
  expect(sink.traffic.size).toBe(0);
});

test('a hundred reports a second come in, of however many processes, and none waits beyond half a minute', () => {
  const { sink, open } = createGraph();
  const asked: number[] = [];
  for (let i = 1; i <= 4_000; i += 1) {
    const { nextInMs } = sink.take(open('orders.default'), reportOf('orders.default', []));
    if ([1, 200, 300, 1_000, 3_000, 4_000].includes(i)) asked.push(nextInMs);
  }
  expect(asked).toEqual([2_000, 2_000, 3_000, 10_000, 30_000, 30_000]);
});

test('reports that come half a minute apart tell every second, and the window waits for them', () => {
  const { clock, state, sink, open } = createGraph();
  const session = open('orders.default');
  for (let i = 0; i < 3_000; i += 1) sink.take(open('idle.default'), reportOf('idle.default', []));
  for (const second of [100, 130, 160]) {
    const seconds = Array.from({ length: 30 }, (_, i) => calls(2, { ago: 29 - i, ms: 10 + i }));
    const edges = [edgeTo('reviews.default', { seconds })];
    sink.take(session, reportOf('orders.default', edges, { second }));
    clock.advance(30_000);
  }
  const graph = buildGraph(sink, state, 1);
  expect(graph.lagMs).toBe(32_000);
  expect(graph.edges[0]?.callsPerSecond).toBe(2);
  const [version] = readHistory(sink, 'reviews.default', '5m').versions;
  const told = version?.calls.slice(version.calls.indexOf(2));
  expect(told?.every((count) => count === 2)).toBe(true);
  expect(told?.length).toBeGreaterThanOrEqual(60);
});

test('a registry that came up just now takes the seconds before that', () => {
  const { clock, sink, open } = createGraph({ startedAt: 500 });
  const seconds = Array.from({ length: 60 }, (_, i) => calls(3, { ago: 59 - i }));
  const edges = [edgeTo('reviews.default', { seconds })];
  sink.take(open('orders.default'), reportOf('orders.default', edges, { second: 80 }));
  clock.advance(5_000);
  for (const range of ['5m', '1h'] as const) {
    clock.advance(60_000);
    const [version] = readHistory(sink, 'reviews.default', range).versions;
    expect(version?.calls.reduce((sum, count) => sum + count, 0)).toBe(180);
  }
});

test('a report that is lost loses only itself', () => {
  const { clock, sink, open } = createGraph();
  const session = open('orders.default');
  for (const second of [10, 11, 13]) {
    const edges = [edgeTo('reviews.default', { seconds: [calls(5)] })];
    sink.take(session, reportOf('orders.default', edges, { second }));
    clock.advance(second === 11 ? 2_000 : 1_000);
  }
  clock.advance(2_000);
  const [version] = readHistory(sink, 'reviews.default', '5m').versions;
  expect(version?.calls.slice(-4)).toEqual([5, 5, 0, 5]);
});

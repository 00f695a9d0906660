import { expect, test } from '@jest/globals';
import { calls, createGraph, edgeTo, reportOf } from './graph-fixture.ts';
import { type Fixture, startRegistry } from './registry-fixture.ts';

async function openOrders(registry: Fixture): Promise<string> {
  const body = { client: 'orders/1', service: 'orders.default' };
  return (await registry.send('/v1/sessions', { method: 'POST', body })).json.session;
}

const good = reportOf('orders.default', [edgeTo('reviews.default')]);
const second = calls(4);

const bad: readonly (readonly [what: string, body: unknown, status: number, path: string])[] = [
  ['of another service', reportOf('reviews.default', []), 403, '/service'],
  ['with a negative count', withSecond({ calls: -1 }), 400, '/edges/0/seconds/0/calls'],
  ['with half a call', withSecond({ calls: 1.5 }), 400, '/edges/0/seconds/0/calls'],
  ['with a count beyond all measure', withSecond({ calls: 1e15 }), 400, '/edges/0/seconds/0/calls'],
  ['with more errors than calls', withSecond({ errors: 5 }), 400, '/edges/0/seconds/0/errors'],
  [
    'with latencies that are not its calls',
    withSecond({ latencies: [3, 1] }),
    400,
    '/edges/0/seconds/0/latencies',
  ],
  [
    'with a bucket that does not exist',
    withSecond({ latencies: [168, 4] }),
    400,
    '/edges/0/seconds/0/latencies/0',
  ],
  [
    'with a bucket twice',
    withSecond({ latencies: [3, 2, 3, 2] }),
    400,
    '/edges/0/seconds/0/latencies/2',
  ],
  ['with half a pair', withSecond({ latencies: [3, 4, 5] }), 400, '/edges/0/seconds/0/latencies'],
  ['from the future within', withSecond({ ago: -1 }), 400, '/edges/0/seconds/0/ago'],
  [
    'with a second twice',
    reportOf('orders.default', [edgeTo('reviews.default', { seconds: [second, second] })]),
    400,
    '/edges/0/seconds/1/ago',
  ],
  [
    'with more mutual TLS than calls',
    reportOf('orders.default', [edgeTo('reviews.default', { mutualTls: 2 })]),
    400,
    '/edges/0/mutualTls',
  ],
  [
    'with a peer that breaks lines',
    reportOf('orders.default', [edgeTo('reviews\r\nx: y')]),
    400,
    '/edges/0/peer',
  ],
  [
    'with a peer of 10 kB',
    reportOf('orders.default', [edgeTo('x'.repeat(10_000))]),
    400,
    '/edges/0/peer',
  ],
  [
    'with 201 edges',
    reportOf('orders.default', Array(201).fill(edgeTo('reviews.default'))),
    400,
    '/edges',
  ],
  ['with an unknown field', { ...good, colour: 'red' }, 400, '/colour'],
];

test('a report that is wrong anywhere is refused whole and counts nothing', async () => {
  const registry = await startRegistry();
  const url = `/v1/sessions/${await openOrders(registry)}/reports`;
  const refused: unknown[] = [];
  for (const [what, body] of bad) {
    const { status, json } = await registry.send(url, { method: 'POST', body });
    refused.push([what, status, json.errors?.[0]?.path]);
  }
  expect(refused).toEqual(bad.map(([what, , status, path]) => [what, status, path]));
  expect((await registry.send('/v1/graph')).json.edges).toEqual([]);
  const { text } = await registry.send('/metrics');
  expect(text).toMatch(/^inmesh_registry_reports_total 0$/m);
});

function withSecond(change: object): unknown {
  return {
    ...good,
    edges: [{ ...edgeTo('reviews.default'), seconds: [{ ...second, ...change }] }],
  };
}

test('a session without a service, or none at all, brings no report', async () => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  const send = (to: string) =>
    registry.send(`/v1/sessions/${to}/reports`, { method: 'POST', body: good });
  expect((await send(session)).json).toMatchObject({ code: 'forbidden' });
  expect((await send('nobody')).json).toMatchObject({ code: 'session_unknown' });
});

test('a report from the future is refused, and the reporter may begin anew', () => {
  const { clock, sink, open } = createGraph();
  const session = open('orders.default');
  const report = (at: number) => sink.take(session, reportOf('orders.default', [], { second: at }));
  report(100);
  clock.advance(5_000);
  expect(() => report(108)).toThrow(
    expect.objectContaining({ code: 'invalid_argument', path: '/second' }),
  );
  report(105);
  clock.advance(5_000);
  report(110);
});

test('what a report tells of its process and of refusals can be read back', async () => {
  const registry = await startRegistry();
  const session = await openOrders(registry);
  const state = {
    breakers: [{ service: 'reviews.default', subset: 'v1', state: 'open' as const }],
    ejections: [],
    limits: [],
    certificate: {
      spiffeId: 'spiffe://cluster.local/ns/default/sa/orders',
      expiresInMs: 1_000,
      heldForMs: 5_000,
    },
  };
  const refusal = {
    agoMs: 100,
    kind: 'request' as const,
    peer: '<script>alert(1)</script>',
    method: 'GET',
    route: '/admin',
    status: 403,
    code: 'forbidden',
    reason: 'no policy allows it',
    rule: '',
  };
  const body = { ...good, state, refusals: [refusal] };
  const sent = await registry.send(`/v1/sessions/${session}/reports`, { method: 'POST', body });
  expect(sent.json).toEqual({ nextInMs: 2_000 });
  const reporters = await registry.send('/v1/services/default/orders/reporters');
  expect(reporters.json.reporters).toMatchObject([{ client: 'orders/1', version: 'v1', state }]);
  const { certificates } = (await registry.send('/v1/certificates')).json;
  expect(certificates).toMatchObject([
    { client: 'orders/1', spiffeId: state.certificate.spiffeId },
  ]);
  expect(certificates[0].expiresInMs).toBeLessThanOrEqual(1_000);
  expect(certificates[0].heldForMs).toBeGreaterThanOrEqual(5_000);
  const { refusals } = (await registry.send('/v1/refusals')).json;
  expect(refusals).toHaveLength(1);
  expect(refusals[0]).toMatchObject({
    ...refusal,
    agoMs: expect.any(Number),
    service: 'orders.default',
  });
  const history = await registry.send('/v1/services/default/reviews/history?range=1h');
  expect(history.json).toMatchObject({ stepMs: 60_000, steps: 60, versions: [{ version: 'v1' }] });
  const part = await registry.send('/v1/graph?service=reviews.default');
  expect(part.json.nodes).toHaveLength(2);
  expect((await registry.send('/v1/graph?namespace=other')).json.nodes).toEqual([]);
});

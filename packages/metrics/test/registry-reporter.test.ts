import { MeshError, type RefusalReport, type Report } from '@inmesh/core';
import { createAdapterHost, registryReporter } from '@inmesh/metrics';
import { expect, test } from '@jest/globals';
import { endedCall, openRecorder, type RecorderUnderTest, reviews } from './ended.ts';

interface Reporting {
  readonly reports: Report[];
  /** Oldest first, with the time at which they were in place of `agoMs`. */
  readonly refused: RefusalReport[];
  /** What the registry answers with; a thrown error is what sending fails with. */
  answer: () => { nextInMs: number };
  readonly host: ReturnType<typeof createAdapterHost>;
}

function startReporting({ recorder, clock }: RecorderUnderTest): Reporting {
  const reporting: Omit<Reporting, 'host'> = {
    reports: [],
    refused: [],
    answer: () => ({ nextInMs: 5_000 }),
  };
  const adapter = registryReporter({
    clock,
    refusals: () =>
      [...reporting.refused]
        .reverse()
        .map((each) => ({ ...each, agoMs: clock.now() - each.agoMs })),
    random: () => 0.5,
    async send(report) {
      const answer = reporting.answer();
      reporting.reports.push(report);
      return answer;
    },
  });
  const host = createAdapterHost({ recorder, adapters: [adapter] });
  return Object.assign(reporting, { host });
}

/** Calls that end `atMs`. */
function record({ recorder }: RecorderUnderTest, atMs: number, count = 1, version = 'v1'): void {
  for (let i = 0; i < count; i += 1) {
    const endpoint = reviews(version);
    recorder.callEnded(endedCall({ endpoint, startedAt: atMs - 10, endedAt: atMs }));
  }
}

test('each report tells the whole seconds since the one before, at the pace that the registry asks for', async () => {
  using under = openRecorder();
  const { clock } = under;
  const reporting = startReporting(under);
  record(under, 500, 3);
  record(under, 1_500, 2);
  await clock.advanceAsync(2_000);
  record(under, 2_100, 4);
  await clock.advanceAsync(2_000); // the wait for this one began before the first was answered
  record(under, 4_100, 5);
  await clock.advanceAsync(4_999);
  expect(reporting.reports).toHaveLength(2);
  await clock.advanceAsync(1);
  const told = reporting.reports.map(({ second, edges }) => [
    second,
    ...edges.flatMap(({ seconds }) => seconds.map(({ ago, calls }) => [second - ago, calls])),
  ]);
  expect(told).toEqual([
    [1, [0, 3], [1, 2]],
    [3, [2, 4]],
    [8, [4, 5]],
  ]);
  expect(reporting.reports[0]).toMatchObject({ service: 'orders.default', version: 'v3' });
  expect(reporting.reports[0]?.edges[0]).toMatchObject({
    seenBy: 'source',
    peer: 'reviews.default',
    peerVersion: 'v1',
    mutualTls: 0,
    seconds: [{ errors: 0, latencies: [expect.any(Number), 3] }, {}],
  });
  await reporting.host.close();
});

test('closing tells the second that is under way too', async () => {
  using under = openRecorder();
  const reporting = startReporting(under);
  await under.clock.advanceAsync(2_000);
  record(under, 2_100);
  await under.clock.advanceAsync(200);
  await reporting.host.close();
  expect(reporting.reports.at(-1)).toMatchObject({ second: 2, edges: [{ seconds: [{ ago: 0 }] }] });
  expect(under.clock.pendingTimers).toBe(0);
});

test('a report that failed is lost, and only that one', async () => {
  using under = openRecorder();
  const reporting = startReporting(under);
  reporting.answer = () => {
    throw new MeshError('registry_unavailable', 'no answer');
  };
  record(under, 500);
  await under.clock.advanceAsync(2_000);
  reporting.answer = () => ({ nextInMs: 2_000 });
  record(under, 2_500);
  await under.clock.advanceAsync(4_000);
  const seconds = reporting.reports.flatMap(({ second, edges }) =>
    edges.flatMap((edge) => edge.seconds.map(({ ago }) => second - ago)),
  );
  expect(seconds).toEqual([2]);
  await reporting.host.close();
});

test('what could not be sent because the registry was away is told when it is back, up to a minute', async () => {
  using under = openRecorder();
  const reporting = startReporting(under);
  reporting.answer = () => {
    throw new MeshError('registry_unavailable', 'not attached', { maybeProcessed: false });
  };
  record(under, 500);
  await under.clock.advanceAsync(40_000);
  record(under, 40_500);
  await under.clock.advanceAsync(30_000);
  reporting.answer = () => ({ nextInMs: 2_000 });
  record(under, 70_100);
  await under.clock.advanceAsync(2_000);
  const seconds = reporting.reports.flatMap(({ second, edges }) =>
    edges.flatMap((edge) => edge.seconds.map(({ ago }) => second - ago)),
  );
  expect(seconds).toEqual([40, 70]);
  await reporting.host.close();
});

test('over 200 edges go into several reports of the same second', async () => {
  using under = openRecorder();
  const reporting = startReporting(under);
  for (let i = 0; i < 450; i += 1) record(under, 500, 1, `v${i}`);
  await under.clock.advanceAsync(2_000);
  expect(reporting.reports.map(({ edges }) => edges.length)).toEqual([200, 200, 50]);
  expect(new Set(reporting.reports.map(({ second }) => second)).size).toBe(1);
  expect(reporting.reports.map(({ state }) => state !== undefined)).toEqual([true, false, false]);
  await reporting.host.close();
});

test('breakers, ejections, the certificate and refusals go along, in safe text', async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const reporting = startReporting(under);
  const { host, reports } = reporting;
  const tell: typeof host.observer.event = (event) => {
    recorder.event(event);
    host.observer.event(event);
  };
  const service = 'reviews.default';
  tell({ kind: 'breaker-changed', service, subset: 'v2', from: 'closed', to: 'open' });
  tell({ kind: 'breaker-changed', service, subset: 'v1', from: 'open', to: 'closed' });
  tell({
    kind: 'endpoint-ejected',
    endpoint: reviews('v1'),
    reason: '5xx\u001b[31m',
    forMs: 1_000,
  });
  const identity = {
    spiffeId: 'spiffe://cluster.local/ns/default/sa/orders',
    trustDomain: 'cluster.local',
    namespace: 'default',
    serviceAccount: 'orders',
  };
  tell({ kind: 'identity-renewed', identity, revision: '1', expiresAt: clock.wallNow() + 60_000 });
  reporting.refused.push(refusal({ peer: 'page.default', reason: 'only for reviews\r\n' }));
  reporting.refused.push(refusal({ kind: 'connection', peer: '127.0.0.1', route: '' }));
  await clock.advanceAsync(2_000);
  expect(reports[0]?.state).toEqual({
    breakers: [{ service, subset: 'v2', state: 'open' }],
    ejections: [{ service, endpoint: reviews('v1').id, reason: '5xx\\u001b[31m' }],
    limits: [],
    certificate: { spiffeId: identity.spiffeId, expiresInMs: 58_000, heldForMs: 2_000 },
  });
  expect(reports[0]?.refusals).toEqual([
    refusal({ agoMs: 2_000, peer: 'page.default', reason: 'only for reviews\\u000d\\u000a' }),
    refusal({ agoMs: 2_000, kind: 'connection', peer: '127.0.0.1', route: '' }),
  ]);
  await clock.advanceAsync(5_000);
  expect(reports[1]?.refusals).toEqual([]);
  await host.close();
});

test('more refusals than a report takes leave the newest', async () => {
  using under = openRecorder();
  const { host, reports, refused } = startReporting(under);
  for (let i = 0; i < 50; i += 1) refused.push(refusal({ reason: `no ${i}` }));
  await under.clock.advanceAsync(2_000);
  expect(reports[0]?.refusals?.map(({ reason }) => reason)).toEqual(
    Array.from({ length: 20 }, (_, i) => `no ${30 + i}`),
  );
  await host.close();
});

function refusal(overrides: Partial<RefusalReport>): RefusalReport {
  return {
    agoMs: 0,
    kind: 'request',
    peer: '',
    method: 'GET',
    route: '/orders/:id',
    status: 403,
    code: 'forbidden',
    reason: '',
    rule: '',
    ...overrides,
  };
}

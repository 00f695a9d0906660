import { createWorkload } from '@inmesh/core';
import { prometheusText } from '@inmesh/metrics';
import { expect, test } from '@jest/globals';
import { endedAttempt, endedCall, endedRequest, openRecorder, orders, reviewsV1 } from './ended.ts';
import { parseExposition } from './exposition.ts';

test("a call shows Istio's labels of the source, exactly", async () => {
  using under = openRecorder();
  under.recorder.callEnded(endedCall());
  const samples = parseExposition(await prometheusText(under.recorder, orders).text());
  const total = samples.find(({ name }) => name === 'istio_requests_total');
  expect(total?.value).toBe(1);
  expect(total?.labels).toEqual({
    reporter: 'source',
    source_workload: 'orders-v3',
    source_workload_namespace: 'default',
    source_principal: 'unknown',
    source_app: 'orders',
    source_version: 'v3',
    source_cluster: 'Kubernetes',
    source_canonical_service: 'orders',
    source_canonical_revision: 'v3',
    destination_workload: 'reviews-v1',
    destination_workload_namespace: 'default',
    destination_principal: 'unknown',
    destination_app: 'reviews',
    destination_version: 'v1',
    destination_cluster: 'Kubernetes',
    destination_canonical_service: 'reviews',
    destination_canonical_revision: 'v1',
    destination_service: 'reviews.default.svc.cluster.local',
    destination_service_name: 'reviews',
    destination_service_namespace: 'default',
    request_protocol: 'http',
    response_code: '200',
    response_flags: '-',
    connection_security_policy: 'unknown',
  });
});

test('both sides of an edge carry the same identity labels, so Kiali sees one edge', async () => {
  using caller = openRecorder();
  const workload = createWorkload({ service: 'reviews', version: 'v1' });
  using callee = openRecorder({ workload });
  caller.recorder.callEnded(endedCall({ mutualTls: true }));
  callee.recorder.requestEnded(
    endedRequest({
      mutualTls: true,
      peerService: 'orders.default',
      peerVersion: 'v3',
      peer: {
        spiffeId: 'spiffe://cluster.local/ns/default/sa/default',
        trustDomain: 'cluster.local',
        namespace: 'default',
        serviceAccount: 'default',
      },
    }),
  );
  const labelsOf = async (under: typeof caller): Promise<Record<string, string> | undefined> =>
    parseExposition(await prometheusText(under.recorder, under.recorder.workload).text()).find(
      ({ name }) => name === 'istio_requests_total',
    )?.labels;
  const [source, destination] = [await labelsOf(caller), await labelsOf(callee)];
  expect(destination).toEqual({
    ...source,
    reporter: 'destination',
    connection_security_policy: 'mutual_tls',
  });
});

test('a call that found nobody keeps the FQDN and has an unknown workload, as the failure query wants', async () => {
  using under = openRecorder();
  under.recorder.callEnded(endedCall({ endpoint: undefined, status: 0, flag: 'UH' }));
  const samples = parseExposition(await prometheusText(under.recorder, orders).text());
  expect(samples.find(({ name }) => name === 'istio_requests_total')?.labels).toMatchObject({
    destination_workload: 'unknown',
    destination_workload_namespace: 'unknown',
    destination_service: 'reviews.default.svc.cluster.local',
    destination_cluster: 'unknown',
    response_code: '0',
    response_flags: 'UH',
  });
});

test('histograms are cumulative, end in +Inf, and methods and routes add up in one line', async () => {
  using under = openRecorder();
  for (const endedAt of [1_000.4, 1_003, 1_030]) under.recorder.callEnded(endedCall({ endedAt }));
  under.recorder.callEnded(endedCall({ method: 'POST', route: 'other', endedAt: 9_001_000 }));
  const samples = parseExposition(await prometheusText(under.recorder, orders).text());
  const of = (suffix: string): [string | undefined, number][] =>
    samples
      .filter(({ name }) => name === `istio_request_duration_milliseconds${suffix}`)
      .map(({ labels, value }) => [labels.le, value]);
  const buckets = new Map(of('_bucket'));
  expect(buckets.size).toBe(20);
  expect(['0.5', '1', '5', '50', '3600000', '+Inf'].map((le) => buckets.get(le))).toEqual([
    1, 1, 2, 3, 3, 4,
  ]);
  expect(of('_count')).toEqual([[undefined, 4]]);
  expect(of('_sum')[0]?.[1]).toBeCloseTo(9_000_033.4);
});

test('CR, LF, ANSI codes, quotes, backslashes, emoji and 10 kB come out as one valid line', async () => {
  using under = openRecorder();
  const texts = [
    'a\r\nb',
    '\u001b[31mred',
    'say "hi"',
    'back\\slash',
    '🦊',
    'x'.repeat(10_000),
    '\ud800',
    '',
  ];
  for (const peerVersion of texts) under.recorder.requestEnded(endedRequest({ peerVersion }));
  const samples = parseExposition(await prometheusText(under.recorder, orders).text());
  const versions = samples
    .filter(({ name }) => name === 'istio_requests_total')
    .map(({ labels }) => labels.source_version);
  expect(versions).toEqual([
    'a\\u000d\\u000ab',
    '\\u001b[31mred',
    'say "hi"',
    'back\\slash',
    '🦊',
    `${'x'.repeat(255)}…`,
    '\\ud800',
    'unknown',
  ]);
});

test('raw texts that look the same once shown are added up, never two lines', async () => {
  using under = openRecorder();
  for (const peerVersion of ['\n', '\\u000a', '', 'unknown']) {
    under.recorder.requestEnded(endedRequest({ peerVersion }));
  }
  under.recorder.attemptEnded(endedAttempt({ endpoint: { ...reviewsV1, labels: {} } }));
  under.recorder.attemptEnded(
    endedAttempt({ endpoint: { ...reviewsV1, labels: { version: 'unknown' } } }),
  );
  const samples = parseExposition(await prometheusText(under.recorder, orders).text());
  const sum = (metric: string): number =>
    samples.filter(({ name }) => name === metric).reduce((total, { value }) => total + value, 0);
  expect(sum('inmesh_attempts_total')).toBe(2);
  expect(sum('istio_request_bytes_count')).toBe(4);
});

test("Inmesh's own metrics show attempts, retries, breakers, ejections, registry and process", async () => {
  using under = openRecorder();
  const { recorder, clock } = under;
  const service = 'reviews.default';
  recorder.attemptEnded(endedAttempt({ status: 503 }));
  recorder.attemptEnded(endedAttempt({ number: 2 }));
  recorder.event({ kind: 'endpoint-added', endpoint: reviewsV1 });
  recorder.event({ kind: 'endpoint-ejected', endpoint: reviewsV1, reason: '5xx', forMs: 1 });
  recorder.event({ kind: 'breaker-changed', service, subset: '', from: 'closed', to: 'open' });
  recorder.event({ kind: 'registry-found', server: 'http://127.0.0.1:1' });
  clock.advance(1_500);
  const samples = parseExposition(await prometheusText(recorder, orders).text());
  const first = (metric: string): number | undefined =>
    samples.find(({ name }) => name === metric)?.value;
  expect(samples.filter(({ name }) => name === 'inmesh_attempts_total')).toHaveLength(2);
  expect(first('inmesh_retries_total')).toBe(1);
  expect(first('inmesh_breaker_state')).toBe(2);
  expect(first('inmesh_breaker_opened_total')).toBe(1);
  expect(first('inmesh_ejected_endpoints')).toBe(1);
  expect(first('inmesh_ejections_total')).toBe(1);
  expect(first('inmesh_endpoints')).toBe(1);
  expect(first('inmesh_registry_connected')).toBe(1);
  expect(first('inmesh_registry_state_age_seconds')).toBe(1.5);
  expect(first('inmesh_event_loop_delay_seconds')).toBeGreaterThanOrEqual(0);
  expect(first('inmesh_process_memory_bytes')).toBeGreaterThan(1e6);
});

test("hostile labels of an endpoint and names of a subset are shown as text in Inmesh's own metrics", async () => {
  using under = openRecorder();
  const labels = { version: `<script>\r\n\u001b[2J"${'x'.repeat(10_000)}` };
  const service = 'reviews.default';
  under.recorder.event({ kind: 'endpoint-added', endpoint: { ...reviewsV1, labels } });
  under.recorder.event({
    kind: 'breaker-changed',
    service,
    subset: 'a\rb',
    from: 'closed',
    to: 'open',
  });
  const samples = parseExposition(await prometheusText(under.recorder, orders).text());
  const version = samples.find(({ name }) => name === 'inmesh_endpoints')?.labels;
  expect(version?.destination_version).toMatch(/^<script>\\u000d\\u000a\\u001b\[2J"x+…$/);
  const breaker = samples.find(({ name }) => name === 'inmesh_breaker_state');
  expect(breaker?.labels.subset).toBe('a\\u000db');
});

test('a gauge that somebody added is shown, and one that throws is counted and left out', async () => {
  using under = openRecorder();
  const remove = under.recorder.addGauge({
    name: 'inmesh_pool_connections',
    help: 'Open connections.',
    read(report) {
      report(3, { destination_service: 'reviews' });
      report(4, { destination_service: 'ratings\n' });
      report(5, { 'not a name': 'x', destination_service: 'ratings\n' });
    },
  });
  under.recorder.addGauge({
    name: 'inmesh_broken',
    help: 'Throws.',
    read() {
      throw new Error('broken');
    },
  });
  const samples = parseExposition(await prometheusText(under.recorder, orders).text());
  expect(
    samples.filter(({ name }) => name === 'inmesh_pool_connections').map(({ value }) => value),
  ).toEqual([3, 4]);
  expect(samples.some(({ name }) => name === 'inmesh_broken')).toBe(false);
  expect(under.recorder.gaugeFailures).toBe(2);
  remove();
  expect(await prometheusText(under.recorder, orders).text()).not.toContain('inmesh_pool');
});

test('names of gauges are checked', () => {
  using under = openRecorder();
  const add = (name: string) => () => under.recorder.addGauge({ name, help: '', read() {} });
  for (const name of ['pool', 'inmesh_', 'inmesh_Pool', 'inmesh_a\nb', 'inmesh_total']) {
    expect(add(name)).toThrow('must start with inmesh_');
  }
  add('inmesh_pool')();
  expect(add('inmesh_pool')).toThrow('is there already');
});

test('OpenMetrics comes when it is asked for: counters without their suffix, exemplars, an end', async () => {
  using under = openRecorder();
  under.recorder.callEnded(endedCall());
  const text = prometheusText(under.recorder, orders);
  const asked = text.negotiate(
    'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
  );
  expect(asked.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  const body = await asked.text();
  expect(body).toContain('# TYPE istio_requests counter\nistio_requests_total{');
  expect(body.endsWith('\n# EOF\n')).toBe(true);
  expect(parseExposition(body).filter(({ exemplar }) => exemplar !== undefined)).toEqual([
    expect.objectContaining({
      labels: expect.objectContaining({ le: '5' }),
      exemplar: '{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 3 1767225601.003',
    }),
  ]);
});

test.each([
  [undefined, 'text/plain'],
  ['', 'text/plain'],
  ['*/*', 'text/plain'],
  ['text/html,application/xhtml+xml', 'text/plain'],
  ['application/openmetrics-text', 'application/openmetrics-text'],
  ['application/openmetrics-text;q=0', 'text/plain'],
  ['application/openmetrics-text;version=2.0.0', 'text/plain'],
  ['application/openmetrics-text;q=nonsense,text/plain', 'text/plain'],
  [`application/openmetrics-text${' '.repeat(5_000)}`, 'text/plain'],
])('Accept %j gets %s', (accept, type) => {
  using under = openRecorder();
  const { contentType } = prometheusText(under.recorder, orders).negotiate(accept);
  expect(contentType.startsWith(type)).toBe(true);
});

test('a scrape of 10,000 lines comes in bounded chunks and lets the event loop turn between them', async () => {
  using under = openRecorder();
  for (let i = 0; i < 150; i += 1) under.recorder.callEnded(endedCall({ status: 200 + i }));
  let turns = 0;
  let running = true;
  const turn = (): void => {
    turns += 1;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  const sizes: number[] = [];
  let lines = 0;
  for await (const chunk of prometheusText(under.recorder, orders).chunks()) {
    sizes.push(chunk.length);
    lines += chunk.toString().split('\n').length - 1;
  }
  running = false;
  expect(lines).toBeGreaterThan(10_000);
  expect(Math.max(...sizes)).toBeLessThan(128 * 1024);
  expect(turns).toBeGreaterThanOrEqual(sizes.length - 1);
});

test('a reader that stops leaves the generator, and counting while it reads keeps a histogram whole', async () => {
  using under = openRecorder();
  for (let i = 0; i < 100; i += 1) under.recorder.callEnded(endedCall({ status: 200 + i }));
  for await (const _ of prometheusText(under.recorder, orders).chunks()) break;
  let text = '';
  for await (const chunk of prometheusText(under.recorder, orders).chunks()) {
    for (let i = 0; i < 100; i += 1) under.recorder.callEnded(endedCall({ status: 200 + i }));
    text += chunk.toString();
  }
  const samples = parseExposition(text);
  const last = samples.filter(
    ({ name, labels }) => name.endsWith('_bucket') && labels.le === '+Inf',
  );
  const counts = samples.filter(({ name }) => name.endsWith('_count'));
  expect(last.map(({ value }) => value)).toEqual(counts.map(({ value }) => value));
});

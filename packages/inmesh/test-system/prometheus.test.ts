import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { onEnd } from '../test/support/in-mesh.ts';
import { openBookshop } from './support/bookshop.ts';
import { dashboards, kialiLabels } from './support/dashboard-queries.ts';
import { checkMetrics, type Prometheus, startPrometheus } from './support/prometheus.ts';

const shopEdges = [
  'productpage-v1 → details-v1',
  'productpage-v1 → reviews-v1',
  'productpage-v1 → reviews-v2',
  'reviews-v1 → ratings-v1',
  'reviews-v2 → ratings-v1',
];

/** What shows nothing, or nothing but what is no number. */
async function emptyPanels(prometheus: Prometheus): Promise<string[]> {
  const empty: string[] = [];
  for (const [dashboard, queries] of Object.entries(dashboards)) {
    for (const [panel, expression] of Object.entries(queries)) {
      const samples = await prometheus.query(expression);
      const shown = samples.some(({ value }) => Number.isFinite(value));
      if (!shown) empty.push(`${dashboard}: ${panel}: ${expression}`);
    }
  }
  return empty;
}

test('a real Prometheus answers what Istio’s dashboards and Kiali ask of a running shop', async () => {
  const shop = await openBookshop();
  const prometheus = await startPrometheus(shop.metricsUrls);
  onEnd(() => prometheus.close());
  // A rate needs two scrapes of everything, and errors come with every tenth request only.
  let empty: string[] = [];
  await eventually(async () => {
    empty = await emptyPanels(prometheus);
    return empty.length === 0;
  }, 90_000).catch(() => {});
  expect(empty).toEqual([]);

  let drawn: string[] = [];
  await eventually(async () => {
    const edges = await prometheus.query(
      dashboards.Kiali?.['outgoing edges of a namespace'] as string,
    );
    const whole = edges.filter(({ labels }) => kialiLabels.every((name) => name in labels));
    drawn = whole.map(({ labels }) => `${labels.source_workload} → ${labels.destination_workload}`);
    return shopEdges.every((edge) => drawn.includes(edge));
  }, 60_000).catch(() => {});
  expect(drawn).toEqual(expect.arrayContaining(shopEdges));
  const locked = await prometheus.query(dashboards.Kiali?.['locks of mutual TLS'] as string);
  expect(
    locked.find(({ labels }) => labels.destination_workload === 'ratings-v1')?.labels,
  ).toMatchObject({
    connection_security_policy: 'mutual_tls',
    source_principal: 'spiffe://cluster.local/ns/default/sa/reviews',
    destination_principal: 'spiffe://cluster.local/ns/default/sa/ratings',
  });
});

test('promtool finds nothing wrong with the exposition but that Istio counts in milliseconds', async () => {
  const shop = await openBookshop();
  await eventually(async () => {
    const text = await (await fetch(`${shop.metricsUrls[2]}/metrics`)).text();
    return text.includes('istio_requests_total{reporter="source"');
  });
  for (const url of shop.metricsUrls) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const findings = await checkMetrics(text);
    expect(
      findings.filter((line) => !line.startsWith('istio_request_duration_milliseconds ')),
    ).toEqual([]);
  }
});

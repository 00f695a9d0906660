/**
 * What Istio's Grafana dashboards and Kiali ask Prometheus: the metrics, labels and groupings that
 * their panels go by. Variables are filled in with names of the bookshop.
 */

const source = 'reporter=~"source|waypoint"';
const window = '[30s]';
const toReviews = 'destination_service=~"reviews.default.svc.cluster.local"';
const ofReviews = 'destination_workload=~"reviews-v1", destination_workload_namespace=~"default"';
const fromReviews = 'source_workload=~"reviews-v1", source_workload_namespace=~"default"';
const bySource = 'source_workload, source_workload_namespace';
const byWorkload = 'destination_workload, destination_workload_namespace';

const requests = (labels: string): string => `rate(istio_requests_total{${labels}}${window})`;
const quantile = (ratio: number, metric: string, labels: string, by: string): string =>
  `histogram_quantile(${ratio}, sum(rate(${metric}_bucket{${labels}}${window})) by (le, ${by}))`;
const duration = 'istio_request_duration_milliseconds';

const mesh: Readonly<Record<string, string>> = {
  'global request volume': `round(sum(irate(istio_requests_total{${source}}${window})), 0.01)`,
  'global success rate': `sum(${requests(`${source}, response_code!~"5.."`)}) / sum(${requests(source)})`,
  '4xx': `sum(${requests(`${source}, response_code=~"4.."`)})`,
  '5xx': `sum(${requests(`${source}, response_code=~"5.."`)})`,
  'workloads by requests': `label_join(sum(${requests(source)}) by (${byWorkload}, destination_service), "destination_workload_var", ".", "destination_workload", "destination_workload_namespace")`,
  'workloads by p50': quantile(0.5, duration, source, `${byWorkload}, destination_service`),
  'workloads by p99': quantile(0.99, duration, source, `${byWorkload}, destination_service`),
  'workloads by success rate': `sum(${requests(`${source}, response_code!~"5.."`)}) by (${byWorkload}, destination_service) / sum(${requests(source)}) by (${byWorkload}, destination_service)`,
  components: 'sum(istio_build) by (component, tag)',
};

const security = [
  'connection_security_policy="mutual_tls"',
  'connection_security_policy!="mutual_tls"',
];

function service(): Record<string, string> {
  const queries: Record<string, string> = {
    'the list of services':
      'sum(istio_requests_total{}) by (destination_service) or sum(istio_tcp_sent_bytes_total{}) by (destination_service)',
    'the list of client clusters': `sum(istio_requests_total{reporter=~"destination", ${toReviews}}) by (source_cluster)`,
    'the list of service workloads': `sum(istio_requests_total{reporter=~"destination", ${toReviews}}) by (destination_workload)`,
    'client request volume': `round(sum(irate(istio_requests_total{${source}, ${toReviews}}${window})), 0.001)`,
    'client success rate': `sum(${requests(`${source}, ${toReviews}, response_code!~"5.*"`)}) / sum(${requests(`${source}, ${toReviews}`)})`,
    'server request volume': `round(sum(irate(istio_requests_total{reporter="destination", ${toReviews}}${window})), 0.001)`,
  };
  for (const policy of security) {
    const reporter = policy.includes('!=') ? source : 'reporter="destination"';
    const labels = `${reporter}, ${policy}, ${toReviews}`;
    queries[`requests by source, ${policy}`] =
      `round(sum(irate(istio_requests_total{${labels}}${window})) by (${bySource}, response_code), 0.001)`;
    queries[`durations by source, ${policy}`] = quantile(0.9, duration, labels, bySource);
    queries[`request sizes by source, ${policy}`] = quantile(
      0.9,
      'istio_request_bytes',
      labels,
      bySource,
    );
    queries[`response sizes by source, ${policy}`] = quantile(
      0.9,
      'istio_response_bytes',
      labels,
      bySource,
    );
    queries[`requests by workload, ${policy}`] =
      `round(sum(irate(istio_requests_total{${labels}}${window})) by (${byWorkload}, response_code), 0.001)`;
  }
  return queries;
}

function workload(): Record<string, string> {
  const queries: Record<string, string> = {
    'the list of workloads': `sum(istio_requests_total{destination_workload_namespace=~"default"}) by (destination_workload)`,
    'the list of destinations': `sum(istio_requests_total{${fromReviews}, reporter="source"}) by (destination_service)`,
    'incoming volume': `round(sum(irate(istio_requests_total{reporter="destination", ${ofReviews}}${window})), 0.001)`,
    'incoming success rate': `sum(${requests(`reporter="destination", ${ofReviews}, response_code!~"5.*"`)}) / sum(${requests(`reporter="destination", ${ofReviews}`)})`,
    'incoming duration': quantile(0.95, duration, `reporter="destination", ${ofReviews}`, bySource),
  };
  for (const policy of security) {
    const reporter = policy.includes('!=') ? source : 'reporter="destination"';
    queries[`incoming by source, ${policy}`] =
      `round(sum(irate(istio_requests_total{${reporter}, ${policy}, ${ofReviews}}${window})) by (${bySource}, response_code), 0.001)`;
  }
  const outgoing = `connection_security_policy!="mutual_tls", ${fromReviews}, ${source}`;
  queries['outgoing by destination'] =
    `round(sum(irate(istio_requests_total{${outgoing}}${window})) by (destination_service, response_code), 0.001)`;
  queries['outgoing duration'] = quantile(0.99, duration, outgoing, 'destination_service');
  queries['outgoing request sizes'] = quantile(
    0.5,
    'istio_request_bytes',
    outgoing,
    'destination_service',
  );
  return queries;
}

/** A series that lacks one of them is left out of Kiali's graph. */
export const kialiLabels: readonly string[] = [
  'source_workload_namespace',
  'source_workload',
  'source_canonical_service',
  'source_canonical_revision',
  'destination_service_namespace',
  'destination_service',
  'destination_service_name',
  'destination_workload_namespace',
  'destination_workload',
  'destination_canonical_service',
  'destination_canonical_revision',
  'request_protocol',
  'response_code',
  'response_flags',
];

const kialiGroup = `source_cluster, destination_cluster, ${kialiLabels.join(', ')}`;

const kiali: Readonly<Record<string, string>> = {
  'incoming edges of a namespace': `sum(${requests('reporter="destination", destination_workload_namespace="default"')}) by (${kialiGroup}) > 0`,
  'outgoing edges of a namespace': `sum(${requests('reporter="source", source_workload_namespace="default"')}) by (${kialiGroup}) > 0`,
  'response times': `histogram_quantile(0.95, sum(rate(${duration}_bucket{reporter="destination", destination_workload_namespace="default"}${window})) by (le, ${kialiGroup})) > 0`,
  'mean response times': `sum(rate(${duration}_sum{reporter="source", source_workload_namespace="default"}${window})) by (${kialiGroup}) / sum(rate(${duration}_count{reporter="source", source_workload_namespace="default"}${window})) by (${kialiGroup}) > 0`,
  'request throughput': `sum(rate(istio_request_bytes_sum{reporter="source", source_workload_namespace="default"}${window})) by (${kialiGroup}) > 0`,
  'response throughput': `sum(rate(istio_response_bytes_sum{reporter="source", source_workload_namespace="default"}${window})) by (${kialiGroup}) > 0`,
  'locks of mutual TLS': `sum(${requests('reporter="destination", destination_workload_namespace="default"')}) by (${kialiGroup}, connection_security_policy, source_principal, destination_principal) > 0`,
};

export const dashboards: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'the mesh dashboard': mesh,
  'the service dashboard': service(),
  'the workload dashboard': workload(),
  Kiali: kiali,
};

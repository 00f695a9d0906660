import { defaultDomain, serviceHost, splitServiceName } from '@inmesh/core';
import { isMeshService } from '../party.ts';
import type { Party, TrafficSeries } from '../series.ts';
import { type TagOverride, withTags } from '../telemetry/telemetry-policy.ts';
import { formatLabels, type LabelText } from './text-format.ts';

/** What Istio's labels say that no single call knows. */
export interface IstioScope {
  /** @default 'cluster.local' */
  readonly domain?: string;
  /**
   * `source_cluster` and `destination_cluster`. Kiali drops series that know a namespace and not the cluster.
   * @default 'Kubernetes'
   */
  readonly cluster?: string;
}

/** Istio's standard labels in its order. Values that are not known stay '' here and become `unknown`. */
export function istioLabels(
  series: TrafficSeries,
  scope: IstioScope,
  tags: readonly TagOverride[],
): LabelText {
  const { labels } = series;
  const outbound = labels.direction === 'outbound';
  const security = labels.mutualTls ? 'mutual_tls' : 'none';
  const pairs: Pair[] = [
    ['reporter', outbound ? 'source' : 'destination'],
    ...partyLabels('source', labels.source, scope),
    ...partyLabels('destination', labels.destination, scope),
    ...destinationServiceLabels(labels.destination.service, scope),
    ['request_protocol', labels.protocol],
    ['response_code', labels.status],
    ['response_flags', labels.flag],
    // Istio's callers never claim to know it: only the callee saw the certificate.
    ['connection_security_policy', outbound ? 'unknown' : security],
  ];
  return formatLabels(withTags(pairs, tags, (value) => value.ofSeries(labels)));
}

type Pair = readonly [name: string, value: string | number];

function partyLabels(side: 'source' | 'destination', party: Party, scope: IstioScope): Pair[] {
  const known = party.workload !== '';
  const { name, namespace } = known ? splitService(party.service) : { name: '', namespace: '' };
  return [
    [`${side}_workload`, party.workload],
    [`${side}_workload_namespace`, namespace],
    [`${side}_principal`, party.principal],
    [`${side}_app`, name],
    [`${side}_version`, party.version],
    [`${side}_cluster`, known ? (scope.cluster ?? 'Kubernetes') : ''],
    [`${side}_canonical_service`, name],
    // Istio's word for a workload without a version.
    [`${side}_canonical_revision`, known ? party.version || 'latest' : ''],
  ];
}

/** The three labels of a service that was called; they are known even when nobody was reached. */
export function destinationServiceLabels(service: string, scope: IstioScope): Pair[] {
  const { name, namespace } = splitService(service);
  return [
    [
      'destination_service',
      isMeshService(service) ? serviceHost(service, scope.domain ?? defaultDomain) : service,
    ],
    ['destination_service_name', name],
    ['destination_service_namespace', namespace],
  ];
}

/** An outside host is its own name and has no namespace. */
function splitService(service: string): { name: string; namespace: string } {
  return isMeshService(service) ? splitServiceName(service) : { name: service, namespace: '' };
}

import type { Caller } from '@inmesh/auth';
import type { Identity, ServiceName } from '@inmesh/core';
import { splitServiceName } from '@inmesh/core';
import type { ServiceRecord } from '../state/service-record.ts';

/** One version of a service: policies select by its labels. */
export interface Callee {
  readonly service: ServiceName;
  readonly namespace: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly trustDomain: string;
}

/** The versions of a service that differ in what policies can see of them. */
export function calleesOf({ service, endpoints }: ServiceRecord, trustDomain: string): Callee[] {
  const { namespace } = splitServiceName(service);
  const byLabels = new Map<string, Callee>();
  for (const { endpoint } of endpoints.values()) {
    const { labels } = endpoint;
    const key = JSON.stringify(Object.entries(labels).sort());
    if (byLabels.has(key)) continue;
    const version = labels.version ?? '';
    byLabels.set(key, { service, namespace, version, labels, trustDomain });
  }
  return [...byLabels.values()];
}

/** Whom the endpoints of a service are when they call: usually one account. */
export function identitiesOf(
  { service, endpoints }: ServiceRecord,
  trustDomain: string,
): Identity[] {
  const { namespace } = splitServiceName(service);
  const accounts = new Set([...endpoints.values()].map(({ endpoint }) => endpoint.serviceAccount));
  return [...accounts].map((serviceAccount) => ({
    spiffeId: `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`,
    trustDomain,
    namespace,
    serviceAccount,
  }));
}

/** Every account that some service runs as, and a caller without any proof. */
export function callersOf(records: readonly ServiceRecord[], trustDomain: string): Caller[] {
  const callers = new Map<string, Caller>();
  for (const record of records) {
    for (const peer of identitiesOf(record, trustDomain)) {
      callers.set(peer.spiffeId, { name: peer.spiffeId, peer });
    }
  }
  return [...callers.values(), { name: '' }];
}

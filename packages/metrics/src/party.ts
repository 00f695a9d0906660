import { type Endpoint, type Identity, splitServiceName, type Workload } from '@inmesh/core';
import { labelText } from './label-text.ts';
import type { Party } from './series.ts';

/** What stands for everything beyond a cap. */
export const otherParty: Party = Object.freeze({
  service: 'other',
  workload: 'other',
  version: 'other',
  principal: '',
});

function partyOf(service: string, version: string, principal: string): Party {
  const safeService = labelText(service);
  const safeVersion = labelText(version);
  return Object.freeze({
    service: safeService,
    workload: workloadName(safeService, safeVersion),
    version: safeVersion,
    principal: labelText(principal),
  });
}

/** As Kubernetes deployments are usually called: `reviews-v1`. Both sides of an edge make it from the same two facts. */
function workloadName(service: string, version: string): string {
  if (service === '') return '';
  const name = isMeshService(service) ? splitServiceName(service).name : service;
  return version === '' ? name : `${name}-${version}`;
}

/** `name.namespace` has one dot; what has more is an outside host's full name. */
export function isMeshService(service: string): boolean {
  const dot = service.indexOf('.');
  return dot > 0 && service.indexOf('.', dot + 1) < 0;
}

/** This process, as either end. */
export function ownParty(workload: Workload, mutualTls: boolean): Party {
  const principal = mutualTls
    ? spiffeId(workload.trustDomain, workload.namespace, workload.serviceAccount)
    : '';
  return partyOf(workload.service, workload.version, principal);
}

/** Whom a call went to. Without an endpoint only the service's name is known. */
export function destinationParty(
  service: string,
  endpoint: Endpoint | undefined,
  mutualTls: boolean,
  trustDomain: string,
): Party {
  if (endpoint === undefined) {
    return Object.freeze({ service: labelText(service), workload: '', version: '', principal: '' });
  }
  const { namespace } = splitServiceName(endpoint.service);
  const principal = mutualTls ? spiffeId(trustDomain, namespace, endpoint.serviceAccount) : '';
  return partyOf(service, endpoint.labels.version ?? '', principal);
}

/** Who sent a request, as far as it said. A name that it only claims is a label, never proof. */
export function sourceParty(service: string, version: string, peer: Identity | undefined): Party {
  return partyOf(service, version, peer?.spiffeId ?? '');
}

function spiffeId(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

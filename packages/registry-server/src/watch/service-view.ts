import type { ServiceName, ServiceSnapshot, WireEndpoint } from '@inmesh/core';
import type { RegistryState } from '../state/registry-state.ts';
import type { RevisionCounter } from '../state/revision-counter.ts';
import type { ServiceRecord } from '../state/service-record.ts';
import { encodeFrame } from './frame.ts';

/** A service as it is told, whole. */
export function serviceSnapshot(state: RegistryState, service: ServiceName): ServiceSnapshot {
  const record = state.services.find(service);
  const endpoints: WireEndpoint[] = [];
  if (record !== undefined) {
    for (const { endpoint } of record.endpoints.values()) endpoints.push(endpoint);
  }
  const revision = state.revisions.wire(record?.revision ?? 0);
  return { service, revision, known: record !== undefined, endpoints };
}

/** A service as it is told to who may not know of it: none that there ever was. */
export function hiddenSnapshot(state: RegistryState, service: ServiceName): ServiceSnapshot {
  const revision = state.revisions.wire(state.services.find(service)?.revision ?? 0);
  return { service, revision, known: false, endpoints: [] };
}

/** The endpoints of a service that changed since its revision `from`. */
export interface MissedChanges {
  readonly record: ServiceRecord;
  readonly from: number;
  readonly endpointIds: ReadonlySet<string>;
}

/** What a client missed of `service` that has heard of everything up to `heardUntil`. */
export function missedChanges(
  state: RegistryState,
  service: ServiceName,
  heardUntil: number,
): MissedChanges | 'none' | 'forgotten' {
  const record = state.services.find(service);
  if (record === undefined)
    return heardUntil < state.services.forgottenUntil ? 'forgotten' : 'none';
  if (record.revision <= heardUntil) return 'none';
  const changes = record.log.since(heardUntil);
  return changes === undefined ? 'forgotten' : { record, ...changes };
}

/** What became of the endpoints that changed; `id`, if any, is what to resume from after it. */
export function deltaFrame(
  revisions: RevisionCounter,
  { record, from, endpointIds }: MissedChanges,
  id: number | undefined,
): Buffer {
  const upserts: WireEndpoint[] = [];
  const removes: string[] = [];
  for (const endpointId of endpointIds) {
    const present = record.endpoints.get(endpointId);
    if (present === undefined) removes.push(endpointId);
    else upserts.push(present.endpoint);
  }
  return encodeFrame(
    {
      kind: 'delta',
      service: record.service,
      from: revisions.wire(from),
      revision: revisions.wire(record.revision),
      upserts,
      removes,
    },
    id === undefined ? undefined : revisions.wire(id),
  );
}

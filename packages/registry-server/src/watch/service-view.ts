import type { ServiceName, ServiceSnapshot, WireEndpoint } from '@inmesh/core';
import type { RegistryState } from '../state/registry-state.ts';
import type { ServiceRecord } from '../state/service-record.ts';
import { encodeFrame } from './frame.ts';

/** A service as it is told, whole. */
export function serviceSnapshot(state: RegistryState, service: ServiceName): ServiceSnapshot {
  const record = state.services.find(service);
  const endpoints: WireEndpoint[] = [];
  if (record !== undefined) {
    for (const { endpoint } of record.endpoints.values()) endpoints.push(endpoint);
  }
  const revision = state.wireRevision(record?.revision ?? 0);
  return { service, revision, known: record !== undefined, endpoints };
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

/** What became of `endpointIds` since the service's revision `from`; `id`, if any, is what to resume from after it. */
export function deltaFrame(
  state: RegistryState,
  record: ServiceRecord,
  from: number,
  endpointIds: Iterable<string>,
  id: number | undefined,
): Buffer {
  const upserts: WireEndpoint[] = [];
  const removes: string[] = [];
  for (const endpointId of endpointIds) {
    const present = record.endpoints.get(endpointId);
    if (present === undefined) removes.push(endpointId);
    else upserts.push(present.endpoint);
  }
  const { service } = record;
  const revisions = {
    from: state.wireRevision(from),
    revision: state.wireRevision(record.revision),
  };
  return encodeFrame(
    { kind: 'delta', service, ...revisions, upserts, removes },
    id === undefined ? undefined : state.wireRevision(id),
  );
}

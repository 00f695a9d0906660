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

/** What became of `endpointIds` since the service's revision `from`; `id` is what to resume from after it. */
export function deltaFrame(
  state: RegistryState,
  record: ServiceRecord,
  from: number,
  endpointIds: Iterable<string>,
  id: number,
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
    state.wireRevision(id),
  );
}

import type { ServiceName } from '@inmesh/core';
import { ChangeLog } from './change-log.ts';
import type { EndpointRecord } from './endpoint-record.ts';

/** One service: who serves it now, and what changed of late. */
export interface ServiceRecord {
  readonly service: ServiceName;
  /** By id, in the order they were first registered. */
  readonly endpoints: Map<string, EndpointRecord>;
  readonly log: ChangeLog;
  /** Of the last change; 0 before the first. */
  revision: number;
}

export function createServiceRecord(service: ServiceName): ServiceRecord {
  return { service, endpoints: new Map(), log: new ChangeLog(), revision: 0 };
}

import type { Clock, Logger } from '@inmesh/core';
import type { EndpointRecord } from '../state/endpoint-record.ts';
import type { EndpointTable } from '../state/endpoint-table.ts';
import type { StateObserver } from '../state/state-observer.ts';
import type { SharedWrite } from '../store/shared-store.ts';
import type { StoreMirror } from '../store/store-mirror.ts';
import { clusterKey, formatEntry, parseClusterKey } from './cluster-entries.ts';
import type { Election } from './election.ts';
import { KeyWriter } from './key-writer.ts';

export interface HealthBoardOptions {
  readonly endpoints: EndpointTable;
  readonly election: Election;
  readonly mirror: StoreMirror;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The endpoints whose probes fail: the leader probes, and all servers know. */
export class HealthBoard implements StateObserver {
  readonly #options: HealthBoardOptions;
  readonly #writer: KeyWriter;
  readonly #unhealthy = new Set<string>();

  constructor(options: HealthBoardOptions) {
    this.#options = options;
    this.#writer = new KeyWriter({
      ...options,
      guard: () => options.election.guard(),
      plan: (key) => this.#plan(key),
      onWritten: () => {},
    });
    options.election.onChange((leading) => {
      // Whoever led before may not have got round to it.
      if (leading) for (const id of this.#unhealthy) this.#writer.mark(clusterKey('health', id));
    });
  }

  /** What this server's probe found. */
  report(record: EndpointRecord, healthy: boolean): void {
    this.#options.endpoints.setHealthy(record, healthy);
    this.#note(record.id, healthy);
    this.#writer.mark(clusterKey('health', record.id));
  }

  /** What the store says. */
  heard(id: string, healthy: boolean): void {
    this.#note(id, healthy);
    const record = this.#options.endpoints.find(id);
    if (record !== undefined) this.#apply(record);
  }

  endpointRegistered(record: EndpointRecord): void {
    this.#apply(record);
  }

  endpointRemoved({ id }: EndpointRecord): void {
    if (this.#unhealthy.has(id)) this.#writer.mark(clusterKey('health', id));
  }

  wake(): void {
    this.#writer.wake();
  }

  close(): void {
    this.#writer.close();
  }

  #note(id: string, healthy: boolean): void {
    if (healthy) this.#unhealthy.delete(id);
    else this.#unhealthy.add(id);
  }

  #apply(record: EndpointRecord): void {
    const healthy = record.probe === undefined || !this.#unhealthy.has(record.id);
    if (healthy !== record.healthy) this.#options.endpoints.setHealthy(record, healthy);
    if (record.probe === undefined && this.#unhealthy.has(record.id)) {
      this.#writer.mark(clusterKey('health', record.id));
    }
  }

  #plan(key: string): SharedWrite | undefined {
    const { endpoints, mirror } = this.#options;
    const parsed = parseClusterKey(key);
    if (parsed?.kind !== 'health') return undefined;
    const record = endpoints.find(parsed.name);
    const expected = mirror.revisionOf(key);
    if (record?.probe !== undefined && !record.healthy) {
      if (expected !== undefined) return undefined;
      return { kind: 'put', key, value: formatEntry({ healthy: false }), expected: null };
    }
    this.#unhealthy.delete(parsed.name);
    return expected === undefined ? undefined : { kind: 'delete', key, expected };
  }
}

import type { ServiceName } from '@inmesh/core';
import { createServiceRecord, type ServiceRecord } from './service-record.ts';

/**
 * Services that have no endpoint any more are remembered, so that callers hear "nobody is up"
 * and not "no such service"; only so many, or a stream of new names would fill the memory.
 */
const maxEmptyServices = 10_000;

/** The services by name. */
export class ServiceTable {
  readonly #byName = new Map<ServiceName, ServiceRecord>();
  /** Without endpoints, the longest empty first. */
  readonly #empty = new Set<ServiceRecord>();
  #sortedNames: ServiceName[] | undefined;
  #forgottenUntil = 0;

  get size(): number {
    return this.#byName.size;
  }

  /** The highest revision of a service that was forgotten: a client that knows less missed something. */
  get forgottenUntil(): number {
    return this.#forgottenUntil;
  }

  find(service: ServiceName): ServiceRecord | undefined {
    return this.#byName.get(service);
  }

  /** In no order. */
  all(): Iterable<ServiceRecord> {
    return this.#byName.values();
  }

  /** The record of `service`, made when it is new. */
  obtain(service: ServiceName): ServiceRecord {
    let record = this.#byName.get(service);
    if (record === undefined) {
      record = createServiceRecord(service);
      this.#byName.set(service, record);
      this.#sortedNames = undefined;
    }
    return record;
  }

  /** Tells that the number of `record`'s endpoints may have become or left zero. */
  sizeChanged(record: ServiceRecord): void {
    this.#empty.delete(record);
    if (record.endpoints.size > 0) return;
    this.#empty.add(record);
    if (this.#empty.size <= maxEmptyServices) return;
    const longest = this.#empty.values().next().value as ServiceRecord;
    this.#empty.delete(longest);
    this.#byName.delete(longest.service);
    this.#sortedNames = undefined;
    this.#forgottenUntil = Math.max(this.#forgottenUntil, longest.revision);
  }

  /** Up to `limit` services whose name sorts after `after`. */
  page(after: ServiceName, limit: number): ServiceRecord[] {
    this.#sortedNames ??= [...this.#byName.keys()].sort();
    const names = this.#sortedNames;
    let low = 0;
    let high = names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((names[middle] as string) <= after) low = middle + 1;
      else high = middle;
    }
    return names.slice(low, low + limit).map((name) => this.#byName.get(name) as ServiceRecord);
  }
}

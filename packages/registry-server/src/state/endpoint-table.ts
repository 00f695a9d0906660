import type { Clock, Endpoint, EndpointStatus, Logger } from '@inmesh/core';
import { type EndpointRecord, effectiveStatus, type Holder } from './endpoint-record.ts';
import type { RevisionCounter } from './revision-counter.ts';
import { ServiceTable } from './service-table.ts';
import type { StateObservers } from './state-observer.ts';

export interface EndpointTableOptions {
  readonly revisions: RevisionCounter;
  /** How long an endpoint that left is shown as draining before it is removed; 0 removes at once. */
  readonly removalHoldMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observers: StateObservers;
}

/** The endpoints: who holds each, what is seen of it, and the revision of every change that others see. */
export class EndpointTable {
  readonly services: ServiceTable = new ServiceTable();
  readonly #byId = new Map<string, EndpointRecord>();
  /** Let go and not yet removed, the first to go first: all wait equally long. */
  readonly #leaving = new Set<EndpointRecord>();
  readonly #overrides = new Map<string, EndpointStatus>();
  readonly #options: EndpointTableOptions;

  constructor(options: EndpointTableOptions) {
    this.#options = options;
  }

  /** Endpoints that somebody holds. */
  get held(): number {
    return this.#byId.size - this.#leaving.size;
  }

  find(id: string): EndpointRecord | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<EndpointRecord> {
    return this.#byId.values();
  }

  /** Adds an endpoint that is not here. */
  add(declared: Endpoint, holder: Holder): EndpointRecord {
    const service = this.services.obtain(declared.service);
    const { id } = declared;
    const record: EndpointRecord = {
      id,
      service,
      registeredAt: this.#options.clock.now(),
      holder,
      declared,
      probe: undefined,
      healthy: true,
      endpoint: declared,
    };
    this.#byId.set(id, record);
    service.endpoints.set(id, record);
    this.services.sizeChanged(service);
    this.#log('endpoint registered', record);
    this.#show(record);
    return record;
  }

  /** Changes an endpoint that is here; also takes it back when it was leaving. */
  update(record: EndpointRecord, declared: Endpoint, holder: Holder): void {
    this.#leaving.delete(record);
    record.holder = holder;
    record.declared = declared;
    this.#refresh(record);
  }

  /**
   * Traffic stops at once, as for a draining endpoint; the removal waits. A process that
   * deregisters and comes straight back is then an update to its watchers, and not a removal that
   * costs them pools, statistics and a rebuilt hash ring.
   */
  leave(record: EndpointRecord): void {
    const { removalHoldMs, clock } = this.#options;
    if (removalHoldMs === 0) {
      this.remove(record);
      return;
    }
    record.holder = { name: 'leaving', since: clock.now() };
    this.#leaving.add(record);
    this.#refresh(record);
  }

  remove(record: EndpointRecord): void {
    this.#leaving.delete(record);
    this.#byId.delete(record.id);
    record.service.endpoints.delete(record.id);
    this.#publish(record);
    this.services.sizeChanged(record.service);
    this.#log('endpoint removed', record);
    this.#options.observers.endpointRemoved(record);
  }

  /** Removes what left long enough ago. */
  removeLeft(): void {
    const until = this.#options.clock.now() - this.#options.removalHoldMs;
    for (const record of this.#leaving) {
      if (record.holder.name === 'leaving' && record.holder.since > until) return;
      this.remove(record);
    }
  }

  /** What the probes found. */
  setHealthy(record: EndpointRecord, healthy: boolean): void {
    record.healthy = healthy;
    this.#refresh(record);
  }

  /** An operator's word on an endpoint, whether it is here yet or not; `undefined` takes it back. */
  setOverride(id: string, status: EndpointStatus | undefined): void {
    if (status === undefined) this.#overrides.delete(id);
    else this.#overrides.set(id, status);
    const record = this.#byId.get(id);
    if (record !== undefined) this.#refresh(record);
  }

  /** An operator's word on an endpoint, if there is one. */
  overrideOf(id: string): EndpointStatus | undefined {
    return this.#overrides.get(id);
  }

  /** Publishes `record` when what others see of it is not what they saw. */
  #refresh(record: EndpointRecord): void {
    const { declared, endpoint } = record;
    const status = effectiveStatus(record, this.#overrides.get(record.id));
    if (status !== endpoint.status || !sameDeclaration(declared, endpoint)) this.#show(record);
  }

  #show(record: EndpointRecord): void {
    const { declared } = record;
    const status = effectiveStatus(record, this.#overrides.get(record.id));
    record.endpoint = declared.status === status ? declared : { ...declared, status };
    this.#publish(record);
  }

  #publish({ id, service }: EndpointRecord): void {
    service.revision = this.#options.revisions.next();
    service.log.append(service.revision, id);
    this.#options.observers.serviceChanged(service);
  }

  #log(message: string, { id, service, declared }: EndpointRecord): void {
    const { address } = declared;
    this.#options.logger.debug({ endpoint: id, service: service.service, address }, message);
  }
}

/** Whether two descriptions say the same but for the status. Key order counts, which costs at most a needless change. */
function sameDeclaration(a: Endpoint, b: Endpoint): boolean {
  return a === b || JSON.stringify({ ...a, status: '' }) === JSON.stringify({ ...b, status: '' });
}

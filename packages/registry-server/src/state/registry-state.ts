import { randomBytes } from 'node:crypto';
import {
  type Clock,
  type Endpoint,
  type EndpointStatus,
  type HealthProbe,
  type Logger,
  MeshError,
  type ServiceName,
  type WireRevision,
} from '@inmesh/core';
import { type EndpointRecord, effectiveStatus, type Holder } from './endpoint-record.ts';
import type { ServiceRecord } from './service-record.ts';
import { ServiceTable } from './service-table.ts';
import type { Session } from './session.ts';
import { SessionTable } from './session-table.ts';

/** Hears of every change, synchronously and after it is complete. Must not throw. */
export interface StateObserver {
  serviceChanged(service: ServiceRecord): void;
  /** Also for one that was replaced: its probe may be another. */
  endpointRegistered(record: EndpointRecord): void;
  endpointRemoved(record: EndpointRecord): void;
  sessionEnded(session: Session): void;
}

export interface StateLimits {
  readonly sessions: number;
  readonly registrationsPerSession: number;
}

export interface StateOptions {
  readonly limits: StateLimits;
  /** How long an endpoint that deregistered is shown as draining before it is removed. */
  readonly removalHoldMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What the registry knows, and the only place that changes it: pure bookkeeping, synchronous,
 * without I/O or timers. Every change takes the next revision; revisions are one sequence over
 * all services, so that one number says how far a client has heard.
 */
export class RegistryState {
  /** Names this run: revisions of another run mean nothing here. */
  readonly epoch: string = randomBytes(6).toString('hex');
  readonly sessions: SessionTable;
  readonly services: ServiceTable = new ServiceTable();
  readonly #endpoints = new Map<string, EndpointRecord>();
  /** Deregistered and not yet removed, the first to go first: all wait equally long. */
  readonly #leaving = new Set<EndpointRecord>();
  readonly #overrides = new Map<string, EndpointStatus>();
  readonly #options: StateOptions;
  readonly #observers: StateObserver[] = [];
  #revision = 0;

  constructor(options: StateOptions) {
    this.#options = options;
    this.sessions = new SessionTable(options.limits.sessions);
  }

  observe(observer: StateObserver): void {
    this.#observers.push(observer);
  }

  get revision(): number {
    return this.#revision;
  }

  /** Endpoints that a session holds. */
  get registrations(): number {
    return this.#endpoints.size - this.#leaving.size;
  }

  wireRevision(revision: number = this.#revision): WireRevision {
    return `${this.epoch}:${revision}`;
  }

  /** The next number of the sequence, for something that has to be told apart from all before it. */
  nextRevision(): number {
    this.#revision += 1;
    return this.#revision;
  }

  findEndpoint(id: string): EndpointRecord | undefined {
    return this.#endpoints.get(id);
  }

  openSession(client: string): Session {
    return this.sessions.open(client, this.#options.clock.now());
  }

  renew(token: string): boolean {
    return this.sessions.renew(token, this.#options.clock.now());
  }

  /** A clean goodbye: the session's endpoints leave as if each had been deregistered. */
  closeSession(session: Session): void {
    this.sessions.remove(session);
    for (const record of session.registrations.values()) this.#leave(record);
    this.#ended(session);
  }

  /** The process is gone: its endpoints go at once, they had a whole TTL to come back. */
  expireSession(session: Session): void {
    this.sessions.remove(session);
    for (const record of session.registrations.values()) this.#remove(record);
    this.#ended(session);
  }

  /**
   * Registers or changes an endpoint; gives the service's revision. Another session's endpoint is
   * taken over: a process that restarted fast comes back before its old session ended.
   * Throws `conflict` when the id belongs to another service, `overloaded` at the session's limit.
   */
  register(session: Session, declared: Endpoint, probe: HealthProbe | undefined): number {
    const { id } = declared;
    let known = this.#endpoints.get(id);
    if (known !== undefined && known.service.service !== declared.service) {
      if (known.holder.name === 'held') throw idTaken(id, known.service.service);
      this.#remove(known);
      known = undefined;
    }
    if (!session.registrations.has(id)) this.#checkRoom(session);
    const record = known ?? this.#create(declared, { name: 'held', session });
    if (record.holder.name === 'held' && record.holder.session !== session) {
      record.holder.session.registrations.delete(id);
      const from = record.holder.session.client;
      this.#options.logger.warn({ endpoint: id, from, to: session.client }, 'endpoint taken over');
    }
    this.#leaving.delete(record);
    record.holder = { name: 'held', session };
    record.declared = declared;
    if (probe === undefined) record.healthy = true;
    record.probe = probe;
    session.registrations.set(id, record);
    if (known === undefined) this.#changed(record);
    else this.#refresh(record);
    for (const observer of this.#observers) observer.endpointRegistered(record);
    return record.service.revision;
  }

  deregister(session: Session, id: string): void {
    const record = session.registrations.get(id);
    if (record === undefined) return;
    session.registrations.delete(id);
    this.#leave(record);
  }

  /** Removes what deregistered long enough ago. */
  removeLeft(): void {
    const until = this.#options.clock.now() - this.#options.removalHoldMs;
    for (const record of this.#leaving) {
      if (record.holder.name === 'leaving' && record.holder.since > until) return;
      this.#remove(record);
    }
  }

  /** What the probes found. */
  setHealthy(record: EndpointRecord, healthy: boolean): void {
    record.healthy = healthy;
    this.#refresh(record);
  }

  overrideOf(id: string): EndpointStatus | undefined {
    return this.#overrides.get(id);
  }

  /** An operator's word on an endpoint, whether it is here yet or not; `undefined` takes it back. */
  setOverride(id: string, status: EndpointStatus | undefined): void {
    if (status === undefined) this.#overrides.delete(id);
    else this.#overrides.set(id, status);
    const record = this.#endpoints.get(id);
    if (record !== undefined) this.#refresh(record);
  }

  #create(declared: Endpoint, holder: Holder): EndpointRecord {
    const service = this.services.obtain(declared.service);
    const record: EndpointRecord = {
      id: declared.id,
      service,
      holder,
      declared,
      probe: undefined,
      healthy: true,
      endpoint: declared,
    };
    this.#endpoints.set(record.id, record);
    service.endpoints.set(record.id, record);
    this.services.sizeChanged(service);
    this.#log('endpoint registered', record);
    return record;
  }

  /**
   * Traffic stops at once, as for a draining endpoint; the removal waits. A process that
   * deregisters and comes straight back is then an update to its watchers, and not a removal that
   * costs them pools, statistics and a rebuilt hash ring.
   */
  #leave(record: EndpointRecord): void {
    if (this.#options.removalHoldMs === 0) {
      this.#remove(record);
      return;
    }
    record.holder = { name: 'leaving', since: this.#options.clock.now() };
    this.#leaving.add(record);
    this.#refresh(record);
  }

  #remove(record: EndpointRecord): void {
    this.#leaving.delete(record);
    this.#endpoints.delete(record.id);
    record.service.endpoints.delete(record.id);
    this.#publish(record);
    this.services.sizeChanged(record.service);
    this.#log('endpoint removed', record);
    for (const observer of this.#observers) observer.endpointRemoved(record);
  }

  #log(message: string, { id, service, declared }: EndpointRecord): void {
    const { address } = declared;
    this.#options.logger.debug({ endpoint: id, service: service.service, address }, message);
  }

  /** Publishes `record` when what others see of it is not what they saw. */
  #refresh(record: EndpointRecord): void {
    const status = effectiveStatus(record, this.#overrides.get(record.id));
    const before = record.endpoint;
    if (status === before.status && sameDeclaration(record.declared, before)) return;
    this.#changed(record);
  }

  #changed(record: EndpointRecord): void {
    const { declared } = record;
    const status = effectiveStatus(record, this.#overrides.get(record.id));
    record.endpoint = declared.status === status ? declared : { ...declared, status };
    this.#publish(record);
  }

  #publish(record: EndpointRecord): void {
    const { service } = record;
    service.revision = this.nextRevision();
    service.log.append(service.revision, record.id);
    for (const observer of this.#observers) observer.serviceChanged(service);
  }

  #ended(session: Session): void {
    for (const observer of this.#observers) observer.sessionEnded(session);
    session.registrations.clear();
    session.subscriptions.clear();
  }

  #checkRoom(session: Session): void {
    const limit = this.#options.limits.registrationsPerSession;
    if (session.registrations.size < limit) return;
    throw new MeshError(
      'overloaded',
      `registry: session of ${session.client} holds ${limit} registrations, the most that one may; open another or raise limits.registrationsPerSession`,
    );
  }
}

function idTaken(id: string, service: ServiceName): MeshError {
  return new MeshError(
    'conflict',
    `registry: endpoint id ${JSON.stringify(id)} belongs to ${service}; ids are unique over all services, choose another or deregister that one first`,
    { endpoint: id },
  );
}

/** Whether two descriptions say the same but for the status. Key order counts, which costs at most a needless change. */
function sameDeclaration(a: Endpoint, b: Endpoint): boolean {
  return a === b || JSON.stringify({ ...a, status: '' }) === JSON.stringify({ ...b, status: '' });
}

import {
  type Clock,
  type Endpoint,
  type HealthProbe,
  type Logger,
  MeshError,
  type ServiceName,
} from '@inmesh/core';
import { everybody, type Principal } from '../access/principal.ts';
import type { EndpointRecord, Holder } from './endpoint-record.ts';
import { EndpointTable } from './endpoint-table.ts';
import { RevisionCounter } from './revision-counter.ts';
import type { ServiceTable } from './service-table.ts';
import type { Session } from './session.ts';
import { SessionTable } from './session-table.ts';
import { StateObservers } from './state-observer.ts';

interface StateLimits {
  readonly sessions: number;
  readonly sessionsPerIdentity: number;
  readonly registrationsPerSession: number;
  readonly endpointsPerService: number;
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
 * without I/O or timers. Sessions hold endpoints; an endpoint is gone some time after its holder.
 */
export class RegistryState {
  readonly revisions: RevisionCounter = new RevisionCounter();
  readonly sessions: SessionTable;
  readonly endpoints: EndpointTable;
  readonly observers: StateObservers = new StateObservers();
  readonly #options: StateOptions;

  constructor(options: StateOptions) {
    this.#options = options;
    this.sessions = new SessionTable(options.limits.sessions, options.limits.sessionsPerIdentity);
    const { revisions, observers } = this;
    this.endpoints = new EndpointTable({ ...options, revisions, observers });
  }

  get services(): ServiceTable {
    return this.endpoints.services;
  }

  openSession(client: string, service?: ServiceName, owner: Principal = everybody): Session {
    const session = this.sessions.open({ client, service, owner }, this.#options.clock.now());
    this.observers.sessionOpened(session);
    return session;
  }

  /** The hot path: its process is alive and has its session here. `false` when there is no such session. */
  renew(token: string): boolean {
    const session = this.sessions.renew(token, this.#options.clock.now());
    if (session === undefined) return false;
    if (session.disputed.size > 0) this.#reclaim(session);
    return true;
  }

  /** Others may have taken over what is here: whoever is not `told` of it otherwise is, by its next renewal. */
  sendAway(told: (session: Session) => boolean): void {
    for (const session of this.sessions.all()) session.toMove = !told(session);
  }

  /** Throws `registry_unavailable`, once: a client that finds no other server comes back, and is renewed. */
  refuseRenewal(session: Session): never {
    session.toMove = false;
    session.mayBeElsewhere = true;
    throw outOfTouch();
  }

  /** A clean goodbye: the session's endpoints leave as if each had been deregistered. */
  closeSession(session: Session): void {
    this.#reclaim(session);
    this.#end(session, (record) => this.#leave(record));
  }

  /** The process is gone: its endpoints go at once, they had a whole TTL to come back. */
  expireSession(session: Session): void {
    this.#end(session, (record) => this.endpoints.remove(record));
  }

  /** Ends the session and leaves its endpoints to whoever says what becomes of them. */
  abandonSession(session: Session): void {
    this.#end(session, (record) => {
      record.holder = { name: 'elsewhere' };
    });
  }

  /** What another server says of an endpoint. It has it from now on, whoever had it here. */
  learn(declared: Endpoint, probe: HealthProbe | undefined): void {
    let known = this.endpoints.find(declared.id);
    if (known !== undefined) {
      this.#dispute(known, declared);
      this.#release(known);
    }
    if (known !== undefined && known.service.service !== declared.service) {
      this.endpoints.remove(known);
      known = undefined;
    }
    this.#put(known, declared, probe, { name: 'elsewhere' });
  }

  /** Puts endpoints of a session whose server is gone under one here, which ends like any other unless they are taken over. */
  adopt(client: string, records: readonly EndpointRecord[]): void {
    const session = this.sessions.adopt(client, this.#options.clock.now());
    for (const record of records) {
      record.holder = { name: 'held', session };
      session.registrations.set(record.id, record);
    }
  }

  /**
   * Registers or changes an endpoint; gives the service's revision. Another session's endpoint is
   * taken over: a process that restarted fast comes back before its old session ended.
   * Throws `conflict` when the id belongs to another service, `overloaded` at the session's or the
   * service's limit.
   */
  register(session: Session, declared: Endpoint, probe: HealthProbe | undefined): number {
    const known = this.#findForService(declared);
    if (!session.registrations.has(declared.id)) this.#checkRoom(session);
    if (known === undefined) this.#checkRoomOf(declared.service);
    if (known !== undefined) this.#takeOver(known, session);
    const record = this.#put(known, declared, probe, { name: 'held', session });
    return record.service.revision;
  }

  deregister(session: Session, id: string): void {
    this.#reclaim(session);
    const record = session.registrations.get(id);
    if (record === undefined) return;
    session.registrations.delete(id);
    this.#leave(record);
  }

  #put(
    known: EndpointRecord | undefined,
    declared: Endpoint,
    probe: HealthProbe | undefined,
    holder: Holder,
  ): EndpointRecord {
    // Without a probe there is nobody to say that it recovered.
    if (known !== undefined && probe === undefined) known.healthy = true;
    if (known !== undefined) this.endpoints.update(known, declared, holder);
    const record = known ?? this.endpoints.add(declared, holder);
    record.probe = probe;
    if (holder.name === 'held') {
      holder.session.registrations.set(record.id, record);
      holder.session.disputed.delete(record.id);
    }
    this.observers.endpointRegistered(record);
    return record;
  }

  #leave(record: EndpointRecord): void {
    this.endpoints.leave(record);
    this.observers.endpointLeft(record);
  }

  #end(session: Session, release: (record: EndpointRecord) => void): void {
    this.sessions.remove(session);
    for (const record of session.registrations.values()) release(record);
    this.observers.sessionEnded(session);
    session.registrations.clear();
    session.disputed.clear();
    session.subscriptions.clear();
  }

  /** The endpoint of that id. One of another service makes way when nobody holds it any more. */
  #findForService({ id, service }: Endpoint): EndpointRecord | undefined {
    const known = this.endpoints.find(id);
    if (known === undefined || known.service.service === service) return known;
    if (known.holder.name !== 'leaving') throw idTaken(id, known.service.service);
    this.endpoints.remove(known);
    return undefined;
  }

  #takeOver(record: EndpointRecord, session: Session): void {
    const { id, holder } = record;
    if (holder.name !== 'held' || holder.session === session) return;
    this.#release(record);
    if (holder.session.orphan) return;
    const fields = { endpoint: id, from: holder.session.client, to: session.client };
    this.#options.logger.warn(fields, 'endpoint taken over');
  }

  /** Takes the endpoint from its session, which ends with the last one when nobody else is to come. */
  #release({ id, holder }: EndpointRecord): void {
    if (holder.name !== 'held') return;
    const { session } = holder;
    session.registrations.delete(id);
    if (session.registrations.size > 0) return;
    session.mayBeElsewhere = true;
    if (session.orphan) this.#end(session, () => {});
  }

  /** Notes what the holder said, in case that it says it is still here. */
  #dispute({ id, holder, declared, probe }: EndpointRecord, learned: Endpoint): void {
    if (holder.name !== 'held' || holder.session.orphan) return;
    if (isOfSameProcess(declared, learned)) holder.session.disputed.set(id, { declared, probe });
  }

  /**
   * The session was heard from: what it registered is its own, unless another process has it by now.
   * Where there is no room for it, it stays for the next time.
   */
  #reclaim(session: Session): void {
    const { logger } = this.#options;
    for (const [id, { declared, probe }] of session.disputed) {
      const known = this.endpoints.find(id);
      const fields = { endpoint: id, client: session.client };
      if (known !== undefined && !isOfSameProcess(known.declared, declared)) {
        session.disputed.delete(id);
        continue;
      }
      try {
        this.register(session, declared, probe);
        logger.info(fields, 'endpoint taken back: its process is here');
      } catch (err) {
        logger.warn(
          { err, ...fields },
          'an endpoint whose process is here could not be taken back',
        );
      }
    }
  }

  #checkRoom({ client, registrations }: Session): void {
    const limit = this.#options.limits.registrationsPerSession;
    if (registrations.size < limit) return;
    throw new MeshError(
      'overloaded',
      `registry: session of ${client} holds ${limit} registrations, the most that one may; open another or raise limits.registrationsPerSession`,
    );
  }

  /** Whoever may speak for a service, through whichever door, must not fill the memory with it. */
  #checkRoomOf(service: ServiceName): void {
    const limit = this.#options.limits.endpointsPerService;
    if ((this.services.find(service)?.endpoints.size ?? 0) < limit) return;
    throw new MeshError(
      'overloaded',
      `registry: ${service} has ${limit} endpoints, the most that one service may; raise limits.endpointsPerService`,
      { service },
    );
  }
}

/** Two processes cannot listen at one address. */
function isOfSameProcess(a: Endpoint, b: Endpoint): boolean {
  return (
    a.service === b.service &&
    a.address === b.address &&
    a.ports.length === b.ports.length &&
    a.ports.every(({ port }, i) => port === b.ports[i]?.port)
  );
}

/** Said to clients that hold something here, and are better off at another server. */
export function outOfTouch(): MeshError {
  return new MeshError(
    'registry_unavailable',
    'registry: this server has lost touch with the others, which take over what it has; go to one of them, or come back here when there is none',
  );
}

function idTaken(id: string, service: ServiceName): MeshError {
  return new MeshError(
    'conflict',
    `registry: endpoint id ${JSON.stringify(id)} belongs to ${service}; ids are unique over all services, choose another or deregister that one first`,
    { endpoint: id },
  );
}

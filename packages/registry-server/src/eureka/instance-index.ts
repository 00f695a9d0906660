import type { Clock, ServiceName } from '@inmesh/core';
import { splitServiceName } from '@inmesh/core';
import {
  type EurekaAction,
  type EurekaInstance,
  instanceHash,
  instanceOf,
} from '@inmesh/core/eureka';
import { addressFault } from '../probe/address-policy.ts';
import type { EndpointRecord } from '../state/endpoint-record.ts';
import type { EndpointTable } from '../state/endpoint-table.ts';
import type { ServiceRecord } from '../state/service-record.ts';
import type { StateObserver } from '../state/state-observer.ts';

/** One endpoint as Eureka's clients see it, since its last change. Immutable, but for what is kept of its encodings. */
export interface IndexEntry {
  readonly endpointId: string;
  readonly instance: EurekaInstance;
  readonly action: EurekaAction;
  /** Monotonic milliseconds. */
  readonly changedAt: number;
  /** Encoded when first asked for. */
  json?: string;
  xml?: string;
}

/** How long deltas tell a change: clients fetch each 30 s, so one that missed a few need not fetch all. */
const deltaMs = 180_000;

/** Hears of each change of an instance, after it. */
export type IndexListener = (entry: IndexEntry) => void;

/** The Eureka view of one namespace, kept up with the state change by change. */
export class InstanceIndex implements StateObserver {
  readonly #endpoints: EndpointTable;
  readonly #namespace: string;
  readonly #clock: Clock;
  readonly #byEndpoint = new Map<string, IndexEntry>();
  readonly #apps = new Map<string, Map<string, IndexEntry>>();
  /** Each endpoint's last change, the longest ago first. */
  readonly #recent = new Map<string, IndexEntry>();
  readonly #counts = new Map<string, number>();
  readonly #listeners: IndexListener[] = [];
  #version = 0;

  constructor(endpoints: EndpointTable, namespace: string, clock: Clock) {
    this.#endpoints = endpoints;
    this.#namespace = namespace;
    this.#clock = clock;
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#byEndpoint.size;
  }

  onChange(listener: IndexListener): void {
    this.#listeners.push(listener);
  }

  serviceChanged(service: ServiceRecord): void {
    if (!this.#covers(service.service)) return;
    // One publication at a time: what came with this revision.
    const { endpointIds = new Set<string>() } = service.log.since(service.revision - 1) ?? {};
    for (const id of endpointIds) this.#refresh(id, service.endpoints.get(id));
  }

  /** An override may change without anybody else seeing a difference. */
  overrideChanged(record: EndpointRecord): void {
    if (this.#covers(record.service.service)) this.#refresh(record.id, record);
  }

  /** The entry of an endpoint that is shown. */
  findEndpoint(endpointId: string): IndexEntry | undefined {
    return this.#byEndpoint.get(endpointId);
  }

  find(app: string, instanceId: string): IndexEntry | undefined {
    return this.#apps.get(app)?.get(instanceId);
  }

  /** Eureka's ids are unique in their app only: the first that has it. */
  findAnywhere(instanceId: string): IndexEntry | undefined {
    for (const app of this.#apps.values()) {
      const entry = app.get(instanceId);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  app(app: string): Iterable<IndexEntry> | undefined {
    return this.#apps.get(app)?.values();
  }

  apps(): Iterable<[app: string, entries: Iterable<IndexEntry>]> {
    return [...this.#apps].map(([app, entries]) => [app, entries.values()]);
  }

  all(): Iterable<IndexEntry> {
    return this.#byEndpoint.values();
  }

  /** What changed of late, each instance once, as it is now. */
  recent(): Iterable<IndexEntry> {
    const until = this.#clock.now() - deltaMs;
    for (const [id, { changedAt }] of this.#recent) {
      if (changedAt > until) break;
      this.#recent.delete(id);
    }
    return this.#recent.values();
  }

  /** `DOWN_1_UP_12_`: by this clients find out that they missed something. */
  get hash(): string {
    return instanceHash(this.#counts);
  }

  #covers(service: ServiceName): boolean {
    return splitServiceName(service).namespace === this.#namespace;
  }

  #refresh(endpointId: string, record: EndpointRecord | undefined): void {
    const before = this.#byEndpoint.get(endpointId);
    // One that is leaving is gone for Eureka's clients, who ask again in half a minute.
    const after = record?.holder.name === 'leaving' ? undefined : record?.endpoint;
    if (before === undefined && after === undefined) return;
    if (before !== undefined) this.#take(before);
    const now = this.#clock.now();
    const entry: IndexEntry =
      after === undefined
        ? { ...(before as IndexEntry), action: 'DELETED', changedAt: now, ...notEncoded }
        : {
            endpointId,
            instance: instanceOf(
              after,
              this.#endpoints.overrideOf(endpointId),
              Math.round(this.#clock.wallNow()),
              addressFault,
            ),
            action: before === undefined ? 'ADDED' : 'MODIFIED',
            changedAt: now,
          };
    if (entry.action !== 'DELETED') this.#put(entry);
    this.#version += 1;
    this.#recent.delete(endpointId);
    this.#recent.set(endpointId, entry);
    for (const listener of this.#listeners) listener(entry);
  }

  #put(entry: IndexEntry): void {
    const { app, instanceId, status } = entry.instance;
    this.#byEndpoint.set(entry.endpointId, entry);
    let instances = this.#apps.get(app);
    if (instances === undefined) {
      instances = new Map();
      this.#apps.set(app, instances);
    }
    instances.set(instanceId, entry);
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + 1);
  }

  #take({ endpointId, instance: { app, instanceId, status } }: IndexEntry): void {
    this.#byEndpoint.delete(endpointId);
    const instances = this.#apps.get(app);
    instances?.delete(instanceId);
    if (instances?.size === 0) this.#apps.delete(app);
    this.#counts.set(status, (this.#counts.get(status) ?? 1) - 1);
  }
}

const notEncoded = { json: undefined as never, xml: undefined as never };

import {
  type Clock,
  checkLabel,
  type EndpointList,
  type EndpointListener,
  type Logger,
  MeshError,
  type ServiceName,
  splitServiceName,
  type Timer,
  type Unsubscribe,
} from '@inmesh/core';
import { type EntryContext, ServiceEntry } from './service-entry.ts';
import type { DeltaFrame, HelloFrame, SnapshotFrame } from './watch-frame.ts';
import { isOlder } from './wire-revision.ts';

/** The wire's limit for one session's subscriptions. */
const maxFollowed = 1_000;

export interface ServiceCacheOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly flapHoldMs: number;
  /** The set of followed services changed. */
  readonly onFollowedChange: () => void;
  /** Some list changed that is worth keeping over a restart. */
  readonly onListChange: () => void;
}

/** Whether a frame fitted what was known; a `gap` means that something was missed. */
export type Applied = 'applied' | 'gap';

/** Every service's list, and what the frames of the watch stream do to them. */
export class ServiceCache {
  readonly #options: ServiceCacheOptions;
  readonly #context: EntryContext;
  readonly #entries = new Map<ServiceName, ServiceEntry>();
  /** Services with a follower. */
  readonly #followed = new Set<ServiceName>();
  readonly #holding = new Set<ServiceEntry>();
  #holdTimer: Timer | undefined;
  #settling = false;
  #restored = false;
  #closed = false;

  constructor(options: ServiceCacheOptions) {
    this.#options = options;
    this.#context = {
      clock: options.clock,
      logger: options.logger,
      flapHoldMs: options.flapHoldMs,
      heardAt: options.clock.now(),
    };
  }

  get followed(): ReadonlySet<ServiceName> {
    return this.#followed;
  }

  get settling(): boolean {
    return this.#settling;
  }

  /** Whether the stream may go on where it ended: nothing is missing and nothing in doubt. */
  get resumable(): boolean {
    if (this.#settling) return false;
    for (const service of this.#followed) {
      const entry = this.#entries.get(service);
      if (entry?.base === undefined || entry.unconfirmed) return false;
    }
    return true;
  }

  get(service: ServiceName): EndpointList | undefined {
    return this.#entries.get(service)?.list;
  }

  follow(service: ServiceName, listener: EndpointListener): Unsubscribe {
    const { name, namespace } = splitServiceName(service);
    checkLabel(name, 'service');
    checkLabel(namespace, 'namespace');
    const canonical = `${name}.${namespace}`;
    if (!this.#followed.has(canonical) && this.#followed.size >= maxFollowed) {
      throw new MeshError(
        'overloaded',
        `${canonical}: one process follows at most ${maxFollowed} services; let go of some first`,
        { service: canonical },
      );
    }
    const entry = this.#entry(canonical);
    // A set holds a function once, but two followers may share one.
    const own: EndpointListener = (list) => listener(list);
    entry.listeners.add(own);
    entry.wasFollowed = true;
    if (!this.#followed.has(canonical)) {
      this.#followed.add(canonical);
      this.#options.onFollowedChange();
    }
    if (entry.list !== undefined) entry.tell(own, entry.list);
    return () => {
      if (!entry.listeners.delete(own) || entry.listeners.size > 0) return;
      this.#followed.delete(canonical);
      // Names that lead nowhere must not pile up while there is no registry to tell so.
      if (entry.list === undefined) this.#entries.delete(canonical);
      this.#options.onFollowedChange();
    };
  }

  /** Any byte from the registry: what is live is confirmed. */
  heard(): void {
    this.#context.heardAt = this.#options.clock.now();
  }

  hello(frame: HelloFrame): void {
    this.#settling = frame.settling;
    if (!frame.resumed) this.forgetBases();
    else for (const entry of this.#entries.values()) entry.resume();
  }

  snapshot(frame: SnapshotFrame): Applied {
    const entry = this.#entries.get(frame.service);
    if (entry === undefined) return 'applied';
    if (entry.base !== undefined && isOlder(frame.revision, entry.base)) return 'gap';
    entry.applySnapshot(frame, !this.#settling && frame.complete);
    this.#changed(entry);
    return 'applied';
  }

  delta(frame: DeltaFrame): Applied {
    const entry = this.#entries.get(frame.service);
    if (entry === undefined || entry.base === frame.revision) return 'applied';
    if (entry.base !== frame.from) return 'gap';
    entry.applyDelta(frame);
    this.#changed(entry);
    return 'applied';
  }

  settled(): void {
    this.#settling = false;
    for (const entry of this.#entries.values()) {
      entry.settle();
      this.#changed(entry);
    }
  }

  /** Deltas have nothing to build on until the next snapshots. */
  forgetBases(): void {
    for (const entry of this.#entries.values()) entry.base = undefined;
  }

  /** The registry is away: every list is the last good one from now on. */
  goStale(): void {
    for (const entry of this.#entries.values()) entry.goStale();
  }

  /** The registry knows that we follow `services` and nothing else: the rest will not be told again. */
  subscribed(services: ReadonlySet<ServiceName>): void {
    for (const [service, entry] of this.#entries) {
      if (services.has(service) || this.#followed.has(service)) continue;
      // What came from the snapshot file and nobody asked for yet is there for whoever does.
      if (entry.wasFollowed) this.#entries.delete(service);
    }
  }

  /** Those of `services` that are still followed and that this connection has told nothing of. */
  untold(services: ReadonlySet<ServiceName>): readonly ServiceEntry[] {
    const untold: ServiceEntry[] = [];
    for (const service of services) {
      const entry = this.#followed.has(service) ? this.#entries.get(service) : undefined;
      if (entry !== undefined && entry.base === undefined) untold.push(entry);
    }
    return untold;
  }

  /** The lists worth keeping over a restart. */
  lasting(): readonly EndpointList[] {
    const lists: EndpointList[] = [];
    for (const entry of this.#entries.values()) {
      const list = entry.list;
      const endpoints = entry.lasting();
      if (list === undefined || endpoints.length === 0) continue;
      lists.push({ ...list, endpoints });
    }
    return lists;
  }

  /** Whether a former process left something to work on. */
  get restored(): boolean {
    return this.#restored;
  }

  /** Takes what a former process knew, unless the registry was faster. */
  restore(lists: Iterable<EndpointList>): void {
    for (const { service, endpoints, revision, asOf } of lists) {
      const entry = this.#entry(service);
      if (entry.list !== undefined) continue;
      entry.restore(endpoints, revision, asOf);
      this.#restored = true;
    }
  }

  close(): void {
    this.#closed = true;
    this.#holdTimer?.cancel();
    for (const entry of this.#entries.values()) entry.listeners.clear();
    this.#followed.clear();
  }

  #entry(service: ServiceName): ServiceEntry {
    let entry = this.#entries.get(service);
    if (entry === undefined) {
      entry = new ServiceEntry(service, this.#context);
      this.#entries.set(service, entry);
    }
    return entry;
  }

  #changed(entry: ServiceEntry): void {
    this.#options.onListChange();
    if (!entry.holding || this.#closed) return;
    this.#holding.add(entry);
    this.#holdTimer ??= this.#options.clock.setTimer(
      () => this.#releaseHeld(),
      this.#options.flapHoldMs,
    );
  }

  /** One timer serves every hold: a mass removal must not become a mass of timers. */
  #releaseHeld(): void {
    this.#holdTimer = undefined;
    const now = this.#options.clock.now();
    for (const entry of [...this.#holding]) {
      this.#holding.delete(entry);
      entry.releaseHeld(now);
      this.#changed(entry);
    }
  }
}

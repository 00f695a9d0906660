import type {
  Clock,
  Endpoint,
  EndpointList,
  EndpointListener,
  Logger,
  ServiceName,
  Unsubscribe,
} from '@inmesh/core';

interface Entry {
  list: EndpointList | undefined;
  readonly listeners: Set<EndpointListener>;
}

export interface SourceListsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The first follower of a service came, or the last one left. */
  readonly onFollowedChange?: (service: ServiceName) => void;
  /** A list is another than before. */
  readonly onListChange?: () => void;
}

/** Lists by service for sources that tell each list whole, and their followers. */
export class SourceLists {
  readonly #options: SourceListsOptions;
  readonly #entries = new Map<ServiceName, Entry>();

  constructor(options: SourceListsOptions) {
    this.#options = options;
  }

  get(service: ServiceName): EndpointList | undefined {
    return this.#entries.get(service)?.list;
  }

  isFollowed(service: ServiceName): boolean {
    return (this.#entries.get(service)?.listeners.size ?? 0) > 0;
  }

  /** Services that anything is known of, or that are followed. */
  services(): Iterable<ServiceName> {
    return this.#entries.keys();
  }

  follow(service: ServiceName, listener: EndpointListener): Unsubscribe {
    const entry = this.#entry(service);
    // A set holds a function once, but two followers may share one.
    const own: EndpointListener = (list) => listener(list);
    if (entry.list !== undefined) this.#tell(own, entry.list);
    entry.listeners.add(own);
    if (entry.listeners.size === 1) this.#options.onFollowedChange?.(service);
    return () => {
      if (!entry.listeners.delete(own) || entry.listeners.size > 0) return;
      // Names that lead nowhere must not pile up.
      if (entry.list === undefined || entry.list.state === 'unknown') this.#entries.delete(service);
      this.#options.onFollowedChange?.(service);
    };
  }

  /** Lists that a former process had, each called stale; those that are known by now stay. */
  restore(lists: readonly EndpointList[]): void {
    for (const list of lists) {
      const entry = this.#entry(list.service);
      if (entry.list === undefined) this.#replace(entry, list);
    }
  }

  /** The lists that are worth keeping for a process to come. */
  lasting(): EndpointList[] {
    const lists = [...this.#entries.values()].map(({ list }) => list);
    return lists.filter(
      (list) => list !== undefined && list.endpoints.length > 0,
    ) as EndpointList[];
  }

  /** What the source says of `service` now; `undefined` is that there is no such service. */
  publish(
    service: ServiceName,
    endpoints: readonly Endpoint[] | undefined,
    revision: string,
  ): void {
    const entry = this.#entry(service);
    this.#replace(entry, {
      service,
      endpoints: Object.freeze(endpoints ?? []),
      revision,
      state: endpoints === undefined ? 'unknown' : 'live',
      asOf: this.#options.clock.now(),
    });
  }

  /** The source stands behind its list still, which did not change. Tells nobody of a list that was live before. */
  confirm(service: ServiceName): void {
    const entry = this.#entries.get(service);
    if (entry?.list === undefined) return;
    const wasStale = entry.list.state === 'stale';
    const list: EndpointList = {
      ...entry.list,
      state: wasStale ? 'live' : entry.list.state,
      asOf: this.#options.clock.now(),
    };
    if (wasStale) this.#replace(entry, list);
    else entry.list = list;
  }

  /** The source is away: what it said last is kept, and called so. */
  goStale(service: ServiceName): void {
    const entry = this.#entries.get(service);
    if (entry?.list?.state === 'live') this.#replace(entry, { ...entry.list, state: 'stale' });
  }

  forget(service: ServiceName): void {
    if (!this.isFollowed(service)) this.#entries.delete(service);
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.listeners.clear();
  }

  #entry(service: ServiceName): Entry {
    let entry = this.#entries.get(service);
    if (entry === undefined) {
      entry = { list: undefined, listeners: new Set() };
      this.#entries.set(service, entry);
    }
    return entry;
  }

  #replace(entry: Entry, list: EndpointList): void {
    entry.list = Object.freeze(list);
    this.#options.onListChange?.();
    for (const listener of [...entry.listeners]) this.#tell(listener, entry.list);
  }

  #tell(listener: EndpointListener, list: EndpointList): void {
    try {
      listener(list);
    } catch (error) {
      this.#options.logger.error({ err: error, service: list.service }, 'a listener threw');
    }
  }
}

import {
  type Clock,
  type EndpointList,
  type EndpointListener,
  type EndpointSource,
  type ServiceName,
  type StaticEndpoint,
  serviceName,
  splitServiceName,
  staticEndpoint,
  systemClock,
} from '@inmesh/core';

/** An endpoint source that a test changes at will. */
export interface MemorySource extends EndpointSource {
  /** Gives `service` (`name` or `name.namespace`) exactly these endpoints. While lost it is kept and told by `find`. */
  set(service: string, endpoints: readonly StaticEndpoint[]): void;
  /** Makes `service` unknown. */
  remove(service: string): void;
  /** The source is away: every list becomes `stale` and stays what it was. */
  lose(): void;
  /** The source is back: every list is `live` again, with what was set meanwhile. */
  find(): void;
  /** Follow calls that were not undone. 0 after everything is closed, or something leaks. */
  readonly followers: number;
}

/** @param clock Gives the lists their `asOf`. */
export function createMemorySource(clock: Clock = systemClock): MemorySource {
  /** What the source would tell. */
  const truth = new Map<ServiceName, EndpointList>();
  /** What it has told: behind the truth while it is lost. */
  const told = new Map<ServiceName, EndpointList>();
  const listeners = new Map<ServiceName, Set<EndpointListener>>();
  let revision = 0;
  let lost = false;

  const canonical = (service: string): ServiceName => {
    const { name, namespace } = splitServiceName(service);
    return serviceName(name, namespace);
  };
  const unknown = (service: ServiceName): EndpointList => ({
    service,
    endpoints: [],
    revision: '0',
    state: 'unknown',
    asOf: clock.now(),
  });
  const tell = (list: EndpointList): void => {
    told.set(list.service, list);
    // A listener that throws is the test's bug: the others are told, then the test hears of it.
    const errors: unknown[] = [];
    for (const listener of [...(listeners.get(list.service) ?? [])]) {
      try {
        listener(list);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'an endpoint listener threw');
  };
  const change = (list: EndpointList): void => {
    truth.set(list.service, list);
    if (!lost) tell(list);
  };

  return {
    get: (service) => told.get(service) ?? (lost ? undefined : unknown(service)),
    follow(service, listener) {
      let group = listeners.get(service);
      if (group === undefined) {
        group = new Set();
        listeners.set(service, group);
      }
      // Its own function, so that following twice with one listener counts as two.
      const own: EndpointListener = (list) => listener(list);
      group.add(own);
      const known = this.get(service);
      if (known !== undefined) own(known);
      return () => void group.delete(own);
    },
    set(service, endpoints) {
      const name = canonical(service);
      revision += 1;
      change({
        service: name,
        endpoints: endpoints.map((short) => staticEndpoint(name, short)),
        revision: String(revision),
        state: 'live',
        asOf: clock.now(),
      });
    },
    remove: (service) => change(unknown(canonical(service))),
    lose() {
      if (lost) return;
      lost = true;
      for (const list of [...told.values()]) {
        if (list.state === 'live') tell({ ...list, state: 'stale' });
      }
    },
    find() {
      if (!lost) return;
      lost = false;
      for (const list of [...truth.values()]) tell({ ...list, asOf: clock.now() });
      for (const service of listeners.keys()) {
        if (!told.has(service)) tell(unknown(service));
      }
    },
    get followers() {
      let count = 0;
      for (const group of listeners.values()) count += group.size;
      return count;
    },
    async close() {
      listeners.clear();
    },
  };
}

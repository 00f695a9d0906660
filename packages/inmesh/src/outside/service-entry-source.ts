import { isDeepStrictEqual } from 'node:util';
import {
  type Clock,
  type EndpointList,
  type EndpointListener,
  type EndpointSource,
  type Logger,
  type NameScope,
  parseMeshHost,
  type RouterSource,
  type ServiceName,
  type Unsubscribe,
} from '@inmesh/core';
import type { CompiledRouter, CompiledServiceEntry } from '@inmesh/router';
import { EntryEndpoints } from './entry-endpoints.ts';
import { limitLookups, type NameLookup, systemLookup } from './name-lookup.ts';

/** A router source whose routers know the ServiceEntries. */
export interface CompiledRouterSource extends RouterSource {
  readonly current: CompiledRouter;
}

export interface ServiceEntrySourceOptions {
  readonly router: CompiledRouterSource;
  /** Knows the services that no ServiceEntry has. */
  readonly below: EndpointSource;
  readonly names: NameScope;
  readonly clock: Clock;
  readonly logger: Logger;
  /** @default systemLookup */
  readonly lookup?: NameLookup;
}

/** Where the hosts of ServiceEntries are, over a source for the rest. */
export interface ServiceEntrySource extends EndpointSource {
  /** A call to this port of an outside host is coming: entries without a list of ports allow any. */
  expectPort(service: ServiceName, port: number): void;
}

/** Ports that a URL without one means. */
const standardPorts = [80, 443];
/** A program that walks through the ports of a host must not grow its endpoints for ever. */
const maxCalledPorts = 64;

/** One service that is followed, from wherever the configuration says at the moment. */
interface Followed {
  readonly service: ServiceName;
  readonly listeners: Set<EndpointListener>;
  entry: CompiledServiceEntry | undefined;
  layer: EntryEndpoints | undefined;
  stop: Unsubscribe;
  list: EndpointList | undefined;
}

export function serviceEntrySource(options: ServiceEntrySourceOptions): ServiceEntrySource {
  const { router, below, names, clock, logger } = options;
  const lookup = limitLookups(options.lookup ?? systemLookup);
  const followed = new Map<ServiceName, Followed>();
  const ports = new Map<ServiceName, Set<number>>();

  const portsOf = (service: ServiceName): Set<number> => {
    let called = ports.get(service);
    if (called === undefined) {
      called = new Set(standardPorts);
      ports.set(service, called);
    }
    return called;
  };
  /** The entry that says where `service` is. One without addresses leaves a mesh name to the source below. */
  const entryOf = (service: ServiceName): CompiledServiceEntry | undefined => {
    const entry = router.current.serviceEntry(service);
    return entry?.resolution === 'NONE' && isMeshName(service, names) ? undefined : entry;
  };

  const tell = (one: Followed, list: EndpointList): void => {
    one.list = list;
    for (const listener of [...one.listeners]) {
      try {
        listener(list);
      } catch (error) {
        logger.error({ err: error, service: one.service }, 'a listener for endpoints threw');
      }
    }
  };
  const begin = (one: Followed): void => {
    const { service, entry } = one;
    const calledPorts = portsOf(service);
    const listener = (list: EndpointList): void => tell(one, list);
    if (entry === undefined) {
      one.layer = undefined;
      one.stop = followBelow(below, service, listener, clock);
      return;
    }
    const layer = new EntryEndpoints({
      entry,
      service,
      calledPorts,
      lookup,
      clock,
      logger,
      listener,
    });
    one.layer = layer;
    one.stop = () => layer.close();
  };
  const stopWatching = router.onChange(() => {
    for (const one of followed.values()) {
      const entry = entryOf(one.service);
      if (isDeepStrictEqual(entry, one.entry)) continue;
      one.stop();
      one.entry = entry;
      begin(one);
    }
  });

  return {
    get: (service) => followed.get(service)?.list ?? below.get(service),
    follow(service, listener) {
      const own: EndpointListener = (list) => listener(list);
      let one = followed.get(service);
      if (one === undefined) {
        one = {
          service,
          listeners: new Set([own]),
          entry: entryOf(service),
          layer: undefined,
          stop: () => {},
          list: undefined,
        };
        followed.set(service, one);
        begin(one);
      } else {
        one.listeners.add(own);
        if (one.list !== undefined) listener(one.list);
      }
      const { listeners } = one;
      return () => {
        const present = followed.get(service);
        if (!listeners.delete(own) || listeners.size > 0 || present?.listeners !== listeners)
          return;
        followed.delete(service);
        ports.delete(service);
        present.stop();
      };
    },
    expectPort(service, port) {
      const called = portsOf(service);
      if (called.has(port) || called.size >= maxCalledPorts) return;
      called.add(port);
      const one = followed.get(service);
      if (one?.list !== undefined) one.layer?.tell();
    },
    async close() {
      stopWatching();
      for (const one of followed.values()) one.stop();
      followed.clear();
      await below.close();
    },
  };
}

function isMeshName(host: string, names: NameScope): boolean {
  try {
    return parseMeshHost(host, names) !== undefined;
  } catch {
    return false;
  }
}

/** A registry knows mesh names only: any other is unknown to it, which is no mistake of the caller's. */
function followBelow(
  below: EndpointSource,
  service: ServiceName,
  listener: EndpointListener,
  clock: Clock,
): Unsubscribe {
  try {
    return below.follow(service, listener);
  } catch {
    listener({ service, endpoints: [], revision: 'none', state: 'unknown', asOf: clock.now() });
    return () => {};
  }
}

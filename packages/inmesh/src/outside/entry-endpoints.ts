import { isIP } from 'node:net';
import {
  type Clock,
  type Endpoint,
  type EndpointListener,
  type EndpointPort,
  type Logger,
  type ServiceName,
  type Timer,
  unknownLocality,
} from '@inmesh/core';
import type { CompiledServiceEntry, ServiceEntryEndpoint } from '@inmesh/router';
import type { NameLookup } from './name-lookup.ts';

/** The system's look-up tells no time to live: a change is noticed within half a minute, and a name costs next to nothing. */
const refreshMs = 30_000;
/** The first wait after a look-up that failed; it doubles. */
const retryMs = 1_000;

export interface EntryEndpointsOptions {
  readonly entry: CompiledServiceEntry;
  readonly service: ServiceName;
  /** Ports that were called of an entry that lists none: any is allowed there. */
  readonly calledPorts: ReadonlySet<number>;
  readonly lookup: NameLookup;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: EndpointListener;
}

/** The endpoints of one host of a ServiceEntry, kept up to date until `close`. */
export class EntryEndpoints {
  readonly #options: EntryEndpointsOptions;
  readonly #places: readonly ServiceEntryEndpoint[];
  /** By name, as they were found last. */
  readonly #addresses = new Map<string, readonly string[]>();
  #timer: Timer | undefined;
  #failures = 0;
  #tellings = 0;
  #closed = false;

  constructor(options: EntryEndpointsOptions) {
    const { entry, service } = options;
    this.#options = options;
    this.#places = entry.resolution === 'NONE' ? [asCalled(entry, service)] : entry.endpoints;
    const names = this.#places.map(({ address }) => address).filter((name) => isIP(name) === 0);
    if (names.length === 0) this.tell();
    else void this.#look([...new Set(names)]);
  }

  /** Tells the endpoints; also when `calledPorts` grew. */
  tell(): void {
    const { service, entry, clock, listener } = this.#options;
    this.#tellings += 1;
    listener({
      service,
      endpoints: this.#endpoints(),
      revision: `${entry.resource}/${this.#tellings}`,
      state: this.#failures === 0 ? 'live' : 'stale',
      asOf: clock.now(),
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #look(names: readonly string[]): Promise<void> {
    const { lookup, clock, logger, service } = this.#options;
    const results = await Promise.allSettled(names.map((name) => lookup(name)));
    if (this.#closed) return;
    let failed = false;
    let changed = this.#tellings === 0;
    for (const [i, result] of results.entries()) {
      const name = names[i] as string;
      if (result.status === 'rejected') {
        failed = true;
        // What was found last goes on: a name server that is away takes no endpoint away.
        logger.warn(
          { err: result.reason, service, name },
          'a host of a ServiceEntry was not found',
        );
        continue;
      }
      changed ||= this.#addresses.get(name)?.join() !== result.value.join();
      this.#addresses.set(name, result.value);
    }
    const wasFailing = this.#failures > 0;
    this.#failures = failed ? this.#failures + 1 : 0;
    if (changed || failed !== wasFailing) this.tell();
    const waitMs = failed ? Math.min(refreshMs, retryMs * 2 ** (this.#failures - 1)) : refreshMs;
    this.#timer = clock.setTimer(() => void this.#look(names), waitMs);
  }

  #endpoints(): readonly Endpoint[] {
    const endpoints = new Map<string, Endpoint>();
    for (const place of this.#places) {
      for (const address of this.#addressesOf(place.address)) {
        const endpoint = this.#endpoint(place, address);
        endpoints.set(endpoint.id, endpoint);
      }
    }
    return [...endpoints.values()];
  }

  #addressesOf(address: string): readonly string[] {
    if (isIP(address) !== 0) return [address];
    const found = this.#addresses.get(address) ?? [];
    return this.#options.entry.resolution === 'DNS_ROUND_ROBIN' ? found.slice(0, 1) : found;
  }

  #endpoint(place: ServiceEntryEndpoint, address: string): Endpoint {
    const { service, calledPorts } = this.#options;
    const ports = place.ports.length > 0 ? place.ports : [...calledPorts].map(plainPort);
    const { labels, locality, weight, serviceAccount } = place;
    return {
      id: `${service}/${address}:${ports[0]?.port ?? 0}`,
      service,
      address,
      ports,
      status: 'up',
      labels,
      metadata: {},
      locality,
      weight,
      serviceAccount,
      tls: 'none',
    };
  }
}

/** With resolution NONE: whatever name is called. */
function asCalled(entry: CompiledServiceEntry, service: ServiceName): ServiceEntryEndpoint {
  return {
    address: service,
    ports: entry.ports.map(plainPort),
    labels: {},
    locality: unknownLocality,
    weight: 1,
    serviceAccount: 'default',
  };
}

function plainPort(port: number): EndpointPort {
  return { name: `port-${port}`, port };
}

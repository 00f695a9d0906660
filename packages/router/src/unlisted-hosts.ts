import { type ForwardDecision, forwardTo, type RouteRequest, type ServiceName } from '@inmesh/core';
import { effectivePort } from './condition.ts';
import type { ServiceDestinations } from './service-destinations.ts';
import type { CompiledVirtualService } from './virtual-service.ts';

/** A host that no VirtualService names: taken by a wildcard, or sent on to the whole service. */
export class UnlistedHost {
  readonly virtualService: CompiledVirtualService | undefined;
  readonly destinations: ServiceDestinations;
  readonly #decisions = new Map<number, ForwardDecision>();

  constructor(
    virtualService: CompiledVirtualService | undefined,
    destinations: ServiceDestinations,
  ) {
    this.virtualService = virtualService;
    this.destinations = destinations;
  }

  /** The decision where no VirtualService speaks; one object for each port. */
  forward(request: RouteRequest): ForwardDecision {
    const key = request.port ?? (request.scheme === 'https' ? -1 : 0);
    let decision = this.#decisions.get(key);
    if (decision === undefined) {
      decision = forwardTo(this.destinations.get('', request.port, effectivePort(request)));
      this.#decisions.set(key, decision);
    }
    return decision;
  }
}

/**
 * Outside names come from URLs that a program builds, so there may be any number. Far more than a
 * process calls at a time; who is dropped is only looked up again.
 */
const maxHosts = 10_000;

/** What was found out about unlisted hosts, filled as they are called. */
export class UnlistedHosts {
  readonly #hosts: Map<ServiceName, UnlistedHost>;

  constructor(hosts: Iterable<readonly [ServiceName, UnlistedHost]> = []) {
    this.#hosts = new Map(hosts);
  }

  get(service: ServiceName): UnlistedHost | undefined {
    return this.#hosts.get(service);
  }

  set(service: ServiceName, host: UnlistedHost): void {
    if (this.#hosts.size >= maxHosts) {
      for (const oldest of this.#hosts.keys()) {
        this.#hosts.delete(oldest);
        break;
      }
    }
    this.#hosts.set(service, host);
  }

  /** A copy of what still holds. */
  filter(keep: (host: UnlistedHost) => boolean): UnlistedHosts {
    return new UnlistedHosts([...this.#hosts].filter(([, host]) => keep(host)));
  }
}

import type {
  Clock,
  EndpointSource,
  Locality,
  MeshEvent,
  Random,
  ServiceName,
  Timer,
  Unsubscribe,
} from '@inmesh/core';
import type { ApertureSeat } from './aperture.ts';
import { type Cluster, createCluster } from './cluster.ts';
import type { EndpointProber } from './endpoint-prober.ts';
import type { EndpointState } from './endpoint-state.ts';
import { Fifo, type FifoPlace } from './fifo.ts';
import type { ForcedBreakers } from './forced-breakers.ts';
import type { ClientPolicy } from './policy-defaults.ts';
import type { RunDetached } from './transport/connection-pool.ts';

/** Something that needs the endpoint list of a service before it can go on. */
export interface ListWaiter {
  listArrived(): void;
}

export type ListPlace = FifoPlace<ListWaiter>;

/** A service that the client follows. */
export interface FollowedService {
  readonly cluster: Cluster;
  /** Told once, at the first list. */
  wait(waiter: ListWaiter): ListPlace;
  leave(place: ListPlace): void;
  /** Follows on though nobody calls it. */
  pin(): void;
}

export interface ServiceDirectory {
  /** Follows `service` from its first use on. */
  use(service: ServiceName, now: number): FollowedService;
  /** Without following anything new. */
  known(): IterableIterator<FollowedService>;
  /** The same for one service. */
  find(service: ServiceName): FollowedService | undefined;
  close(): void;
}

export interface ServiceDirectoryOptions {
  readonly source: EndpointSource;
  readonly policy: ClientPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly locality: Locality;
  readonly labels: Readonly<Record<string, string>>;
  readonly detached: RunDetached;
  readonly seat?: ApertureSeat;
  readonly prober?: EndpointProber;
  readonly forced?: ForcedBreakers;
  readonly onEvent: (event: MeshEvent) => void;
  readonly onRemoved: (state: EndpointState) => void;
}

/** How often unused services are looked for. */
const sweepMs = 30_000;
/** A service that nobody called for so long is not followed any more. */
const unusedMs = 600_000;
/** The same for a name that the source does not know: somebody's typing error, or a flood of names. */
const unknownUnusedMs = 30_000;
/** Unknown names make room beyond this number of services at once, before the sweep comes by. */
const crowded = 1_000;

class Followed implements FollowedService {
  readonly cluster: Cluster;
  usedAt: number;
  pinned = false;
  unfollow: Unsubscribe | undefined = undefined;
  readonly #waiting = new Fifo<ListWaiter>();

  constructor(cluster: Cluster, now: number) {
    this.cluster = cluster;
    this.usedAt = now;
  }

  wait(waiter: ListWaiter): ListPlace {
    return this.#waiting.push(waiter);
  }

  leave(place: ListPlace): void {
    this.#waiting.remove(place);
  }

  pin(): void {
    this.pinned = true;
  }

  tellWaiting(): void {
    // Only those who wait now: one that was told may wait for the next list.
    for (let left = this.#waiting.size; left > 0; left -= 1) this.#waiting.shift()?.listArrived();
  }

  isDroppable(now: number): boolean {
    if (this.#waiting.size > 0) return false;
    const idleMs = now - this.usedAt;
    if (this.cluster.list?.state === 'unknown') return idleMs >= unknownUnusedMs;
    return !this.pinned && idleMs >= unusedMs;
  }

  get isUnknown(): boolean {
    return this.cluster.list?.state === 'unknown' && this.#waiting.size === 0;
  }

  drop(): void {
    this.unfollow?.();
    this.cluster.close();
  }
}

/** The services that this process calls. What is not called any more is forgotten, so names cannot pile up. */
export function createServiceDirectory(options: ServiceDirectoryOptions): ServiceDirectory {
  const { clock, source, detached } = options;
  const services = new Map<ServiceName, Followed>();
  let sweep: Timer | undefined;
  let closed = false;

  const forget = (service: ServiceName, followed: Followed): void => {
    services.delete(service);
    followed.drop();
  };
  const sweepUnused = (): void => {
    const now = clock.now();
    for (const [service, followed] of services) {
      if (followed.isDroppable(now)) forget(service, followed);
    }
    sweep = services.size === 0 ? undefined : clock.setTimer(sweepUnused, sweepMs);
  };
  const makeRoom = (): void => {
    for (const [service, followed] of services) {
      if (!followed.isUnknown) continue;
      forget(service, followed);
      return;
    }
  };
  const follow = (service: ServiceName, now: number): Followed => {
    if (services.size >= crowded) makeRoom();
    const followed = new Followed(createCluster(service, options), now);
    services.set(service, followed);
    if (closed) return followed;
    followed.unfollow = source.follow(service, (list) => {
      if (services.get(service) !== followed) return;
      followed.cluster.update(list);
      followed.tellWaiting();
    });
    sweep ??= clock.setTimer(sweepUnused, sweepMs);
    return followed;
  };
  return {
    use(service, now) {
      const followed = services.get(service);
      if (followed === undefined) return detached(() => follow(service, now));
      followed.usedAt = now;
      return followed;
    },
    known: () => services.values(),
    find: (service) => services.get(service),
    close() {
      closed = true;
      sweep?.cancel();
      sweep = undefined;
      for (const [service, followed] of services) forget(service, followed);
    },
  };
}

import type { Endpoint, EndpointList, Random } from '@inmesh/core';
import type { SimulatedEndpoint } from './simulated-endpoint.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface SimulatedRegistryOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** @default 15_000, as the real one's */
  readonly ttlMs?: number;
  /** Share of the renewals that get lost on the way. @default 0 */
  readonly renewalLossRatio?: number;
  /** A change reaches each watcher after a time uniform within. @default [2, 20] */
  readonly pushDelayMs?: readonly [number, number];
}

interface Lease {
  readonly process: SimulatedEndpoint;
  renewedAt: number;
  listed: boolean;
}

export type Watcher = (list: EndpointList) => void;

const sweepMs = 250;
/** Of at least so many sessions, more than half silent means that the registry is cut off, not they. */
const selfPreservationFrom = 10;

/**
 * The registry as callers see it: leases renewed at a third of their life, expiry by TTL,
 * self-preservation, and changes that reach every watcher a little later. A model, not the server.
 */
export class SimulatedRegistry {
  readonly #options: Required<SimulatedRegistryOptions>;
  readonly #leases = new Map<string, Lease[]>();
  readonly #watchers = new Map<string, Watcher[]>();
  #revision = 0;

  constructor(options: SimulatedRegistryOptions) {
    this.#options = { ttlMs: 15_000, renewalLossRatio: 0, pushDelayMs: [2, 20], ...options };
    this.#scheduleSweep();
  }

  register(process: SimulatedEndpoint): void {
    const { service } = process.endpoint;
    const lease = { process, renewedAt: this.#options.clock.now(), listed: true };
    const leases = this.#leases.get(service);
    if (leases === undefined) this.#leases.set(service, [lease]);
    else leases.push(lease);
    this.#scheduleRenewal(lease);
    this.#changed(service);
  }

  /** Takes it off the list, as a clean stop or an operator does, or puts it back. */
  list(process: SimulatedEndpoint, listed: boolean): void {
    const { service } = process.endpoint;
    const lease = this.#leases.get(service)?.find((other) => other.process === process);
    if (lease === undefined || lease.listed === listed) return;
    lease.listed = listed;
    this.#changed(service);
  }

  /** The first list comes at once: clients are simulated from after their start. */
  follow(service: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(service);
    if (watchers === undefined) this.#watchers.set(service, [watcher]);
    else watchers.push(watcher);
    watcher(this.#list(service));
  }

  #changed(service: string): void {
    const { clock, random, pushDelayMs } = this.#options;
    const [least, most] = pushDelayMs;
    for (const watcher of this.#watchers.get(service) ?? []) {
      // What is there when it arrives: a stream keeps its order, so no list comes after a newer one.
      clock.setTimer(() => watcher(this.#list(service)), least + random() * (most - least));
    }
  }

  #list(service: string): EndpointList {
    const leases = this.#leases.get(service) ?? [];
    const listed = leases.filter((lease) => lease.listed).map(({ process }) => process.endpoint);
    this.#revision += 1;
    return listOf(service, listed, this.#revision, this.#options.clock.now());
  }

  #scheduleRenewal(lease: Lease): void {
    const { clock, random, ttlMs, renewalLossRatio } = this.#options;
    // A third of the TTL, give or take a tenth of it.
    clock.setTimer(
      () => {
        if (lease.process.condition === 'well' && random() >= renewalLossRatio) {
          lease.renewedAt = clock.now();
          this.list(lease.process, true);
        }
        this.#scheduleRenewal(lease);
      },
      (ttlMs / 3) * (0.9 + 0.2 * random()),
    );
  }

  #scheduleSweep(): void {
    this.#options.clock.setTimer(() => {
      this.#sweep();
      this.#scheduleSweep();
    }, sweepMs);
  }

  #sweep(): void {
    const { clock, ttlMs } = this.#options;
    const now = clock.now();
    const all = [...this.#leases.values()].flat();
    const silent = all.filter(({ renewedAt }) => now - renewedAt >= ttlMs / 2);
    if (all.length >= selfPreservationFrom && silent.length > all.length / 2) return;
    for (const lease of all) {
      if (lease.listed && now - lease.renewedAt >= ttlMs) this.list(lease.process, false);
    }
  }
}

export function listOf(
  service: string,
  endpoints: readonly Endpoint[],
  revision: number,
  asOf: number,
): EndpointList {
  return { service, endpoints, revision: String(revision), state: 'live', asOf };
}

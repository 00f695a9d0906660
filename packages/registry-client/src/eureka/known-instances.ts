import {
  type Clock,
  type Endpoint,
  type EndpointList,
  endpointOf,
  isMeshError,
  type Logger,
  type ServiceName,
} from '@inmesh/core';
import {
  endpointIdOf,
  instanceHash,
  instanceOf,
  isFields,
  readInstance,
  readStatus,
  readText,
  registrationOf,
} from '@inmesh/core/eureka';
import { addressFault } from '../address-fault.ts';

/** A server that came back empty has everybody again within a lease. */
const missingHoldMs = 90_000;

interface Known {
  readonly status: string;
  /** `undefined` for one that cannot be read: it counts, and is not called. */
  readonly endpoint: Endpoint | undefined;
  /** When it leaves; `undefined` while the server tells of it. */
  leavesAt?: number;
}

export interface KnownInstancesOptions {
  readonly namespace: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a Eureka server told, kept up by deltas. */
export class KnownInstances {
  readonly #options: KnownInstancesOptions;
  /** By app and id. */
  #byKey = new Map<string, Known>();
  #changed = new Set<ServiceName>();

  constructor(options: KnownInstancesOptions) {
    this.#options = options;
  }

  /** Of all that the server tells of, whether it can be called or not. */
  get hash(): string {
    const counts = new Map<string, number>();
    for (const { status, leavesAt } of this.#byKey.values()) {
      if (leavesAt === undefined) counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    return instanceHash(counts);
  }

  /** How many the server tells of, by a hash of its: `UP_12_DOWN_1_` are 13. */
  static countIn(hash: string): number {
    let count = 0;
    for (const [, each] of hash.matchAll(/_(\d+)_/g)) count += Number(each);
    return count;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** What a former process knew: as if it were missing from a list, it stays for a lease at most. */
  restore(lists: readonly EndpointList[]): void {
    const leavesAt = this.#options.clock.now() + missingHoldMs;
    for (const endpoint of lists.flatMap(({ endpoints }) => endpoints)) {
      const { app, instanceId, status } = instanceOf(endpoint, undefined, 0, addressFault);
      this.#byKey.set(`${app}/${instanceId}`, { status, endpoint, leavesAt });
    }
  }

  /**
   * Takes a full list. One that has lost over half of what was known is more likely a server that
   * came up empty than half of everybody gone: what is missing stays for a lease.
   */
  replace(applications: unknown): void {
    const before = this.#byKey;
    this.#byKey = new Map();
    for (const value of instancesIn(applications)) this.#put(value, before);
    const missing = [...before].filter(([key]) => !this.#byKey.has(key));
    const doubtful = missing.length > before.size / 2;
    const leavesAt = this.#options.clock.now() + missingHoldMs;
    for (const [key, known] of missing) {
      if (doubtful) this.#byKey.set(key, { ...known, leavesAt: known.leavesAt ?? leavesAt });
      else this.#touch(known);
    }
    if (doubtful && missing.length > 0) {
      this.#options.logger.warn(
        { missing: missing.length, known: before.size },
        'eureka: over half of the instances are missing from the list; they are kept for a lease',
      );
    }
  }

  /** Takes changes; they may be told again. */
  apply(applications: unknown): void {
    for (const value of instancesIn(applications)) {
      if (!isFields(value) || value.actionType !== 'DELETED') {
        this.#put(value, this.#byKey);
        continue;
      }
      const key = keyOf(value);
      const known = key === undefined ? undefined : this.#byKey.get(key);
      if (known === undefined) continue;
      this.#byKey.delete(key as string);
      this.#touch(known);
    }
  }

  /** Lets go of what stayed missing. */
  releaseMissing(): void {
    const now = this.#options.clock.now();
    for (const [key, known] of this.#byKey) {
      if (known.leavesAt === undefined || known.leavesAt > now) continue;
      this.#byKey.delete(key);
      this.#touch(known);
    }
  }

  /** The services that changed since the last time, with all their endpoints, by id. */
  takeChanges(): ReadonlyMap<ServiceName, readonly Endpoint[]> {
    const changes = new Map<ServiceName, Endpoint[]>();
    for (const service of this.#changed) changes.set(service, []);
    if (changes.size === 0) return changes;
    for (const { endpoint } of this.#byKey.values()) {
      if (endpoint !== undefined) changes.get(endpoint.service)?.push(endpoint);
    }
    for (const endpoints of changes.values()) endpoints.sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#changed = new Set();
    return changes;
  }

  #put(value: unknown, before: ReadonlyMap<string, Known>): void {
    if (!isFields(value)) return;
    const key = keyOf(value);
    if (key === undefined) return;
    const known = before.get(key);
    const endpoint = this.#read(value);
    // One that did not change stays the same object.
    const same =
      known?.endpoint !== undefined &&
      endpoint !== undefined &&
      JSON.stringify(known.endpoint) === JSON.stringify(endpoint);
    const status = readStatus(value.status) ?? 'UNKNOWN';
    this.#byKey.set(key, { status, endpoint: same ? known.endpoint : endpoint });
    if (same) return;
    if (known !== undefined) this.#touch(known);
    this.#touch({ status, endpoint });
  }

  #touch({ endpoint }: Known): void {
    if (endpoint !== undefined) this.#changed.add(endpoint.service);
  }

  #read(value: unknown): Endpoint | undefined {
    const { namespace, logger } = this.#options;
    try {
      // No time of ours for those that have none: what did not change must stay the same.
      const instance = readInstance(value, 0, addressFault);
      return endpointOf(endpointIdOf(instance), registrationOf(instance, namespace));
    } catch (error) {
      if (!isMeshError(error)) throw error;
      logger.debug({ err: error }, 'eureka: an instance is left out');
      return undefined;
    }
  }
}

/** Old servers write a bare object where there is one. */
function instancesIn(applications: unknown): unknown[] {
  const list = isFields(applications) ? applications.application : undefined;
  return [list].flat().flatMap((app) => (isFields(app) ? [app.instance].flat() : []));
}

function keyOf(value: Parameters<typeof readText>[0]): string | undefined {
  try {
    const id = readText(value, 'instanceId') ?? readText(value, 'hostName');
    const app = readText(value, 'app');
    return app === undefined || id === undefined ? undefined : `${app.toUpperCase()}/${id}`;
  } catch {
    return undefined;
  }
}

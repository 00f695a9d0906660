import type { Clock, Logger, ServiceName, Store, StoreEntry, Unsubscribe } from '@inmesh/core';
import type { SparseLatencies } from '../graph/sparse-latencies.ts';
import { TrafficTotal } from '../graph/traffic-total.ts';
import { followPrefix } from '../store/follow-prefix.ts';
import type { VersionTallies } from './version-tallies.ts';

const prefix = 'rollout-tallies/';

/** What one server counted of one version, as it is stored. */
interface StoredTally {
  readonly calls: number;
  readonly errors: number;
  readonly latencies: SparseLatencies;
}

/** What one server counted in one step. */
interface StoredTallies {
  readonly step: string;
  readonly from: StoredTally;
  readonly to: StoredTally;
}

export interface SharedTalliesOptions {
  readonly store: Store;
  /** The name of this server among those that share the store. */
  readonly server: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What the servers of a cluster count of a rollout: processes report to the server that they are
 * connected to, and the one that judges must know of all their calls.
 */
export class SharedTallies {
  readonly #options: SharedTalliesOptions;
  readonly #told = new Map<ServiceName, Map<string, StoredTallies>>();
  #unfollow: Unsubscribe = () => {};

  private constructor(options: SharedTalliesOptions) {
    this.#options = options;
  }

  /** Takes over what is stored, and follows it. Throws what the store throws. */
  static async open(options: SharedTalliesOptions): Promise<SharedTallies> {
    const opened = new SharedTallies(options);
    opened.#unfollow = await followPrefix({
      ...options,
      prefix,
      apply: (key, entry) => opened.#hear(key, entry),
    });
    return opened;
  }

  /** Tells the others what this server has counted by now, if it has counted more since it did so last. */
  async tell(service: ServiceName, step: string, { from, to }: VersionTallies): Promise<void> {
    const { store, server } = this.#options;
    const before = this.#told.get(service)?.get(server);
    const calls = before?.step === step ? before.from.calls + before.to.calls : 0;
    if (from.calls + to.calls === calls) return;
    const told: StoredTallies = { step, from: storedTally(from), to: storedTally(to) };
    const key = `${prefix}${service}/${server}`;
    await store.commit([{ kind: 'put', key, value: JSON.stringify(told) }]);
  }

  /** What all servers counted in `step`; of this one, `own`. */
  sum(service: ServiceName, step: string, own: VersionTallies): VersionTallies {
    const others = [...(this.#told.get(service) ?? [])]
      .filter(([server, told]) => server !== this.#options.server && told.step === step)
      .map(([, told]) => told);
    if (others.length === 0) return own;
    const total = (version: 'from' | 'to'): TrafficTotal => {
      const sum = new TrafficTotal();
      sum.merge(own[version]);
      for (const { [version]: told } of others) sum.add(told.calls, told.errors, told.latencies);
      return sum;
    };
    return { from: total('from'), to: total('to') };
  }

  /** The rollout has ended: nobody asks any more. */
  async forget(service: ServiceName): Promise<void> {
    const servers = [...(this.#told.get(service)?.keys() ?? [])];
    if (servers.length === 0) return;
    const key = (server: string): string => `${prefix}${service}/${server}`;
    await this.#options.store.commit(
      servers.map((server) => ({ kind: 'delete', key: key(server) })),
    );
  }

  close(): void {
    this.#unfollow();
  }

  #hear(key: string, entry: StoreEntry | undefined): void {
    const slash = key.indexOf('/');
    const service = key.slice(0, slash) as ServiceName;
    const server = key.slice(slash + 1);
    const told = this.#told.get(service) ?? new Map<string, StoredTallies>();
    if (entry === undefined) told.delete(server);
    else {
      try {
        told.set(server, JSON.parse(entry.value) as StoredTallies);
      } catch (error) {
        this.#options.logger.error({ err: error, key }, 'stored tallies cannot be read');
      }
    }
    if (told.size === 0) this.#told.delete(service);
    else this.#told.set(service, told);
  }
}

function storedTally({ calls, errors, latencies }: TrafficTotal): StoredTally {
  const sparse: number[] = [];
  for (const [bucket, count] of latencies.entries()) if (count > 0) sparse.push(bucket, count);
  return { calls, errors, latencies: sparse };
}

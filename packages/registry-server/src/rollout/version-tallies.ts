import type { GraphParty, ServiceName } from '@inmesh/core';
import type { SparseLatencies } from '../graph/sparse-latencies.ts';
import { partyKey } from '../graph/traffic-table.ts';
import { TrafficTotal } from '../graph/traffic-total.ts';

/** Both versions of one rollout, counted over the same time. */
export interface VersionTallies {
  readonly from: TrafficTotal;
  readonly to: TrafficTotal;
}

/** Counts the calls to versions that a rollout compares, and nothing else. */
export class TallyBoard {
  readonly #totals = new Map<string, TrafficTotal>();

  /** Starts both from nothing; `from` and `to` are versions of `service`. */
  open(service: ServiceName, from: string, to: string): VersionTallies {
    return { from: this.#begin(service, from), to: this.#begin(service, to) };
  }

  close(service: ServiceName, from: string, to: string): void {
    for (const version of [from, to]) this.#totals.delete(partyKey({ service, version }));
  }

  /** Listens to the traffic table. */
  readonly count = (
    destination: GraphParty,
    calls: number,
    errors: number,
    latencies: SparseLatencies,
  ): void => {
    if (this.#totals.size === 0) return;
    this.#totals.get(partyKey(destination))?.add(calls, errors, latencies);
  };

  #begin(service: ServiceName, version: string): TrafficTotal {
    const total = new TrafficTotal();
    this.#totals.set(partyKey({ service, version }), total);
    return total;
  }
}

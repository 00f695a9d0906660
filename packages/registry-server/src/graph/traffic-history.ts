import type { TrafficColumns } from '@inmesh/core';
import type { SparseLatencies } from './sparse-latencies.ts';
import { TrafficRing, type TrafficRingOptions } from './traffic-ring.ts';
import type { TrafficTotal } from './traffic-total.ts';

/** How far back a report may reach: what is older is left out. */
export const maxReportAgeSeconds = 60;

/**
 * Five minutes by the second. A second stays open for as long as a report may reach back, so that
 * the graph's window, which ends where the last reports are awaited, is always open: 3 to 9 KB,
 * by how many buckets of latencies its busiest second has, and 7 KB once the older ones are sealed.
 */
const bySecond: TrafficRingOptions = { stepSeconds: 1, openSteps: 64, keptSteps: 300 };
/** An hour by the minute. Reports reach into three minutes at most: 2 KB. */
const byMinute: TrafficRingOptions = { stepSeconds: 60, openSteps: 3, keptSteps: 60 };

export type HistoryRange = '5m' | '1h';

/** How the steps of a range are, for its readers. */
export const historySteps: Readonly<Record<HistoryRange, TrafficRingOptions>> = {
  '5m': bySecond,
  '1h': byMinute,
};

/** The traffic of one edge, or of one version of a service. Seconds are of the registry's clock. */
export class TrafficHistory {
  readonly #seconds = new TrafficRing(bySecond);
  readonly #minutes = new TrafficRing(byMinute);
  /** The newest second with traffic. */
  lastSecond = 0;

  add(second: number, calls: number, errors: number, latencies: SparseLatencies): void {
    this.#seconds.add(second, calls, errors, latencies);
    this.#minutes.add(second, calls, errors, latencies);
    if (second > this.lastSecond) this.lastSecond = second;
  }

  /** Adds the seconds from `first` to `last`, of the last minute, to `total`. */
  addTo(total: TrafficTotal, first: number, last: number): void {
    if (this.lastSecond >= first) this.#seconds.addTo(total, first, last);
  }

  /** All steps of `range` up to the one that `second` is in. */
  read(range: HistoryRange, second: number): TrafficColumns {
    const { stepSeconds } = historySteps[range];
    const ring = range === '5m' ? this.#seconds : this.#minutes;
    return ring.read(Math.floor(second / stepSeconds));
  }
}

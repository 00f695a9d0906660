import type { EdgeWindow } from './edge.ts';
import type { WindowSecond } from './latency-window.ts';
import type { Party, TrafficLabels } from './series.ts';

/** The traffic with one party, second by second. */
export interface PartySeconds {
  /** `outbound`: calls to the party; `inbound`: requests from it. */
  readonly direction: TrafficLabels['direction'];
  readonly party: Party;
  /** Only those with traffic, oldest first. */
  readonly seconds: readonly WindowSecond[];
}

/** What `windows` hold of the seconds from `first` to `last`, as far as there was traffic. */
export function* partySeconds(
  direction: PartySeconds['direction'],
  windows: Iterable<EdgeWindow>,
  first: number,
  last: number,
): IterableIterator<PartySeconds> {
  for (const window of windows) {
    const seconds = window.seconds(first, last);
    if (seconds.length > 0) yield { direction, party: window.party, seconds };
  }
}

import type { EdgeReport } from '@inmesh/core';
import type { PartySeconds } from '../party-seconds.ts';
import type { RecorderReader } from '../recorder.ts';

/** As the wire has it. */
const maxPeerLength = 253;
const maxVersionLength = 63;

/** The edges of the seconds from `first` to `last`; the last one is the report's `second`. */
export function edgeReports(recorder: RecorderReader, first: number, last: number): EdgeReport[] {
  return Array.from(recorder.seconds(first, last), (each) => edgeReport(each, last));
}

function edgeReport({ direction, party, seconds }: PartySeconds, last: number): EdgeReport {
  return {
    seenBy: direction === 'outbound' ? 'source' : 'destination',
    peer: party.service.slice(0, maxPeerLength),
    peerVersion: party.version.slice(0, maxVersionLength),
    mutualTls: seconds.reduce((sum, { mutualTls }) => sum + mutualTls, 0),
    seconds: seconds.map(({ second, calls, errors, latencies }) => ({
      ago: last - second,
      calls,
      errors,
      latencies,
    })),
  };
}

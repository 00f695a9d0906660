import { latencyBuckets, MeshError, type Report, type SecondReport } from '@inmesh/core';
import type { Session } from '../state/session.ts';

/**
 * What a schema cannot say of a report. Throws `forbidden` when it is not of the session's own
 * service, `invalid_argument` for numbers that do not go together; nothing of it is counted then.
 */
export function checkReport(report: Report, session: Session): void {
  if (session.service !== report.service) {
    throw new MeshError(
      'forbidden',
      `registry: a report of ${report.service} came on a session of ${session.service ?? 'no service'}; a process reports only as the service that it opened its session for`,
      { path: '/service' },
    );
  }
  for (const [i, { mutualTls, seconds }] of report.edges.entries()) {
    let calls = 0;
    let newer = Number.POSITIVE_INFINITY;
    for (const [j, second] of seconds.entries()) {
      const path = `/edges/${i}/seconds/${j}`;
      if (second.ago >= newer)
        throw wrong(`${path}/ago`, 'seconds must come oldest first, each once');
      newer = second.ago;
      checkSecond(second, path);
      calls += second.calls;
    }
    if (mutualTls > calls) {
      throw wrong(`/edges/${i}/mutualTls`, `must be at most its ${calls} calls, got ${mutualTls}`);
    }
  }
}

function checkSecond({ calls, errors, latencies }: SecondReport, path: string): void {
  if (errors > calls) {
    throw wrong(`${path}/errors`, `must be at most its ${calls} calls, got ${errors}`);
  }
  if (latencies.length % 2 !== 0) {
    throw wrong(`${path}/latencies`, 'must be a bucket and its count in turn');
  }
  let counted = 0;
  let last = -1;
  for (let i = 0; i < latencies.length; i += 2) {
    const bucket = latencies[i] as number;
    if (bucket <= last || bucket >= latencyBuckets) {
      const what = `must be a bucket above ${last} and below ${latencyBuckets}, got ${bucket}`;
      throw wrong(`${path}/latencies/${i}`, what);
    }
    last = bucket;
    counted += latencies[i + 1] as number;
  }
  if (counted !== calls) {
    throw wrong(`${path}/latencies`, `count ${counted} calls where there were ${calls}`);
  }
}

function wrong(path: string, what: string): MeshError {
  return new MeshError('invalid_argument', `registry: report${path} ${what}`, { path });
}

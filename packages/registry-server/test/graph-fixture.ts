import { type EdgeReport, latencyBucket, type Report, silentLogger } from '@inmesh/core';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { ReportSink } from '../src/graph/report-sink.ts';
import { RegistryState } from '../src/state/registry-state.ts';
import type { Session } from '../src/state/session.ts';

export interface GraphFixture {
  readonly clock: FakeClock;
  readonly state: RegistryState;
  readonly sink: ReportSink;
  open(service: string): Session;
}

/** A sink of reports on a clock that the test moves; it begins in the middle of a second. */
export function createGraph({ maxEdges = 100, startedAt = 10_000_500 } = {}): GraphFixture {
  const clock = createFakeClock(startedAt);
  const limits = {
    sessions: 5_000,
    sessionsPerIdentity: 10_000,
    registrationsPerSession: 10,
    endpointsPerService: 100_000,
  };
  const state = new RegistryState({ limits, removalHoldMs: 0, clock, logger: silentLogger });
  const sink = new ReportSink({ maxEdges, clock });
  state.observers.add(sink);
  return { clock, state, sink, open: (service) => state.openSession('test', service) };
}

/** Calls of one latency in one second, `ago` seconds before the report's. */
export function calls(
  count: number,
  { errors = 0, ms = 10, ago = 0 } = {},
): EdgeReport['seconds'][number] {
  return { ago, calls: count, errors, latencies: count === 0 ? [] : [latencyBucket(ms), count] };
}

export function edgeTo(peer: string, edge: Partial<EdgeReport> = {}): EdgeReport {
  return {
    seenBy: 'source',
    peer,
    peerVersion: 'v1',
    mutualTls: 0,
    seconds: [calls(1)],
    ...edge,
  };
}

export function reportOf(
  service: string,
  edges: EdgeReport[],
  report: Partial<Report> = {},
): Report {
  return { service, version: 'v1', second: 7, edges, ...report };
}

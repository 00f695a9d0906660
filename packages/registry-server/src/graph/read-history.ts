import type { ServiceHistory, ServiceName } from '@inmesh/core';
import type { ReportSink } from './report-sink.ts';
import { type HistoryRange, historySteps } from './traffic-history.ts';
import type { TrafficEdge } from './traffic-table.ts';

/** A service that hundreds call shows who calls it most. */
const maxEdges = 100;

/** The traffic of `service` by steps. Steps are whole: the one under way is left out. */
export function readHistory(
  sink: ReportSink,
  service: ServiceName,
  range: HistoryRange,
): ServiceHistory {
  const { stepSeconds, keptSteps } = historySteps[range];
  const now = sink.second;
  const lastStep = Math.floor((now - sink.lagSeconds + 1) / stepSeconds) - 1;
  const lastSecond = (lastStep + 1) * stepSeconds - 1;
  const versions = [...sink.traffic.versions()].filter(({ party }) => party.service === service);
  const edges = [...sink.traffic.edges()].filter((edge) => isEnd(service, edge));
  return {
    service,
    stepMs: stepSeconds * 1_000,
    steps: keptSteps,
    endsAgoMs: (now - lastSecond - 1) * 1_000,
    versions: versions.map(({ party, history }) => ({
      version: party.version,
      ...history.read(range, lastSecond),
    })),
    edges: edges
      .map(({ source, destination, history }) => ({
        source,
        destination,
        ...history.read(range, lastSecond),
      }))
      .sort((a, b) => sum(b.calls) - sum(a.calls))
      .slice(0, maxEdges),
  };
}

function isEnd(service: ServiceName, { source, destination }: TrafficEdge): boolean {
  return source.service === service || destination.service === service;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

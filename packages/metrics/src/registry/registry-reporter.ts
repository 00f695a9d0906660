import {
  type Clock,
  isMeshError,
  type Random,
  type RefusalReport,
  type Report,
  type ReportAccepted,
  type ReporterState,
  systemClock,
} from '@inmesh/core';
import type { TelemetryAdapter } from '../adapter.ts';
import { slotMs } from '../latency-window.ts';
import type { RecorderReader } from '../recorder.ts';
import { edgeReports } from './edge-reports.ts';
import { ProcessState } from './process-state.ts';
import { refusalReports } from './refusal-reports.ts';

export interface RegistryReporterOptions {
  /** Brings a report to the registry: `RegistryClient.report`. Each is tried once. */
  readonly send: (report: Report) => Promise<ReportAccepted>;
  /** What this process holds of its destinations' limits. @default none are told */
  readonly limits?: () => ReporterState['limits'];
  /** The last requests and connections that this process refused, newest first. @default none are told */
  readonly refusals?: () => readonly RefusalReport[];
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default Math.random */
  readonly random?: Random;
}

/** Until the registry says otherwise. */
const firstIntervalMs = 2_000;
/** More edges go into several reports of the same second. */
const maxEdges = 200;
/** As far as a report may reach back. */
const maxSeconds = 60;

/**
 * Tells the registry's call graph what this process did since the last report. A report that is lost
 * loses only itself; while the registry is away nothing is sent, and what the recorder still has of
 * the last minute is told when it is back.
 */
export function registryReporter(options: RegistryReporterOptions): TelemetryAdapter {
  const { limits = () => [], refusals = () => [] } = options;
  const { clock = systemClock, random = Math.random } = options;
  const state = new ProcessState(clock, limits);
  let intervalMs = firstIntervalMs;
  /** The newest second that was told, or lost. */
  let toldUntil = Number.NEGATIVE_INFINITY;
  /** When the newest report was sent that the registry took. */
  let toldAt = Number.NEGATIVE_INFINITY;
  let lastRecorder: RecorderReader | undefined;

  const report = async (recorder: RecorderReader, newest: number): Promise<void> => {
    lastRecorder = recorder;
    const first = Math.max(0, toldUntil + 1, newest - maxSeconds + 1);
    if (newest < first) return;
    const edges = edgeReports(recorder, first, newest);
    const now = clock.now();
    const { service, version } = recorder.workload;
    const head = {
      state: state.read(recorder.mesh),
      refusals: refusalReports(refusals(), now - toldAt),
    };
    for (let from = 0; from === 0 || from < edges.length; from += maxEdges) {
      const part = edges.slice(from, from + maxEdges);
      const told = { service, version, second: newest, edges: part, ...(from === 0 ? head : {}) };
      try {
        intervalMs = (await options.send(told)).nextInMs;
      } catch (error) {
        // Nothing was sent: the next report begins where this one would have.
        if (isMeshError(error, 'registry_unavailable') && !error.maybeProcessed) return;
        toldUntil = newest;
        throw error;
      }
      toldAt = now;
    }
    toldUntil = newest;
  };

  return {
    name: 'registry',
    /** With jitter, so that processes that were started together do not report together. */
    get flushEveryMs() {
      return intervalMs * (0.9 + 0.2 * random());
    },
    observer: { event: (event) => state.event(event) },
    // The second that is under way is told by the next report, whole.
    flush: (recorder) => report(recorder, Math.floor(clock.now() / slotMs) - 1),
    async close() {
      if (lastRecorder !== undefined) await report(lastRecorder, Math.floor(clock.now() / slotMs));
    },
  };
}

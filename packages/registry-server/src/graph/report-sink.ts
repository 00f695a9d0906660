import type { Clock, EdgeReport, Report, ReportAccepted } from '@inmesh/core';
import type { Session } from '../state/session.ts';
import type { StateObserver } from '../state/state-observer.ts';
import { checkReport } from './check-report.ts';
import { OwnVoices } from './own-voices.ts';
import { RefusalLog } from './refusal-log.ts';
import { ReporterTable } from './reporter-table.ts';
import { maxReportAgeSeconds } from './traffic-history.ts';
import { TrafficTable } from './traffic-table.ts';

/** A page that shows what happened two seconds ago is live. */
const minIntervalMs = 2_000;
/** Reports may reach back a minute: at twice this interval nothing is lost yet. */
const maxIntervalMs = 30_000;
/** However many report, a hundred reports come in a second. */
const intervalPerReporterMs = 10;

/** As far as any history reaches back: no second and no minute that is asked for is below 0. */
const secondsBefore = 3_600;

export interface ReportSinkOptions {
  readonly maxEdges: number;
  readonly clock: Clock;
}

/** Where reports come in: checked whole, then counted. */
export class ReportSink implements StateObserver {
  readonly traffic: TrafficTable;
  readonly reporters: ReporterTable = new ReporterTable();
  readonly refusals: RefusalLog;
  readonly #ownVoices = new OwnVoices();
  readonly #clock: Clock;
  #sweptMinute = 0;
  accepted = 0;

  constructor({ maxEdges, clock }: ReportSinkOptions) {
    this.#clock = clock;
    this.traffic = new TrafficTable(maxEdges);
    this.refusals = new RefusalLog(clock);
  }

  /**
   * The registry's second that is under way. They are counted from an hour before the clock's
   * beginning: a registry that came up just now is told of seconds before that.
   */
  get second(): number {
    return secondsBefore + Math.floor(this.#clock.now() / 1_000);
  }

  get intervalMs(): number {
    const wanted = this.reporters.size * intervalPerReporterMs;
    return Math.min(Math.max(minIntervalMs, wanted), maxIntervalMs);
  }

  /** How many seconds before `second` every report should have come: an interval, and two for the way. */
  get lagSeconds(): number {
    return Math.ceil(this.intervalMs / 1_000) + 2;
  }

  /** Throws `forbidden` and `invalid_argument`; nothing of the report is counted then. */
  take(session: Session, report: Report): ReportAccepted {
    checkReport(report, session);
    const now = this.second;
    const reporter = this.reporters.of(session, report.service);
    const offset = reporter.clock.offset(report.second, now);
    reporter.version = report.version;
    reporter.lastAt = this.#clock.now();
    if (report.state !== undefined) reporter.state = report.state;
    this.refusals.take(report);
    for (const edge of report.edges) this.#count(report, edge, offset, now);
    this.accepted += 1;
    this.#sweep(now);
    return { nextInMs: this.intervalMs };
  }

  sessionOpened({ service }: Session): void {
    if (service !== undefined) this.#ownVoices.opened(service);
  }

  sessionEnded(session: Session): void {
    this.reporters.remove(session);
    if (session.service !== undefined) this.#ownVoices.ended(session.service, this.second);
  }

  #count(report: Report, edge: EdgeReport, offset: number, now: number): void {
    const { seenBy, peer, peerVersion, mutualTls, seconds } = edge;
    // Who calls knows also of the calls that never arrived.
    if (seenBy === 'destination' && this.#ownVoices.has(peer, now)) return;
    const own = { service: report.service, version: report.version };
    const other = { service: peer, version: peerVersion };
    const isSource = seenBy === 'source';
    const [source, destination] = isSource ? [own, other] : [other, own];
    const counted = this.traffic.edge(source, destination, seenBy, now);
    let calls = 0;
    for (const told of seconds) {
      const second = report.second + offset - told.ago;
      if (second < now - maxReportAgeSeconds) continue;
      this.traffic.add(counted, second, told.calls, told.errors, told.latencies);
      calls += told.calls;
    }
    if (calls > 0) counted.mutualTlsRatio = Math.min(1, mutualTls / calls);
  }

  #sweep(now: number): void {
    const minute = Math.floor(now / 60);
    if (minute === this.#sweptMinute) return;
    this.#sweptMinute = minute;
    this.traffic.sweep(now);
    this.#ownVoices.sweep(now);
  }
}

import type { ReporterState, ServiceName } from '@inmesh/core';
import type { Session } from '../state/session.ts';
import { ReporterClock } from './reporter-clock.ts';

/** A process that reports. */
export interface Reporter {
  readonly session: Session;
  readonly service: ServiceName;
  /** As its last report says. */
  version: string;
  readonly clock: ReporterClock;
  /** Monotonic milliseconds of its last report. */
  lastAt: number;
  state: ReporterState | null;
}

/** The sessions that have reported. They go when the session ends. */
export class ReporterTable {
  readonly #bySession = new Map<Session, Reporter>();
  readonly #byService = new Map<ServiceName, Set<Reporter>>();

  get size(): number {
    return this.#bySession.size;
  }

  /** The reporter of `session`, made by its first report. */
  of(session: Session, service: ServiceName): Reporter {
    let reporter = this.#bySession.get(session);
    if (reporter !== undefined) return reporter;
    reporter = {
      session,
      service,
      version: '',
      clock: new ReporterClock(),
      lastAt: 0,
      state: null,
    };
    this.#bySession.set(session, reporter);
    const others = this.#byService.get(service) ?? new Set();
    this.#byService.set(service, others.add(reporter));
    return reporter;
  }

  /** Whether any process of `service` reports. */
  has(service: ServiceName): boolean {
    return this.#byService.has(service);
  }

  ofService(service: ServiceName): Iterable<Reporter> {
    return this.#byService.get(service) ?? [];
  }

  all(): Iterable<Reporter> {
    return this.#bySession.values();
  }

  remove(session: Session): void {
    const reporter = this.#bySession.get(session);
    if (reporter === undefined) return;
    this.#bySession.delete(session);
    const others = this.#byService.get(reporter.service);
    others?.delete(reporter);
    if (others?.size === 0) this.#byService.delete(reporter.service);
  }
}

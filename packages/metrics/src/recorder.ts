import type {
  Clock,
  EndedAttempt,
  EndedCall,
  EndedRequest,
  MeshEvent,
  Observer,
  Unsubscribe,
  Workload,
} from '@inmesh/core';
import { type Gauge, GaugeRegistry, type GaugeSample } from './gauge.ts';
import { InboundRequests } from './inbound-requests.ts';
import { type MeshState, MeshStateTracker } from './mesh-state.ts';
import { OutboundAttempts } from './outbound-attempts.ts';
import { OutboundCalls } from './outbound-calls.ts';
import { type PartySeconds, partySeconds } from './party-seconds.ts';
import {
  type ProcessMetrics,
  type ProcessReading,
  startProcessMetrics,
} from './process-metrics.ts';
import { type RecorderOptions, resolveRecorderOptions } from './recorder-options.ts';
import type { AttemptSeries, TrafficSeries } from './series.ts';
import { endpointRows, type MetricsSnapshot, partyRows, WindowReader } from './snapshot.ts';
import type { SeriesTag } from './telemetry/telemetry-policy.ts';

/** How full the recorder is, and what it could not tell apart. */
export interface RecorderUse {
  readonly kind: 'calls' | 'requests' | 'attempts' | 'services' | 'peers' | 'endpoints';
  readonly size: number;
  /** Records that went to `other` because the room was used up. */
  readonly overflowed: number;
}

/** What adapters read. Everything is live: numbers go on growing while they are read. */
export interface RecorderReader {
  readonly workload: Workload;
  readonly clock: Clock;
  /** Calls that this process made, then requests that it served. */
  series(): IterableIterator<TrafficSeries>;
  attempts(): IterableIterator<AttemptSeries>;
  /** Breakers, ejections, endpoints and the registry, as events told. */
  readonly mesh: MeshState;
  /**
   * The last `windowMs` milliseconds (1,000..60,000) up to now, per called version, per endpoint
   * and per caller; `ratios` (0..1) asks for quantiles beside p50 and p99. Throws `invalid_argument`.
   */
  snapshot(windowMs: number, ratios?: readonly number[]): MetricsSnapshot;
  /**
   * The seconds from `first` to `last` (both included, counted since the clock's origin, at most a
   * minute back) of each version that was called and of each caller.
   */
  seconds(first: number, last: number): IterableIterator<PartySeconds>;
  /** Gauges and their values now. */
  gauges(): IterableIterator<{ readonly gauge: Gauge; readonly samples: readonly GaugeSample[] }>;
  use(): readonly RecorderUse[];
  /** Gauges that threw and samples that were refused. */
  readonly gaugeFailures: number;
  /** `undefined` once it is closed. */
  process(): ProcessReading | undefined;
}

/** Counts both sides of every call in preallocated arrays: an `Observer` for client and inbound pipeline. */
export interface Recorder extends Required<Observer>, RecorderReader {
  /** Throws `invalid_argument` for a name that is not valid, `conflict` for one that is taken. */
  addGauge(gauge: Gauge): Unsubscribe;
  /** What tells series of calls made, and of requests served, apart besides, from now on: what was counted stays as it is. */
  useTags(tags: {
    readonly client: readonly SeriesTag[];
    readonly server: readonly SeriesTag[];
  }): void;
  /** Frees its timers. Counting and reading go on working, for what ends late. Idempotent. */
  close(): void;
}

/** Throws `invalid_argument` for an option out of its range. */
export function createRecorder(options: RecorderOptions): Recorder {
  return new SeriesRecorder(options);
}

class SeriesRecorder implements Recorder {
  readonly workload: Workload;
  readonly clock: Clock;
  readonly #startedAt: number;
  readonly #calls: OutboundCalls;
  readonly #attempts: OutboundAttempts;
  readonly #requests: InboundRequests;
  readonly mesh: MeshStateTracker;
  readonly #gauges = new GaugeRegistry();
  readonly #process: ProcessMetrics;
  #closed = false;

  constructor(options: RecorderOptions) {
    const resolved = resolveRecorderOptions(options);
    this.workload = resolved.workload;
    this.clock = resolved.clock;
    this.#startedAt = resolved.clock.now();
    this.#process = startProcessMetrics(this.#startedAt);
    this.#calls = new OutboundCalls(resolved);
    this.#attempts = new OutboundAttempts(resolved);
    this.#requests = new InboundRequests(resolved);
    this.mesh = new MeshStateTracker(resolved.clock);
  }

  callEnded(call: EndedCall): void {
    this.#calls.record(call);
  }

  attemptEnded(attempt: EndedAttempt): void {
    this.#attempts.record(attempt);
  }

  requestEnded(request: EndedRequest): void {
    this.#requests.record(request);
  }

  event(event: MeshEvent): void {
    this.mesh.apply(event);
    if (event.kind === 'endpoint-removed') {
      this.#calls.forget(event.endpoint);
      this.#attempts.forget(event.endpoint);
    }
  }

  *series(): IterableIterator<TrafficSeries> {
    yield* this.#calls.traffic.series.values();
    yield* this.#requests.traffic.series.values();
  }

  attempts(): IterableIterator<AttemptSeries> {
    return this.#attempts.series.values();
  }

  snapshot(windowMs: number, ratios: readonly number[] = []): MetricsSnapshot {
    const reader = new WindowReader(windowMs, this.clock.now(), this.#startedAt, ratios);
    return {
      windowMs,
      services: partyRows(this.#calls.traffic.windows.values(), reader),
      endpoints: endpointRows(this.#attempts.windows.values(), reader, this.mesh),
      peers: partyRows(this.#requests.traffic.windows.values(), reader),
      mesh: this.mesh,
    };
  }

  *seconds(first: number, last: number): IterableIterator<PartySeconds> {
    yield* partySeconds('outbound', this.#calls.traffic.windows.values(), first, last);
    yield* partySeconds('inbound', this.#requests.traffic.windows.values(), first, last);
  }

  useTags({ client, server }: Parameters<Recorder['useTags']>[0]): void {
    this.#calls.traffic.useTags(client);
    this.#requests.traffic.useTags(server);
  }

  addGauge(gauge: Gauge): Unsubscribe {
    return this.#gauges.add(gauge);
  }

  *gauges(): IterableIterator<{ gauge: Gauge; samples: readonly GaugeSample[] }> {
    for (const gauge of this.#gauges.all()) yield { gauge, samples: this.#gauges.read(gauge) };
  }

  get gaugeFailures(): number {
    return this.#gauges.failures;
  }

  use(): readonly RecorderUse[] {
    return [
      { kind: 'calls', store: this.#calls.traffic.series },
      { kind: 'requests', store: this.#requests.traffic.series },
      { kind: 'attempts', store: this.#attempts.series },
      { kind: 'services', store: this.#calls.traffic.windows },
      { kind: 'peers', store: this.#requests.traffic.windows },
      { kind: 'endpoints', store: this.#attempts.windows },
    ].map(({ kind, store }) => ({
      kind: kind as RecorderUse['kind'],
      size: store.size,
      overflowed: store.overflowed,
    }));
  }

  process(): ProcessReading | undefined {
    return this.#closed ? undefined : this.#process.read(this.clock.now());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#process.close();
    this.#gauges.clear();
  }
}

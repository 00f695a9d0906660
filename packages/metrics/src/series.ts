import type { ResponseFlag, ServiceName } from '@inmesh/core';
import { bucketBounds, Histogram, measured } from './histogram.ts';

/** One end of an edge. Every text is safe to show (see `labelText`); '' is "not known". */
export interface Party {
  /** Canonical (`reviews.default`), or an outside host's name, or `other` beyond a cap. */
  readonly service: ServiceName;
  /** `reviews-v1`: the service's name and the version. '' where nobody was reached. */
  readonly workload: string;
  readonly version: string;
  /** SPIFFE ID, where mutual TLS proved it. */
  readonly principal: string;
}

/** What one traffic series counts. Both sides of a call have the same two parties. */
export interface TrafficLabels {
  /** Who saw it: the caller (`outbound`) or the callee. */
  readonly direction: 'outbound' | 'inbound';
  readonly source: Party;
  readonly destination: Party;
  /** One of `methodNames`. */
  readonly method: string;
  /** A route's pattern or name, never a path. */
  readonly route: string;
  readonly protocol: 'http';
  /** 0 when there was no answer. */
  readonly status: number;
  readonly flag: ResponseFlag;
  readonly mutualTls: boolean;
  /** What resources tell series apart by besides, by the names of `SeriesTag`. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * What a call and a request have in common once they ended. Records take it whole: a number with a
 * fraction that is passed to a function too large to inline is allocated, an object is not.
 */
export interface EndedTraffic {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly flag: ResponseFlag;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly mutualTls: boolean;
  readonly traceId: string;
}

/** A trace that fell into a bucket, to jump from a chart to an example. */
export interface Exemplar {
  readonly traceId: string;
  /** Milliseconds. */
  readonly value: number;
  /** When it was recorded, monotonic milliseconds. */
  readonly at: number;
}

/** Logical calls (or requests served) of one combination of labels. Made once, then only counted up. */
export class TrafficSeries {
  readonly labels: TrafficLabels;
  readonly durationMs: Histogram = new Histogram();
  readonly requestBytes: Histogram = new Histogram();
  readonly responseBytes: Histogram = new Histogram();
  /** Monotonic milliseconds of the last record: what was idle for long gives way under pressure. */
  lastAt = 0;
  /** The newest trace of each bucket, '' for none, with its value and time side by side. */
  readonly #traceIds: string[] = new Array<string>(bucketBounds.length + 1).fill('');
  readonly #traceTimes: Float64Array = new Float64Array(2 * (bucketBounds.length + 1));

  constructor(labels: TrafficLabels) {
    this.labels = labels;
  }

  record(ended: EndedTraffic): void {
    const durationMs = measured(ended.endedAt - ended.startedAt);
    const bucket = this.durationMs.record(durationMs);
    this.requestBytes.record(ended.requestBytes);
    this.responseBytes.record(ended.responseBytes);
    this.lastAt = ended.endedAt;
    this.#traceIds[bucket] = ended.traceId;
    this.#traceTimes[2 * bucket] = durationMs;
    this.#traceTimes[2 * bucket + 1] = ended.endedAt;
  }

  /** The newest trace in a bucket of `durationMs`. */
  exemplar(bucket: number): Exemplar | undefined {
    const traceId = this.#traceIds[bucket];
    if (traceId === undefined || traceId === '') return undefined;
    return {
      traceId,
      value: this.#traceTimes[2 * bucket] as number,
      at: this.#traceTimes[2 * bucket + 1] as number,
    };
  }
}

/** What one attempt series counts. */
export interface AttemptLabels {
  readonly service: ServiceName;
  readonly version: string;
  readonly status: number;
  readonly flag: ResponseFlag;
}

/** Attempts of one combination of labels: what really went over the wire, retries included. */
export class AttemptSeries {
  readonly labels: AttemptLabels;
  count = 0;
  /** Those of `count` that were not a call's first. */
  retries = 0;
  lastAt = 0;

  constructor(labels: AttemptLabels) {
    this.labels = labels;
  }

  record(number: number, now: number): void {
    this.count += 1;
    if (number > 1) this.retries += 1;
    this.lastAt = now;
  }
}

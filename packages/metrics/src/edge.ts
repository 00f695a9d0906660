import type { ResponseFlag } from '@inmesh/core';
import { LatencyWindow } from './latency-window.ts';
import { methodIndex } from './method-label.ts';
import type { AttemptSeries, Party, TrafficSeries } from './series.ts';

/** The live window of one party: a service's version that is called, an endpoint that is tried, a peer that calls. */
export class EdgeWindow extends LatencyWindow {
  readonly party: Party;
  /** '' but for an endpoint's own window. */
  readonly endpoint: string;

  constructor(party: Party, endpoint = '') {
    super();
    this.party = party;
    this.endpoint = endpoint;
  }
}

const flagIndexes: ReadonlyMap<ResponseFlag, number> = new Map(
  (
    [
      '-',
      'UH',
      'UF',
      'UO',
      'NR',
      'URX',
      'UT',
      'UC',
      'UR',
      'DC',
      'FI',
      'DI',
      'RL',
      'UAEX',
      'RBAC',
    ] as const
  ).map((flag, index) => [flag, index] as const),
);

/** The status as a label: anything but 0..999 is "no answer". */
export function statusLabel(status: number): number {
  return status >= 0 && status <= 999 ? status | 0 : 0;
}

/** An error of whom was called: a server error, or no answer but for a caller that went away. */
export function isFailure(status: number, flag: ResponseFlag): boolean {
  return status >= 500 || (status === 0 && flag !== 'DC');
}

/**
 * The interned way from two parties to their series: first by route, then by method, status, flag
 * and TLS. At both steps the last one is tried first: most records are like the one before.
 */
export class TrafficEdge {
  readonly window: EdgeWindow;
  /** The service that calls named: an endpoint may serve under another name too. */
  readonly service: string;
  readonly #routes = new Map<string, RouteSeries>();
  #lastRoute = '';
  #last: RouteSeries | undefined;

  constructor(service: string, window: EdgeWindow) {
    this.service = service;
    this.window = window;
  }

  find(route: string): RouteSeries | undefined {
    if (route === this.#lastRoute) return this.#last;
    const series = this.#routes.get(route);
    if (series !== undefined) {
      this.#lastRoute = route;
      this.#last = series;
    }
    return series;
  }

  /** @param route As `find` is asked for it. There must be no more of them than series. */
  intern(series: TrafficSeries, route: string, key: number): void {
    let byKey = this.#routes.get(route);
    if (byKey === undefined) {
      byKey = new RouteSeries();
      this.#routes.set(route, byKey);
    }
    byKey.intern(series, key);
  }
}

/** The series of one edge and route. */
export class RouteSeries {
  readonly #byKey = new Map<number, TrafficSeries>();
  #lastKey = -1;
  #last: TrafficSeries | undefined;

  find(key: number): TrafficSeries | undefined {
    if (key === this.#lastKey) return this.#last;
    const series = this.#byKey.get(key);
    if (series !== undefined) {
      this.#lastKey = key;
      this.#last = series;
    }
    return series;
  }

  intern(series: TrafficSeries, key: number): void {
    this.#byKey.set(key, series);
  }
}

/** Ten methods, sixteen flags, TLS or not, and a thousand statuses fit in a small integer. */
export function seriesKey(
  method: string,
  status: number,
  flag: ResponseFlag,
  tls: boolean,
): number {
  const flagIndex = flag === '-' ? 0 : (flagIndexes.get(flag) ?? 0);
  const methodAndFlag = methodIndex(method) * 16 + flagIndex;
  return (methodAndFlag * 2 + (tls ? 1 : 0)) * 1024 + statusLabel(status);
}

/** The same for attempts at one endpoint. */
export class AttemptEdge {
  readonly window: EdgeWindow;
  readonly service: string;
  readonly #series = new Map<number, AttemptSeries>();

  constructor(service: string, window: EdgeWindow) {
    this.service = service;
    this.window = window;
  }

  find(status: number, flag: ResponseFlag): AttemptSeries | undefined {
    return this.#series.get(seriesKey('', status, flag, false));
  }

  intern(series: AttemptSeries, status: number, flag: ResponseFlag): void {
    this.#series.set(seriesKey('', status, flag, false), series);
  }
}

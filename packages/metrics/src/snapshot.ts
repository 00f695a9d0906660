import { type Endpoint, MeshError } from '@inmesh/core';
import type { EdgeWindow } from './edge.ts';
import { labelText } from './label-text.ts';
import { maxWindowMs, slotMs, WindowTotal } from './latency-window.ts';
import type { MeshState, MeshStateTracker } from './mesh-state.ts';

/** What happened within the window. */
export interface WindowStats {
  readonly calls: number;
  /** Server errors, and calls without an answer. */
  readonly errors: number;
  /** Of the errors: no answer in time. */
  readonly timeouts: number;
  /** Of the errors: refused by an open breaker. */
  readonly shortCircuited: number;
  /** Of the errors: refused because the destination was full. */
  readonly rejected: number;
  readonly callsPerSecond: number;
  /** 0..1; 0 when there was no call. */
  readonly errorRatio: number;
  /** Milliseconds, at most 6 % off; `undefined` when there was no call. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly meanMs: number | undefined;
  /** One for each ratio that `snapshot` was asked for, in its order. */
  readonly quantilesMs: readonly (number | undefined)[];
}

/** Logical calls to one version of a service: an edge from here. Version '' is none, or nobody reached. */
export interface ServiceStats extends WindowStats {
  readonly service: string;
  readonly version: string;
}

/** Attempts at one endpoint, retries included. */
export interface EndpointStats extends WindowStats {
  readonly service: string;
  readonly version: string;
  /** The endpoint's id. */
  readonly endpoint: string;
  /** `gone`: it was tried, and no event told of it or it was removed. */
  readonly state: 'known' | 'ejected' | 'gone';
}

/** Requests from one version of a caller: an edge to here. Service '' did not say who it is. */
export interface PeerStats extends WindowStats {
  readonly service: string;
  readonly version: string;
}

export interface MetricsSnapshot {
  readonly windowMs: number;
  readonly services: readonly ServiceStats[];
  readonly endpoints: readonly EndpointStats[];
  readonly peers: readonly PeerStats[];
  readonly mesh: MeshState;
}

/** Reads windows that all end now. */
export class WindowReader {
  readonly #from: number;
  readonly #to: number;
  readonly #seconds: number;
  readonly #ratios: readonly number[];
  /** One for all rows: 168 numbers are worth keeping. */
  readonly #total = new WindowTotal();

  /**
   * @param startedAt When recording began: a rate is never thinned by time before it.
   * Throws `invalid_argument` for a window outside 1,000..60,000 ms.
   */
  constructor(windowMs: number, now: number, startedAt: number, ratios: readonly number[]) {
    this.#ratios = ratios;
    if (!(windowMs >= slotMs && windowMs <= maxWindowMs)) {
      throw new MeshError(
        'invalid_argument',
        `windowMs must be within ${slotMs}..${maxWindowMs}, got ${windowMs}`,
      );
    }
    this.#to = Math.floor(now / slotMs);
    this.#from = this.#to - Math.ceil(windowMs / slotMs);
    // The oldest second is whole and the newest has only begun; both are read, and time is counted from where the oldest began.
    const coveredMs = now - Math.max(this.#from * slotMs, startedAt);
    this.#seconds = Math.max(coveredMs, slotMs) / 1_000;
  }

  /** @param window `undefined` for what never had traffic. */
  read(window: EdgeWindow | undefined): WindowStats {
    const total = this.#total;
    total.clear();
    window?.addTo(total, this.#from, this.#to);
    const { calls, errors, timeouts, shortCircuited, rejected } = total;
    return {
      calls,
      errors,
      timeouts,
      shortCircuited,
      rejected,
      callsPerSecond: calls / this.#seconds,
      errorRatio: calls === 0 ? 0 : errors / calls,
      p50Ms: total.quantile(0.5),
      p99Ms: total.quantile(0.99),
      meanMs: calls === 0 ? undefined : total.totalMs / calls,
      quantilesMs: this.#ratios.map((ratio) => total.quantile(ratio)),
    };
  }
}

/** Endpoints that were tried lately, and those that are known and were not. */
export function endpointRows(
  windows: Iterable<EdgeWindow>,
  reader: WindowReader,
  mesh: MeshStateTracker,
): EndpointStats[] {
  const known = new Map<string, Endpoint>();
  for (const endpoint of mesh.endpoints) known.set(endpoint.id, endpoint);
  const rows: EndpointStats[] = [];
  for (const window of windows) {
    const stats = reader.read(window);
    const endpoint = known.get(window.endpoint);
    const isKnown = known.delete(window.endpoint);
    if (stats.calls === 0 && !isKnown) continue;
    const gone = isKnown ? 'known' : 'gone';
    rows.push({
      service: window.party.service,
      version: endpoint === undefined ? window.party.version : versionOf(endpoint),
      endpoint: labelText(window.endpoint),
      state: mesh.ejectionOf(window.endpoint) === undefined ? gone : 'ejected',
      ...stats,
    });
  }
  const idle = reader.read(undefined);
  for (const endpoint of known.values()) {
    rows.push({
      service: labelText(endpoint.service),
      version: versionOf(endpoint),
      endpoint: labelText(endpoint.id),
      state: mesh.ejectionOf(endpoint.id) === undefined ? 'known' : 'ejected',
      ...idle,
    });
  }
  return rows;
}

function versionOf(endpoint: Endpoint): string {
  return labelText(endpoint.labels.version ?? '');
}

/** One row per party that had traffic. */
export function partyRows(windows: Iterable<EdgeWindow>, reader: WindowReader): ServiceStats[] {
  const rows: ServiceStats[] = [];
  for (const window of windows) {
    const stats = reader.read(window);
    if (stats.calls === 0) continue;
    const { service, version } = window.party;
    rows.push({ service, version, ...stats });
  }
  return rows;
}

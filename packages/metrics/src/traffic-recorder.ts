import { CappedStore } from './capped-store.ts';
import { EdgeWindow, isFailure, seriesKey, statusLabel, TrafficEdge } from './edge.ts';
import { labelText } from './label-text.ts';
import { methodIndex, methodNames } from './method-label.ts';
import { otherParty } from './party.ts';
import type { ResolvedRecorderOptions } from './recorder-options.ts';
import { type EndedTraffic, type Party, type TrafficLabels, TrafficSeries } from './series.ts';

/** The half of recording that calls and requests share; each side brings its own way to find the edge. */
export class TrafficRecorder {
  readonly series: CappedStore<TrafficSeries>;
  readonly windows: CappedStore<EdgeWindow>;
  readonly #direction: 'outbound' | 'inbound';

  /** @param forgetEdges Drops every interned edge: what they lead to may be gone. */
  constructor(
    direction: 'outbound' | 'inbound',
    options: ResolvedRecorderOptions,
    forgetEdges: () => void,
  ) {
    this.#direction = direction;
    const { idleMs } = options;
    this.series = new CappedStore<TrafficSeries>({
      max: options.maxSeries,
      idleMs,
      overflow: new TrafficSeries(overflowLabels(direction)),
      onReclaim: forgetEdges,
    });
    this.windows = new CappedStore<EdgeWindow>({
      max: options.maxEdges,
      idleMs,
      overflow: new EdgeWindow(otherParty),
      onReclaim: forgetEdges,
    });
  }

  /** An edge to `party`. Intern it unless it `isOverflow`. */
  edgeOf(party: Party, now: number): TrafficEdge {
    const key = `${party.service}\0${party.version}\0${party.workload === ''}`;
    return new TrafficEdge(
      party.service,
      this.windows.get(key, now, () => new EdgeWindow(party)),
    );
  }

  isOverflow(edge: TrafficEdge): boolean {
    return edge.window === this.windows.overflow;
  }

  /** `false`, and nothing counted, for a combination that this edge has not seen: `recordNew` it. */
  record(edge: TrafficEdge, ended: EndedTraffic): boolean {
    const { method, status, flag, mutualTls } = ended;
    const series = edge.find(ended.route)?.find(seriesKey(method, status, flag, mutualTls));
    if (series === undefined) return false;
    this.#count(edge, series, ended);
    return true;
  }

  /** The slow way, once per combination: builds the labels, finds or makes the series, interns it, counts. */
  recordNew(edge: TrafficEdge, ended: EndedTraffic, source: Party, destination: Party): void {
    const { route, method, status, flag, mutualTls } = ended;
    const labels: TrafficLabels = Object.freeze({
      direction: this.#direction,
      source,
      destination,
      method: methodNames[methodIndex(method)] as string,
      route: labelText(route),
      protocol: 'http',
      status: statusLabel(status),
      flag,
      mutualTls,
    });
    const series = this.series.get(
      trafficKey(labels),
      ended.endedAt,
      () => new TrafficSeries(labels),
    );
    if (series !== this.series.overflow) {
      edge.intern(series, route, seriesKey(method, status, flag, mutualTls));
    }
    this.#count(edge, series, ended);
  }

  #count(edge: TrafficEdge, series: TrafficSeries, ended: EndedTraffic): void {
    series.record(ended);
    edge.window.record(ended, isFailure(ended.status, ended.flag));
  }
}

/** Labels hold no control characters, so NUL keeps the parts apart. */
function trafficKey(labels: TrafficLabels): string {
  const { source, destination } = labels;
  return [
    partyKey(source),
    partyKey(destination),
    labels.method,
    labels.route,
    labels.status,
    labels.flag,
    labels.mutualTls,
  ].join('\0');
}

function partyKey(party: Party): string {
  return `${party.service}\0${party.version}\0${party.principal}\0${party.workload}`;
}

function overflowLabels(direction: 'outbound' | 'inbound'): TrafficLabels {
  return Object.freeze({
    direction,
    source: otherParty,
    destination: otherParty,
    method: methodNames[0] as string,
    route: 'other',
    protocol: 'http',
    status: 0,
    flag: '-',
    mutualTls: false,
  });
}

import type { EndedCall, EndedRequest } from '@inmesh/core';
import { CappedStore } from './capped-store.ts';
import { EdgeWindow, isFailure, seriesKey, statusLabel, TrafficEdge } from './edge.ts';
import { labelText } from './label-text.ts';
import { methodIndex, methodNames } from './method-label.ts';
import { otherParty } from './party.ts';
import type { ResolvedRecorderOptions } from './recorder-options.ts';
import { type Party, type TrafficLabels, TrafficSeries } from './series.ts';
import type { SeriesTag } from './telemetry/telemetry-policy.ts';

type Ended = EndedCall | EndedRequest;

/** The half of recording that calls and requests share; each side brings its own way to find the edge. */
export class TrafficRecorder {
  readonly series: CappedStore<TrafficSeries>;
  readonly windows: CappedStore<EdgeWindow>;
  readonly #direction: 'outbound' | 'inbound';
  /** `undefined` for none, which is nearly always: then a record pays one comparison for them. */
  #tags: readonly SeriesTag[] | undefined;

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

  /** What tells series apart besides, from now on. */
  useTags(tags: readonly SeriesTag[]): void {
    this.#tags = tags.length === 0 ? undefined : tags;
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
  record(edge: TrafficEdge, ended: Ended): boolean {
    const { method, status, flag, mutualTls } = ended;
    const route =
      this.#tags === undefined ? ended.route : taggedRoute(ended.route, this.#read(ended));
    const series = edge.find(route)?.find(seriesKey(method, status, flag, mutualTls));
    if (series === undefined) return false;
    this.#count(edge, series, ended);
    return true;
  }

  /** The slow way, once per combination: builds the labels, finds or makes the series, interns it, counts. */
  recordNew(edge: TrafficEdge, ended: Ended, source: Party, destination: Party): void {
    const { route, method, status, flag, mutualTls } = ended;
    const tags = this.#read(ended);
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
      tags,
    });
    const series = this.series.get(
      trafficKey(labels),
      ended.endedAt,
      () => new TrafficSeries(labels),
    );
    // Only a route that is its own label is kept: raw texts that are cut to one label could be any number.
    if (series !== this.series.overflow && route === labels.route) {
      const interned = this.#tags === undefined ? route : taggedRoute(route, tags);
      edge.intern(series, interned, seriesKey(method, status, flag, mutualTls));
    }
    this.#count(edge, series, ended);
  }

  #read(ended: Ended): TrafficLabels['tags'] {
    if (this.#tags === undefined) return noTags;
    return Object.fromEntries(this.#tags.map((tag) => [tag.name, labelText(tag.of(ended))]));
  }

  #count(edge: TrafficEdge, series: TrafficSeries, ended: Ended): void {
    series.record(ended);
    edge.window.record(ended, isFailure(ended.status, ended.flag));
  }
}

const noTags: TrafficLabels['tags'] = Object.freeze({});

/** What an edge finds a series by that has tags. */
function taggedRoute(route: string, tags: TrafficLabels['tags']): string {
  return [route, ...Object.values(tags)].join('\0');
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
    JSON.stringify(labels.tags),
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
    tags: noTags,
  });
}

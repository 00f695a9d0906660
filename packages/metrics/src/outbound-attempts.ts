import type { EndedAttempt, Endpoint } from '@inmesh/core';
import { CappedStore } from './capped-store.ts';
import { AttemptEdge, EdgeWindow, isFailure, statusLabel } from './edge.ts';
import { maxInternedEdges } from './outbound-calls.ts';
import { destinationParty, otherParty } from './party.ts';
import type { ResolvedRecorderOptions } from './recorder-options.ts';
import { AttemptSeries } from './series.ts';

/** Single tries, by the endpoint that was tried: what shows a bad endpoint while calls still succeed. */
export class OutboundAttempts {
  readonly series: CappedStore<AttemptSeries>;
  /** One per endpoint id. */
  readonly windows: CappedStore<EdgeWindow>;
  readonly #edges = new Map<Endpoint, AttemptEdge>();

  constructor(options: ResolvedRecorderOptions) {
    const { idleMs } = options;
    const onReclaim = (): void => this.#edges.clear();
    this.series = new CappedStore<AttemptSeries>({
      max: options.maxSeries,
      idleMs,
      overflow: new AttemptSeries({ service: 'other', version: 'other', status: 0, flag: '-' }),
      onReclaim,
    });
    this.windows = new CappedStore<EdgeWindow>({
      max: options.maxEdges,
      idleMs,
      overflow: new EdgeWindow(otherParty, 'other'),
      onReclaim,
    });
  }

  record(attempt: EndedAttempt): void {
    const { endpoint, status, flag, endedAt } = attempt;
    let edge = this.#edges.get(endpoint);
    if (edge === undefined || edge.service !== attempt.service) edge = this.#newEdge(attempt);
    const series = edge.find(status, flag) ?? this.#newSeries(edge, attempt);
    series.record(attempt.number, endedAt);
    edge.window.record(attempt, isFailure(status, flag));
  }

  /** The endpoint is gone, and its window with it. */
  forget(endpoint: Endpoint): void {
    this.#edges.delete(endpoint);
    if (this.windows.delete(endpoint.id)) this.#forgetOlder(endpoint.id);
  }

  /** An endpoint that changed is another object with the same id; none of them may hold the old window. */
  #forgetOlder(id: string): void {
    for (const endpoint of this.#edges.keys()) {
      if (endpoint.id === id) this.#edges.delete(endpoint);
    }
  }

  #newEdge(attempt: EndedAttempt): AttemptEdge {
    const { service, endpoint, endedAt } = attempt;
    const party = destinationParty(service, endpoint, false, '');
    const window = this.windows.get(endpoint.id, endedAt, () => new EdgeWindow(party, endpoint.id));
    const edge = new AttemptEdge(service, window);
    if (window === this.windows.overflow) return edge;
    if (this.#edges.size >= maxInternedEdges) this.#edges.clear();
    this.#edges.set(endpoint, edge);
    return edge;
  }

  #newSeries(edge: AttemptEdge, attempt: EndedAttempt): AttemptSeries {
    const { status, flag } = attempt;
    const { service, version } = destinationParty(attempt.service, attempt.endpoint, false, '');
    const labels = Object.freeze({ service, version, status: statusLabel(status), flag });
    const key = `${service}\0${version}\0${labels.status}\0${flag}`;
    const series = this.series.get(key, attempt.endedAt, () => new AttemptSeries(labels));
    if (series !== this.series.overflow) edge.intern(series, status, flag);
    return series;
  }
}

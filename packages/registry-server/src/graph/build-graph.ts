import type { CallGraph, GraphEdge, GraphNode, GraphParty, GraphRates } from '@inmesh/core';
import { splitServiceName } from '@inmesh/core';
import type { RegistryState } from '../state/registry-state.ts';
import type { ReportSink } from './report-sink.ts';
import type { TrafficHistory } from './traffic-history.ts';
import { partyKey } from './traffic-table.ts';
import { TrafficTotal } from './traffic-total.ts';

/** Long enough for a steady rate, short enough to see a change: with the longest lag it fits in the open seconds. */
const windowSeconds = 30;
/** Edges that were silent for longer are not drawn. */
const drawnForSeconds = 300;

type MutableNode = { -readonly [Field in keyof GraphNode]: GraphNode[Field] };

/** The graph of now. @param revision The one that it gets. */
export function buildGraph(sink: ReportSink, state: RegistryState, revision: number): CallGraph {
  const now = sink.second;
  const reader = new WindowReader(now - sink.lagSeconds);
  const nodes = new NodeList(sink, state, reader);
  const edges: GraphEdge[] = [];
  for (const edge of sink.traffic.edges()) {
    const idleSeconds = now - edge.history.lastSecond;
    if (idleSeconds > drawnForSeconds) continue;
    nodes.obtain(edge.source);
    nodes.obtain(edge.destination);
    const { source, destination, mutualTlsRatio } = edge;
    const rates = reader.read(edge.history);
    edges.push({ source, destination, ...rates, mutualTlsRatio, idleMs: idleSeconds * 1_000 });
  }
  return {
    revision,
    windowMs: windowSeconds * 1_000,
    lagMs: sink.lagSeconds * 1_000,
    nodes: nodes.all(),
    edges,
    overflowed: sink.traffic.overflowed,
  };
}

/** Rates of the window that ends with second `last`. */
class WindowReader {
  readonly #first: number;
  readonly #last: number;
  readonly #total = new TrafficTotal();

  constructor(last: number) {
    this.#last = last;
    this.#first = last - windowSeconds + 1;
  }

  read(history: TrafficHistory | undefined): GraphRates {
    const total = this.#total;
    total.clear();
    history?.addTo(total, this.#first, this.#last);
    const { calls, errors } = total;
    if (calls === 0) return noTraffic;
    const [p50Ms = null, p90Ms = null, p99Ms = null] = total.quantilesMs(shownRatios);
    return {
      callsPerSecond: Math.round((calls / windowSeconds) * 1_000) / 1_000,
      errorRatio: errors / calls,
      p50Ms,
      p90Ms,
      p99Ms,
    };
  }
}

const shownRatios: readonly number[] = [0.5, 0.9, 0.99];

const noTraffic: GraphRates = Object.freeze({
  callsPerSecond: 0,
  errorRatio: 0,
  p50Ms: null,
  p90Ms: null,
  p99Ms: null,
});

/** Everybody who is registered, reports, or is an end of an edge. */
class NodeList {
  readonly #nodes = new Map<string, MutableNode>();
  readonly #namespaces = new Set<string>();
  readonly #sink: ReportSink;
  readonly #state: RegistryState;
  readonly #reader: WindowReader;

  constructor(sink: ReportSink, state: RegistryState, reader: WindowReader) {
    this.#sink = sink;
    this.#state = state;
    this.#reader = reader;
    for (const { service, endpoints } of state.services.all()) {
      if (endpoints.size === 0) continue;
      this.#namespaces.add(splitServiceName(service).namespace);
      for (const { endpoint } of endpoints.values()) {
        const node = this.obtain({ service, version: endpoint.labels.version ?? '' });
        node.endpoints += 1;
        if (endpoint.status === 'up') node.up += 1;
      }
    }
    for (const reporter of sink.reporters.all()) {
      const node = this.obtain(reporter);
      node.reporters += 1;
      node.openBreakers += reporter.state?.breakers.length ?? 0;
      node.ejections += reporter.state?.ejections.length ?? 0;
    }
  }

  obtain(party: GraphParty): MutableNode {
    const key = partyKey(party);
    let node = this.#nodes.get(key);
    if (node !== undefined) return node;
    const { service, version } = party;
    node = {
      service,
      version,
      kind: this.#kindOf(service),
      ...this.#reader.read(this.#sink.traffic.findVersion(party)?.history),
      endpoints: 0,
      up: 0,
      reporters: 0,
      openBreakers: 0,
      ejections: 0,
    };
    this.#nodes.set(key, node);
    return node;
  }

  all(): GraphNode[] {
    return [...this.#nodes.values()];
  }

  /** A service that nobody serves is still one of the mesh when others are in its namespace. */
  #kindOf(service: string): GraphNode['kind'] {
    if (service === '' || service === 'other') return 'unknown';
    if (this.#state.services.find(service) !== undefined) return 'service';
    if (this.#sink.reporters.has(service)) return 'service';
    return this.#namespaces.has(splitServiceName(service).namespace) ? 'service' : 'outside';
  }
}

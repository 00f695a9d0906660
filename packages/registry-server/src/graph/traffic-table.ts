import type { EdgeReport, GraphParty } from '@inmesh/core';
import type { SparseLatencies } from './sparse-latencies.ts';
import { TrafficHistory } from './traffic-history.ts';

/** One edge, as one of its ends saw it. */
export interface TrafficEdge {
  readonly source: GraphParty;
  readonly destination: GraphParty;
  readonly seenBy: EdgeReport['seenBy'];
  readonly history: TrafficHistory;
  /** What it leads to, as it was found last: looked up once, not for each second that is told. */
  version: TrafficVersion | undefined;
  /** Of the newest report with calls, 0..1. */
  mutualTlsRatio: number;
}

/** All calls to one version of a service. */
export interface TrafficVersion {
  readonly party: GraphParty;
  readonly history: TrafficHistory;
  /** Not once it was forgotten, nor for what there was no room for. */
  isKept: boolean;
}

/** Hears of every second that is counted, once however many edges there are. */
export type TrafficListener = (
  destination: GraphParty,
  calls: number,
  errors: number,
  latencies: SparseLatencies,
) => void;

/** Without calls for so long, an edge or a version is forgotten: the hour that can be asked for is empty then. */
const forgetAfterSeconds = 3_600;
/** At the cap, one gives way to a new one sooner. */
const giveWayAfterSeconds = 300;

const other: GraphParty = Object.freeze({ service: 'other', version: '' });

/** Edges and versions with their histories: never more than `max` of each. */
export class TrafficTable {
  readonly #max: number;
  readonly #edges = new Map<string, TrafficEdge>();
  readonly #versions = new Map<string, TrafficVersion>();
  readonly #overflowEdge = createEdge(other, other, 'source');
  readonly #overflowVersion: TrafficVersion = {
    party: other,
    history: new TrafficHistory(),
    isKept: false,
  };
  readonly #listeners: TrafficListener[] = [];
  #overflowed = 0;
  #sweptAt = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** How often an edge was reported that found no room. */
  get overflowed(): number {
    return this.#overflowed;
  }

  get size(): number {
    return this.#edges.size;
  }

  onTraffic(listener: TrafficListener): void {
    this.#listeners.push(listener);
  }

  /** @param second Now, of the registry's clock. */
  edge(
    source: GraphParty,
    destination: GraphParty,
    seenBy: EdgeReport['seenBy'],
    second: number,
  ): TrafficEdge {
    const key = `${seenBy}\0${partyKey(source)}\0${partyKey(destination)}`;
    const found = this.#edges.get(key);
    if (found !== undefined) return found;
    if (!this.#hasRoom(this.#edges, second)) {
      this.#overflowed += 1;
      return this.#overflowEdge;
    }
    const edge = createEdge(source, destination, seenBy);
    edge.history.lastSecond = second;
    this.#edges.set(key, edge);
    return edge;
  }

  /** Counts a second of `edge`, and of the version that it leads to. */
  add(
    edge: TrafficEdge,
    second: number,
    calls: number,
    errors: number,
    latencies: SparseLatencies,
  ): void {
    edge.history.add(second, calls, errors, latencies);
    if (edge.version?.isKept !== true) edge.version = this.#version(edge.destination, second);
    edge.version.history.add(second, calls, errors, latencies);
    for (const tell of this.#listeners) tell(edge.destination, calls, errors, latencies);
  }

  *edges(): IterableIterator<TrafficEdge> {
    yield* this.#edges.values();
    if (this.#overflowEdge.history.lastSecond > 0) yield this.#overflowEdge;
  }

  versions(): Iterable<TrafficVersion> {
    return this.#versions.values();
  }

  findVersion(party: GraphParty): TrafficVersion | undefined {
    return this.#versions.get(partyKey(party));
  }

  /** Forgets what had no call within the hour. Cheap enough for every minute. */
  sweep(second: number): void {
    this.#forgetIdle(this.#edges, second - forgetAfterSeconds);
    this.#forgetIdle(this.#versions, second - forgetAfterSeconds);
  }

  #version(party: GraphParty, second: number): TrafficVersion {
    const key = partyKey(party);
    const found = this.#versions.get(key);
    if (found !== undefined) return found;
    if (!this.#hasRoom(this.#versions, second)) return this.#overflowVersion;
    const version: TrafficVersion = { party, history: new TrafficHistory(), isKept: true };
    this.#versions.set(key, version);
    return version;
  }

  #hasRoom(
    map: Map<string, { history: TrafficHistory; isKept?: boolean }>,
    second: number,
  ): boolean {
    if (map.size < this.#max) return true;
    // Once a second at most, or a flood of new edges would make it the work.
    if (this.#sweptAt === second) return false;
    this.#sweptAt = second;
    this.#forgetIdle(map, second - giveWayAfterSeconds);
    return map.size < this.#max;
  }

  #forgetIdle(
    map: Map<string, { history: TrafficHistory; isKept?: boolean }>,
    before: number,
  ): void {
    for (const [key, entry] of map) {
      if (entry.history.lastSecond >= before) continue;
      map.delete(key);
      entry.isKept = false;
    }
  }
}

function createEdge(
  source: GraphParty,
  destination: GraphParty,
  seenBy: EdgeReport['seenBy'],
): TrafficEdge {
  return {
    source,
    destination,
    seenBy,
    history: new TrafficHistory(),
    version: undefined,
    mutualTlsRatio: 0,
  };
}

/** Names have no control characters, so NUL keeps the parts apart. */
export function partyKey({ service, version }: GraphParty): string {
  return `${service}\0${version}`;
}

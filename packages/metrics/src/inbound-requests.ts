import type { EndedRequest } from '@inmesh/core';
import type { TrafficEdge } from './edge.ts';
import { maxInternedEdges } from './outbound-calls.ts';
import { otherParty, ownParty, sourceParty } from './party.ts';
import type { ResolvedRecorderOptions } from './recorder-options.ts';
import { TrafficRecorder } from './traffic-recorder.ts';

/** An interned edge and the party that it comes from. */
type PeerEdges = Map<string, Map<string, TrafficEdge>>;

/**
 * Requests that this process served, by who sent them. Without mutual TLS a peer says itself who
 * it is, so peers are capped like everything that a client sends: beyond the cap they are `other`.
 */
export class InboundRequests {
  readonly traffic: TrafficRecorder;
  readonly #workload: ResolvedRecorderOptions['workload'];
  /** Service, then version, then SPIFFE ID. */
  readonly #edges = new Map<string, PeerEdges>();
  #interned = 0;

  constructor(options: ResolvedRecorderOptions) {
    this.#workload = options.workload;
    this.traffic = new TrafficRecorder('inbound', options, () => this.#forgetAll());
  }

  record(request: EndedRequest): void {
    const edge =
      this.#edges
        .get(request.peerService)
        ?.get(request.peerVersion)
        ?.get(request.peer?.spiffeId ?? '') ?? this.#newEdge(request);
    if (this.traffic.record(edge, request)) return;
    const source = this.traffic.isOverflow(edge)
      ? otherParty
      : sourceParty(request.peerService, request.peerVersion, request.peer);
    const destination = ownParty(this.#workload, request.mutualTls);
    this.traffic.recordNew(edge, request, source, destination);
  }

  #newEdge(request: EndedRequest): TrafficEdge {
    const { peerService, peerVersion } = request;
    const principal = request.peer?.spiffeId ?? '';
    const source = sourceParty(peerService, peerVersion, request.peer);
    const edge = this.traffic.edgeOf(source, request.endedAt);
    const isOwnLabel =
      source.service === peerService &&
      source.version === peerVersion &&
      source.principal === principal;
    if (this.traffic.isOverflow(edge) || !isOwnLabel) return edge;
    if (this.#interned >= maxInternedEdges) this.#forgetAll();
    this.#interned += 1;
    nested(nested(this.#edges, peerService), peerVersion).set(principal, edge);
    return edge;
  }

  #forgetAll(): void {
    this.#edges.clear();
    this.#interned = 0;
  }
}

function nested<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}

import type { EndedCall, Endpoint } from '@inmesh/core';
import type { TrafficEdge } from './edge.ts';
import { destinationParty, ownParty } from './party.ts';
import type { ResolvedRecorderOptions } from './recorder-options.ts';
import { TrafficRecorder } from './traffic-recorder.ts';

/** Interned edges at most: beyond it they are all dropped and found again, so births and deaths never pile up. */
export const maxInternedEdges = 4_096;

/** Logical calls of this process, by whom they reached. */
export class OutboundCalls {
  readonly traffic: TrafficRecorder;
  readonly #workload: ResolvedRecorderOptions['workload'];
  /** By the object: it is replaced when anything about the endpoint changes, so one look-up says service, version and account. */
  readonly #reached = new Map<Endpoint, TrafficEdge>();
  /** Calls that found no endpoint, by service. */
  readonly #unreached = new Map<string, TrafficEdge>();

  constructor(options: ResolvedRecorderOptions) {
    this.#workload = options.workload;
    this.traffic = new TrafficRecorder('outbound', options, () => this.forgetAll());
  }

  record(call: EndedCall): void {
    const { endpoint } = call;
    let edge =
      endpoint === undefined ? this.#unreached.get(call.service) : this.#reached.get(endpoint);
    if (edge === undefined || edge.service !== call.service) edge = this.#newEdge(call);
    if (this.traffic.record(edge, call)) return;
    this.traffic.recordNew(
      edge,
      call,
      ownParty(this.#workload, call.mutualTls),
      this.#destination(call),
    );
  }

  /** The endpoint is gone: so is the way to it. Its version's series stay. */
  forget(endpoint: Endpoint): void {
    this.#reached.delete(endpoint);
  }

  forgetAll(): void {
    this.#reached.clear();
    this.#unreached.clear();
  }

  #newEdge(call: EndedCall): TrafficEdge {
    const edge = this.traffic.edgeOf(this.#destination(call), call.endedAt);
    if (this.traffic.isOverflow(edge) || edge.service !== call.service) return edge;
    if (this.#reached.size + this.#unreached.size >= maxInternedEdges) this.forgetAll();
    if (call.endpoint === undefined) this.#unreached.set(call.service, edge);
    else this.#reached.set(call.endpoint, edge);
    return edge;
  }

  #destination(call: EndedCall): ReturnType<typeof destinationParty> {
    const { service, endpoint, mutualTls } = call;
    return destinationParty(service, endpoint, mutualTls, this.#workload.trustDomain);
  }
}

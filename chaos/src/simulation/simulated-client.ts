import {
  type ClientPolicy,
  type Cluster,
  createCluster,
  type PolicyOptions,
  resolvePolicy,
  SilenceWatch,
} from '@inmesh/client/policies';
import type {
  Clock,
  Destination,
  EndpointList,
  Locality,
  MeshEvent,
  Random,
  RequestContext,
} from '@inmesh/core';
import { unknownLocality } from '@inmesh/core';
import { PlaceQueue } from './place-queue.ts';
import type { Deliver } from './simulated-attempt.ts';
import { type CallEnd, type CallRuntime, SimulatedCall } from './simulated-call.ts';

export interface SimulatedClientOptions {
  readonly policy: PolicyOptions;
  /** For a whole call. @default 1_000 */
  readonly timeoutMs?: number;
  readonly locality?: Locality;
}

/** Tells the first list at once, and every change. */
export type Follow = (service: string, listener: (list: EndpointList) => void) => void;

export interface ClientSurroundings {
  /** What policies and deadlines go by. */
  readonly clock: Clock;
  readonly random: Random;
  readonly deliver: Deliver;
  readonly follow: Follow;
  readonly onEvent: (event: MeshEvent) => void;
}

/** One process that calls: its clusters, with the real policies, and its own view of the registry. */
export class SimulatedClient {
  readonly #policy: ClientPolicy;
  readonly #locality: Locality;
  readonly #surroundings: ClientSurroundings;
  readonly #runtime: CallRuntime;
  readonly #targets = new Map<string, { cluster: Cluster; destination: Destination }>();

  constructor(options: SimulatedClientOptions, surroundings: ClientSurroundings) {
    const { clock, random, deliver } = surroundings;
    this.#policy = resolvePolicy(options.policy);
    this.#locality = options.locality ?? unknownLocality;
    this.#surroundings = surroundings;
    const calls = new Set<SimulatedCall>();
    this.#runtime = {
      clock,
      random,
      deliver,
      places: new PlaceQueue(),
      timeoutMs: options.timeoutMs ?? 1_000,
      calls,
      silence: new SilenceWatch(clock, calls),
    };
  }

  /** @param context Of the inbound request that the call serves. */
  call(service: string, context: RequestContext | undefined, onEnd: (end: CallEnd) => void): void {
    new SimulatedCall(this.#runtime, this.#target(service), context, onEnd).start();
  }

  #target(service: string): { cluster: Cluster; destination: Destination } {
    let target = this.#targets.get(service);
    if (target === undefined) {
      const { clock, random, follow, onEvent } = this.#surroundings;
      const cluster = createCluster(service, {
        policy: this.#policy,
        clock,
        random,
        locality: this.#locality,
        onEvent,
        onRemoved: () => {},
      });
      follow(service, (list) => cluster.update(list));
      const destination = { service, subset: '', labels: {}, port: undefined, policy: {} };
      target = { cluster, destination };
      this.#targets.set(service, target);
    }
    return target;
  }
}

import type { Endpoint } from '@inmesh/core';
import type { EndpointState } from './endpoint-state.ts';

/** What others look at in a cluster. */
export interface ClusterView {
  readonly endpoints: ReadonlyMap<string, EndpointState>;
  /** Changes with every change of the endpoints. */
  readonly version: number;
}

/** The endpoints of a cluster that carry all of some labels. */
export class Subset {
  readonly #labels: readonly (readonly [string, string])[];
  readonly #cluster: ClusterView;
  #upCount = 0;
  #countedVersion = -1;

  constructor(labels: Readonly<Record<string, string>>, cluster: ClusterView) {
    this.#labels = Object.entries(labels);
    this.#cluster = cluster;
  }

  includes({ labels }: Endpoint): boolean {
    for (const [key, value] of this.#labels) if (labels[key] !== value) return false;
    return true;
  }

  /** Its endpoints, of every status. */
  *members(): Generator<EndpointState> {
    for (const state of this.#cluster.endpoints.values()) {
      if (this.includes(state.endpoint)) yield state;
    }
  }

  /** How many of them are up. Counted once per change of the cluster. */
  get upCount(): number {
    if (this.#countedVersion === this.#cluster.version) return this.#upCount;
    this.#countedVersion = this.#cluster.version;
    this.#upCount = 0;
    for (const { endpoint } of this.members()) if (endpoint.status === 'up') this.#upCount += 1;
    return this.#upCount;
  }
}

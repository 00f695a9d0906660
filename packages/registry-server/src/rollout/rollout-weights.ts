import { isMeshError, MeshError, type Revision, type StoreWrite } from '@inmesh/core';
import type { ConfigState } from '../config/config-state.ts';
import type { ConfigStore } from '../config/config-store.ts';
import { findSplit, newSplit, type SplitOf, type TrafficSplit } from './traffic-split.ts';

/** Edits of others may come in between: so often a change of weights is tried anew. */
const maxAttempts = 3;

/** Percent of the new version and the VirtualService that says so; a `string` is why it cannot be told. */
type FoundShare = { readonly key: string; readonly share: number } | string;

/** Reads and sets the weights of rollouts, through the same door as everybody's edits. */
export class RolloutWeights {
  readonly #state: ConfigState;
  readonly #config: ConfigStore;

  constructor(state: ConfigState, config: ConfigStore) {
    this.#state = state;
    this.#config = config;
  }

  /** As far as this server has heard: another may have set them a moment ago. */
  read(of: SplitOf): FoundShare {
    try {
      const split = findSplit(this.#state.resources, of);
      if (split === undefined) {
        return `no route splits ${of.service} between ${of.from} and ${of.to} any more`;
      }
      if (split.share === undefined) return `the routes of ${split.key} have different weights`;
      return { key: split.key, share: split.share };
    } catch (error) {
      if (isMeshError(error, 'conflict')) return error.message;
      throw error;
    }
  }

  /** As the store has them. Throws `store_unavailable`. */
  async readStored(of: SplitOf): Promise<FoundShare> {
    await this.#config.caughtUp();
    return this.read(of);
  }

  /** Makes the split where there is none, all to the old version. Throws `conflict`. */
  async prepare(of: SplitOf): Promise<{ readonly key: string; readonly share: number }> {
    await this.#config.caughtUp();
    if (findSplit(this.#state.resources, of) === undefined) {
      const resources = newSplit(this.#state.resources, of);
      await this.#config.apply({ resources, expectedRevision: this.#state.revision });
    }
    const split = await this.readStored(of);
    if (typeof split === 'string') throw new MeshError('conflict', `rollout: ${split}`);
    return split;
  }

  /**
   * Sets the share, if it is still `expected`, and commits `also` in the same moment: compare and
   * swap on the whole configuration, tried anew when others edited something else. Gives the store's
   * revision. Throws `conflict` when somebody else set the weights, and when `also` no longer fits.
   */
  async set(
    of: SplitOf,
    expected: number,
    share: number,
    also: readonly StoreWrite[],
  ): Promise<Revision> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#config.caughtUp();
      const found = this.read(of);
      if (typeof found === 'string' || found.share !== expected) {
        throw new MeshError('conflict', `rollout: ${handEdit(of, found, expected)}`);
      }
      const { revision, resources } = this.#state;
      const split = findSplit(resources, of) as TrafficSplit;
      const request = { resources: [split.with(share)], expectedRevision: revision };
      try {
        const outcome = await this.#config.apply(request, also);
        if (outcome.kind === 'applied') return outcome.committedAt as Revision;
        const [fault] = outcome.faults;
        throw new MeshError('invalid_resource', `rollout: ${split.key}: ${fault?.message}`);
      } catch (error) {
        if (!isMeshError(error, 'conflict') || attempt === maxAttempts) throw error;
      }
    }
  }
}

/** Says what somebody else did to the weights. */
export function handEdit({ to }: SplitOf, found: FoundShare, expected: number): string {
  if (typeof found === 'string') return found;
  return `somebody else set ${to} to ${found.share} % in ${found.key}, the rollout had set ${expected} %`;
}

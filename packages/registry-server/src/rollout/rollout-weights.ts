import { isMeshError, MeshError } from '@inmesh/core';
import type { ConfigState } from '../config/config-state.ts';
import type { ConfigStore } from '../config/config-store.ts';
import { findSplit, newSplit, type SplitOf } from './traffic-split.ts';

/** Edits of others may come in between: so often a change of weights is tried anew. */
const maxAttempts = 5;

/** Reads and sets the weights of rollouts, through the same door as everybody's edits. */
export class RolloutWeights {
  readonly #state: ConfigState;
  readonly #config: ConfigStore;

  constructor(state: ConfigState, config: ConfigStore) {
    this.#state = state;
    this.#config = config;
  }

  /** Percent of the new version and who says so; a `string` is why it cannot be told. */
  read(of: SplitOf): { readonly key: string; readonly share: number } | string {
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

  /** Makes the split where there is none, all to the old version. Throws `conflict`. */
  async prepare(of: SplitOf): Promise<{ readonly key: string; readonly share: number }> {
    if (findSplit(this.#state.resources, of) === undefined) {
      const resources = newSplit(this.#state.resources, of);
      await this.#config.apply({ resources, expectedRevision: this.#state.revision });
    }
    const split = this.read(of);
    if (typeof split === 'string') throw new MeshError('conflict', `rollout: ${split}`);
    return split;
  }

  /**
   * Sets the share, if it is still `expected`: compare and swap on the whole configuration, tried
   * anew when others edited something else. Throws `conflict` when somebody else set the weights.
   */
  async set(of: SplitOf, expected: number, share: number): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const { revision, resources } = this.#state;
      const split = findSplit(resources, of);
      if (split?.share === share) return;
      if (split?.share !== expected) {
        throw new MeshError('conflict', `rollout: ${handEdit(of, this.read(of), expected)}`);
      }
      try {
        const changed = [split.with(share)];
        const outcome = await this.#config.apply({
          resources: changed,
          expectedRevision: revision,
        });
        if (outcome.kind === 'applied') return;
        const [fault] = outcome.faults;
        throw new MeshError('invalid_resource', `rollout: ${split.key}: ${fault?.message}`);
      } catch (error) {
        if (!isMeshError(error, 'conflict') || attempt === maxAttempts) throw error;
      }
    }
  }
}

/** Says what somebody else did to the weights. */
export function handEdit(
  { to }: SplitOf,
  found: ReturnType<RolloutWeights['read']>,
  expected: number,
): string {
  if (typeof found === 'string') return found;
  return `somebody else set ${to} to ${found.share} % in ${found.key}, the rollout had set ${expected} %`;
}

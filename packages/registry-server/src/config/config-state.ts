import {
  type ConfigKey,
  type ConfigResource,
  type ConfigRevision,
  noConfigRevision,
} from '@inmesh/core';

/** What one commit changed. Immutable. */
export interface ConfigCommit {
  readonly from: ConfigRevision;
  readonly revision: ConfigRevision;
  readonly upserts: ReadonlyMap<ConfigKey, ConfigResource>;
  readonly removes: ReadonlySet<ConfigKey>;
}

/** Hears of a commit after the state has it. Must not throw. */
export type CommitListener = (commit: ConfigCommit) => void;

/** The configuration as this server knows it: changed by whole commits only, synchronously. */
export class ConfigState {
  #revision: ConfigRevision = noConfigRevision;
  readonly #resources = new Map<ConfigKey, ConfigResource>();
  readonly #listeners: CommitListener[] = [];

  get revision(): ConfigRevision {
    return this.#revision;
  }

  /** By key, in no order. Read it at once: it changes with the next commit. */
  get resources(): ReadonlyMap<ConfigKey, ConfigResource> {
    return this.#resources;
  }

  onCommit(listener: CommitListener): void {
    this.#listeners.push(listener);
  }

  commit(
    revision: ConfigRevision,
    upserts: ReadonlyMap<ConfigKey, ConfigResource>,
    removes: ReadonlySet<ConfigKey>,
  ): void {
    const from = this.#revision;
    this.#revision = revision;
    for (const key of removes) this.#resources.delete(key);
    for (const [key, resource] of upserts) this.#resources.set(key, resource);
    for (const tell of this.#listeners) tell({ from, revision, upserts, removes });
  }
}

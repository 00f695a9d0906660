import { isDeepStrictEqual } from 'node:util';
import {
  type ConfigKey,
  type ConfigResource,
  type ConfigRevision,
  type ConfigSnapshot,
  type Logger,
  noConfigRevision,
  type Unsubscribe,
} from '@inmesh/core';
import type { ConfigDeltaFrame, ConfigSnapshotFrame } from './watch-frame.ts';

/** The mesh's configuration as this process last heard it. */
export interface FollowedConfig {
  /**
   * Immutable and replaced whole: nobody sees a part of a commit. A resource that did not change stays
   * the same object. `undefined` while nothing is known, neither from the registry nor from the file.
   */
  readonly current: ConfigSnapshot | undefined;
  /** Told of every change, after `current` has it. One that throws is logged, and the others are still told. */
  onChange(listener: (snapshot: ConfigSnapshot) => void): Unsubscribe;
}

export interface ConfigCacheOptions {
  readonly logger: Logger;
  /** After the listeners. */
  readonly onChange: () => void;
}

type Resources = ReadonlyMap<ConfigKey, ConfigResource>;

/**
 * Assembles the configuration from the stream. It is replaced by another one only: not by silence, not
 * by what cannot be read, and not by a registry to which nothing was ever applied. That one has lost
 * its memory, and dropping every policy on its word would be worse than going by the last ones.
 */
export class ConfigCache implements FollowedConfig {
  readonly #options: ConfigCacheOptions;
  readonly #listeners = new Set<(snapshot: ConfigSnapshot) => void>();
  #current: ConfigSnapshot | undefined;
  /** What the registry's next delta builds on; `null` until it told the whole, and again once something was missed. */
  #base: ConfigRevision | null = null;
  /** What the registry holds at `#base`; nobody else sees this map, so a change costs no copy of it. */
  #resources = new Map<ConfigKey, ConfigResource>();
  #gaps = 0;

  constructor(options: ConfigCacheOptions) {
    this.#options = options;
  }

  get current(): ConfigSnapshot | undefined {
    return this.#current;
  }

  /** What to subscribe from. */
  get base(): ConfigRevision | null {
    return this.#base;
  }

  /** How often something was missed: when it grows, the whole is to be asked for. */
  get gaps(): number {
    return this.#gaps;
  }

  onChange(listener: (snapshot: ConfigSnapshot) => void): Unsubscribe {
    // A wrapper of its own, so that one function registered twice is two subscriptions.
    const entry = (snapshot: ConfigSnapshot): void => listener(snapshot);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  snapshot({ revision, resources }: ConfigSnapshotFrame): void {
    this.#base = revision;
    this.#resources = this.#withKnownObjects(resources);
    const kept = this.#current?.revision;
    if (revision === noConfigRevision && resources.size === 0 && kept !== undefined) {
      if (kept !== revision) {
        this.#options.logger.warn(
          { kept },
          'nothing was ever applied to this registry: the last configuration is kept until something is; does it have a data directory?',
        );
      }
      return;
    }
    this.#publish();
  }

  /** `false` when it does not build on what is known; then `gaps` has grown. */
  delta({ from, revision, upserts, removes }: ConfigDeltaFrame): boolean {
    if (revision === this.#base) return true;
    if (from !== this.#base) {
      this.missed();
      return false;
    }
    for (const key of removes) this.#resources.delete(key);
    for (const [key, resource] of upserts) this.#resources.set(key, resource);
    this.#base = revision;
    this.#publish();
    return true;
  }

  /** Something was said that could not be read. */
  missed(): void {
    this.#base = null;
    this.#gaps += 1;
  }

  /** Takes what a former process knew, unless the registry was faster. */
  restore(snapshot: ConfigSnapshot): void {
    if (this.#current !== undefined) return;
    this.#base = snapshot.revision;
    this.#resources = new Map(snapshot.resources.map((resource) => [keyOf(resource), resource]));
    this.#current = snapshot;
    this.#tell(snapshot);
  }

  close(): void {
    this.#listeners.clear();
  }

  /** Keeping the objects that say the same lets readers find out by identity what changed. */
  #withKnownObjects(resources: Resources): Map<ConfigKey, ConfigResource> {
    const next = new Map<ConfigKey, ConfigResource>();
    const known = this.#resources;
    for (const [key, resource] of resources) {
      const before = known.get(key);
      next.set(
        key,
        before !== undefined && isDeepStrictEqual(before, resource) ? before : resource,
      );
    }
    return next;
  }

  #publish(): void {
    const revision = this.#base as ConfigRevision;
    if (this.#current?.revision === revision) return;
    const snapshot = Object.freeze({ revision, resources: [...this.#resources.values()] });
    this.#current = snapshot;
    this.#tell(snapshot);
    this.#options.onChange();
  }

  #tell(snapshot: ConfigSnapshot): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(snapshot);
      } catch (error) {
        const { revision } = snapshot;
        this.#options.logger.error({ err: error, revision }, 'a listener for configuration threw');
      }
    }
  }
}

function keyOf({ kind, metadata }: ConfigResource): ConfigKey {
  return `${kind}/${metadata.namespace}/${metadata.name}`;
}

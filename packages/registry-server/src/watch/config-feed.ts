import type { Clock, ConfigKey, ConfigResource, ConfigRevision, Timer } from '@inmesh/core';
import type { ConfigCommit, ConfigState } from '../config/config-state.ts';
import type { Session } from '../state/session.ts';
import { encodeFrame } from './frame.ts';
import type { Watcher } from './watcher.ts';

export interface ConfigFeedOptions {
  readonly config: ConfigState;
  /** After a commit was told, those that follow within it are told together. */
  readonly mergeMs: number;
  readonly clock: Clock;
}

/** Commits that are told together. */
interface Merged {
  readonly from: ConfigRevision;
  readonly upserts: Map<ConfigKey, ConfigResource>;
  readonly removes: Set<ConfigKey>;
  /** Encoded once somebody needs it: nobody follows a server that just loaded its resources. */
  frame: Buffer | undefined;
}

/**
 * Brings every commit of the configuration whole to every stream that follows it, encoded once for
 * all of them: as a delta to who is where it begins, and to everybody else the whole configuration.
 *
 * Its frames have no `id:`. A client says the revision that it knows with its subscription instead:
 * unlike the services' revisions it outlives this run of the server.
 */
export class ConfigFeed {
  readonly #options: ConfigFeedOptions;
  /** The revision that each follower is at once it has read its stream. */
  readonly #told = new Map<Watcher, ConfigRevision | null>();
  #merged: Merged | undefined;
  #timer: Timer | undefined;
  #quietUntil = 0;
  /** The last delta, for who comes back having missed only that. */
  #delta: Merged | undefined;
  #snapshot: Buffer | undefined;

  constructor(options: ConfigFeedOptions) {
    this.#options = options;
    options.config.onCommit((commit) => this.#add(commit));
  }

  /** A stream opened, or its session began to follow: it is told what it does not know. */
  join(watcher: Watcher): void {
    const { config } = watcher.session;
    if (config === undefined) return;
    this.#told.set(watcher, config.revision);
    const { revision } = this.#options.config;
    if (config.revision === revision) return;
    if (this.#merged === undefined && this.#delta?.from === config.revision) {
      this.#deliver(watcher, this.#delta);
    } else {
      watcher.resyncConfig();
    }
  }

  leave(watcher: Watcher): void {
    this.#told.delete(watcher);
    watcher.forgetConfig();
  }

  /** Takes over what the session says of the configuration. `watcher` is its open stream. */
  subscribe(session: Session, config: Session['config'], watcher: Watcher | undefined): void {
    const followed = session.config !== undefined;
    session.config = config;
    if (watcher === undefined) return;
    if (config === undefined) this.leave(watcher);
    else if (!followed) this.join(watcher);
    // Any other revision may be what the client knew before the frames that are under way.
    else if (config.revision === null) watcher.resyncConfig();
  }

  /** The whole configuration, for a stream with room for it. */
  snapshotFor(watcher: Watcher): Buffer {
    const { revision, resources } = this.#options.config;
    this.#told.set(watcher, revision);
    this.#snapshot ??= encodeFrame({
      kind: 'config-snapshot',
      revision,
      resources: [...resources.values()],
    });
    return this.#snapshot;
  }

  /** Tells what still waits. */
  flush(): void {
    const merged = this.#merged;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#merged = undefined;
    if (merged === undefined) return;
    const { clock, mergeMs, config } = this.#options;
    const startedAt = clock.now();
    const { revision } = config;
    this.#delta = merged;
    for (const [watcher, told] of this.#told) {
      if (told === revision) continue;
      if (told === merged.from) this.#deliver(watcher, merged);
      else watcher.resyncConfig();
    }
    // At most half of the time goes into fan-out, however many watch.
    const endedAt = clock.now();
    this.#quietUntil = endedAt + Math.max(mergeMs, endedAt - startedAt);
  }

  #add({ from, upserts, removes }: ConfigCommit): void {
    this.#snapshot = undefined;
    this.#merged ??= { from, upserts: new Map(), removes: new Set(), frame: undefined };
    const merged = this.#merged;
    for (const key of removes) {
      merged.upserts.delete(key);
      merged.removes.add(key);
    }
    for (const [key, resource] of upserts) {
      merged.removes.delete(key);
      merged.upserts.set(key, resource);
    }
    if (this.#timer !== undefined) return;
    const { clock } = this.#options;
    const waitMs = this.#quietUntil - clock.now();
    if (waitMs <= 0) this.flush();
    else this.#timer = clock.setTimer(() => this.flush(), waitMs);
  }

  /** Brings `watcher` from the delta's beginning to the present revision. */
  #deliver(watcher: Watcher, delta: Merged): void {
    const { revision } = this.#options.config;
    delta.frame ??= encodeFrame({
      kind: 'config-delta',
      from: delta.from,
      revision,
      upserts: [...delta.upserts.values()],
      removes: [...delta.removes],
    });
    if (watcher.deliverConfig(delta.frame)) this.#told.set(watcher, revision);
  }
}

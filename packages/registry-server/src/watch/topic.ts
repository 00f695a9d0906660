import type { ServiceName } from '@inmesh/core';
import type { Watcher } from './watcher.ts';

/** One service that at least one open stream carries. */
export interface Topic {
  readonly service: ServiceName;
  readonly followers: Set<Watcher>;
  /** The revision of the service that its followers were told last. */
  published: number;
  /** The first revision that they were not told yet; only meaningful while a change waits. */
  firstUnpublished: number;
  /** The service as it was published last, encoded, for everybody who needs it whole. */
  snapshot: Buffer | undefined;
}

/** The topics by service; one exists while somebody follows it. */
export class TopicTable {
  readonly #byService = new Map<ServiceName, Topic>();
  readonly #onUnfollowed: (topic: Topic) => void;

  /** @param onUnfollowed Called when a topic lost its last follower and is gone. */
  constructor(onUnfollowed: (topic: Topic) => void) {
    this.#onUnfollowed = onUnfollowed;
  }

  find(service: ServiceName): Topic | undefined {
    return this.#byService.get(service);
  }

  /** @param revision The service's present one. */
  join(watcher: Watcher, service: ServiceName, revision: number): void {
    let topic = this.#byService.get(service);
    if (topic === undefined) {
      topic = {
        service,
        followers: new Set(),
        published: revision,
        firstUnpublished: 0,
        snapshot: undefined,
      };
      this.#byService.set(service, topic);
    }
    topic.followers.add(watcher);
  }

  leave(watcher: Watcher, service: ServiceName): void {
    const topic = this.#byService.get(service);
    if (topic === undefined) return;
    topic.followers.delete(watcher);
    if (topic.followers.size > 0) return;
    this.#byService.delete(service);
    this.#onUnfollowed(topic);
  }
}

import type { Clock, Timer } from '@inmesh/core';
import type { Topic } from './topic.ts';

export interface ChangeMergerOptions {
  /** After a flush, changes are gathered for so long, and at least as long as the flush took. */
  readonly mergeMs: () => number;
  readonly clock: Clock;
  /** The latest revision there is. */
  readonly revision: () => number;
  /** Tells a topic's followers what changed; `id` is what they may resume from after it. */
  readonly publish: (topic: Topic, id: number) => void;
  /** Called after everything was published. */
  readonly onFlushed: () => void;
}

/**
 * Decides when changes go out: the first at once, those that follow within a few milliseconds
 * together. And says how far readers have heard: never past a change that still waits here.
 */
export class ChangeMerger {
  readonly #options: ChangeMergerOptions;
  /** Topics with changes that wait, ordered by the first of them. */
  readonly #dirty = new Set<Topic>();
  #timer: Timer | undefined;
  #quietUntil = 0;

  constructor(options: ChangeMergerOptions) {
    this.#options = options;
  }

  /** Tells that `topic` changed in `revision`. */
  add(topic: Topic, revision: number): void {
    if (!this.#dirty.has(topic)) {
      topic.firstUnpublished = revision;
      this.#dirty.add(topic);
    }
    if (this.#timer !== undefined) return;
    const waitMs = this.#quietUntil - this.#options.clock.now();
    if (waitMs <= 0) this.flush();
    else this.#timer = this.#options.clock.setTimer(() => this.flush(), waitMs);
  }

  isWaiting(topic: Topic): boolean {
    return this.#dirty.has(topic);
  }

  forget(topic: Topic): void {
    this.#dirty.delete(topic);
  }

  /** Every change up to it has been published. */
  publishedUntil(): number {
    for (const topic of this.#dirty) return topic.firstUnpublished - 1;
    return this.#options.revision();
  }

  flush(): void {
    const { clock, mergeMs, publish, revision, onFlushed } = this.#options;
    this.#timer?.cancel();
    this.#timer = undefined;
    const startedAt = clock.now();
    const topics = [...this.#dirty];
    this.#dirty.clear();
    for (const [i, topic] of topics.entries()) {
      const next = topics[i + 1];
      publish(topic, next === undefined ? revision() : next.firstUnpublished - 1);
    }
    onFlushed();
    // At most half of the time goes into fan-out, however many watch.
    const endedAt = clock.now();
    this.#quietUntil = endedAt + Math.max(mergeMs(), endedAt - startedAt);
  }
}

import type { Clock, ServiceName, Timer } from '@inmesh/core';
import type { RegistryState } from '../state/registry-state.ts';
import type { ServiceRecord } from '../state/service-record.ts';
import type { Session } from '../state/session.ts';
import { encodeFrame, encodeId } from './frame.ts';
import { parseResumePoint } from './resume-point.ts';
import { deltaFrame, type MissedChanges, missedChanges, serviceSnapshot } from './service-view.ts';
import type { Topic } from './topic.ts';
import type { WatchStream } from './watch-stream.ts';
import { Watcher } from './watcher.ts';

export interface WatchHubOptions {
  readonly state: RegistryState;
  /** After a flush, changes are gathered for this long, and at least as long as the flush took. */
  readonly mergeMs: number;
  readonly keepAliveMs: number;
  readonly maxQueueBytes: number;
  readonly isSettling: () => boolean;
  readonly clock: Clock;
  /** Called when a delta was dropped because a reader was too slow. */
  readonly onDrop: () => void;
}

/** Streams are told that the server has settled in slices of so many, so that renewals get in between. */
const settledSlice = 100;

/**
 * Brings every change to every stream that follows its service. A change is encoded once. The
 * first goes out at once; those that follow within a few milliseconds go out together.
 *
 * What an `id:` promises: its reader has heard of every change up to that revision in the services
 * that it follows. So a frame's id never passes a change that is still waiting in another topic.
 */
export class WatchHub {
  readonly #options: WatchHubOptions;
  readonly #watchers = new Map<Session, Watcher>();
  readonly #topics = new Map<ServiceName, Topic>();
  /** Topics with unpublished changes, ordered by the first of them. */
  readonly #dirty = new Set<Topic>();
  /** Watchers that wait for a snapshot of a dirty topic. */
  readonly #waiting = new Set<Watcher>();
  #mergeTimer: Timer | undefined;
  #keepAliveTimer: Timer | undefined;
  #settledTurn: NodeJS.Immediate | undefined;
  #quietUntil = 0;

  constructor(options: WatchHubOptions) {
    this.#options = options;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  hasStream(session: Session): boolean {
    return this.#watchers.has(session);
  }

  start(): void {
    this.#keepAliveTimer = this.#options.clock.setTimer(() => {
      for (const watcher of this.#watchers.values()) watcher.keepAlive();
      this.start();
    }, this.#options.keepAliveMs);
  }

  /** Opens the session's stream; an older one of the same session ends. */
  open(session: Session, stream: WatchStream, lastEventId: string | undefined): void {
    const { state, keepAliveMs, maxQueueBytes, isSettling, onDrop } = this.#options;
    this.#watchers.get(session)?.stream.end();
    this.#detach(session);
    const watcher = new Watcher({
      session,
      stream,
      maxQueueBytes,
      writeSnapshot: this.#writeSnapshot,
      onDrop,
    });
    stream.on('error', () => stream.destroy());
    stream.on('close', () => {
      if (this.#watchers.get(session) === watcher) this.#detach(session);
    });
    this.#watchers.set(session, watcher);
    const resumeFrom = parseResumePoint(lastEventId, state);
    const { epoch } = state;
    const resumed = resumeFrom !== undefined;
    stream.write(
      encodeFrame({ kind: 'hello', epoch, settling: isSettling(), resumed, keepAliveMs }),
    );
    for (const service of session.subscriptions.keys()) {
      this.#join(watcher, service);
      if (resumeFrom === undefined) watcher.resync(service);
    }
    if (resumeFrom !== undefined) this.#resume(watcher, resumeFrom);
    watcher.pump();
  }

  /** Replaces what the session follows. */
  subscribe(session: Session, services: readonly ServiceName[]): void {
    const wanted = new Set(services);
    const watcher = this.#watchers.get(session);
    for (const service of session.subscriptions.keys()) {
      if (wanted.has(service)) continue;
      session.subscriptions.delete(service);
      if (watcher !== undefined) this.#leave(watcher, service);
    }
    for (const service of wanted) {
      if (session.subscriptions.has(service)) continue;
      session.subscriptions.set(service, { provenBy: Number.POSITIVE_INFINITY });
      if (watcher === undefined) continue;
      this.#join(watcher, service);
      watcher.resync(service);
    }
    watcher?.pump();
  }

  serviceChanged(record: ServiceRecord): void {
    const topic = this.#topics.get(record.service);
    if (topic === undefined) return;
    if (!this.#dirty.has(topic)) {
      topic.firstUnpublished = record.revision;
      this.#dirty.add(topic);
    }
    if (this.#mergeTimer !== undefined) return;
    const waitMs = this.#quietUntil - this.#options.clock.now();
    if (waitMs <= 0) this.#flush();
    else this.#mergeTimer = this.#options.clock.setTimer(() => this.#flush(), waitMs);
  }

  sessionEnded(session: Session): void {
    const watcher = this.#watchers.get(session);
    if (watcher === undefined) return;
    this.#detach(session);
    watcher.stream.end();
  }

  /** Tells every stream what it follows, whole, and that this is now all there is. */
  settled(): void {
    const queue = [...this.#watchers.values()];
    const next = (): void => {
      for (const watcher of queue.splice(0, settledSlice)) {
        if (this.#watchers.get(watcher.session) === watcher) watcher.settled();
      }
      this.#settledTurn = queue.length > 0 ? setImmediate(next) : undefined;
    };
    next();
  }

  /** Says goodbye to every stream and ends it. */
  close(): void {
    this.#mergeTimer?.cancel();
    this.#keepAliveTimer?.cancel();
    if (this.#settledTurn !== undefined) clearImmediate(this.#settledTurn);
    this.#flush();
    for (const [session, watcher] of this.#watchers) {
      this.#detach(session);
      watcher.goodbye();
    }
  }

  #flush(): void {
    const { clock, mergeMs, state } = this.#options;
    this.#mergeTimer?.cancel();
    this.#mergeTimer = undefined;
    const startedAt = clock.now();
    const topics = [...this.#dirty];
    this.#dirty.clear();
    for (const [i, topic] of topics.entries()) {
      const next = topics[i + 1];
      this.#publish(topic, next === undefined ? state.revision : next.firstUnpublished - 1);
    }
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const watcher of waiting) watcher.pump();
    // At most half of the time goes into fan-out, however many watch.
    const endedAt = clock.now();
    this.#quietUntil = endedAt + Math.max(mergeMs, endedAt - startedAt);
  }

  #publish(topic: Topic, id: number): void {
    const record = this.#options.state.services.find(topic.service);
    const from = topic.published;
    topic.snapshot = undefined;
    topic.published = record?.revision ?? 0;
    const changes = record?.log.since(from);
    if (record === undefined || changes === undefined) {
      for (const watcher of topic.followers) {
        watcher.resync(topic.service);
        watcher.pump();
      }
      return;
    }
    const frame = deltaFrame(this.#options.state, record, from, changes.endpointIds, id);
    for (const watcher of topic.followers) watcher.deliver(topic, frame);
  }

  /** Sends what `watcher` missed since `resumeFrom`: changes where they are known, else everything. */
  #resume(watcher: Watcher, resumeFrom: number): void {
    const { state, maxQueueBytes } = this.#options;
    const missed: MissedChanges[] = [];
    for (const [service, { provenBy }] of watcher.session.subscriptions) {
      const changes = missedChanges(state, service, resumeFrom);
      // A dirty topic's next delta begins where its followers are: be there first.
      const dirty = this.#dirty.has(this.#topics.get(service) as Topic);
      if (provenBy > resumeFrom || changes === 'forgotten') watcher.resync(service);
      else if (changes !== 'none' && dirty) watcher.resync(service);
      else if (changes !== 'none') missed.push(changes);
    }
    const id = this.#safeRevision();
    for (const [i, { record, from, endpointIds }] of missed.entries()) {
      if (watcher.stream.writableLength > maxQueueBytes) {
        watcher.resync(record.service);
        continue;
      }
      // The last one's id says that all of them were heard.
      const idOfLast = i === missed.length - 1 ? id : undefined;
      watcher.stream.write(deltaFrame(state, record, from, endpointIds, idOfLast));
    }
  }

  /** Every change up to it has been published. */
  #safeRevision(): number {
    for (const topic of this.#dirty) return topic.firstUnpublished - 1;
    return this.#options.state.revision;
  }

  readonly #writeSnapshot = (watcher: Watcher, service: ServiceName): boolean => {
    const { state } = this.#options;
    const topic = this.#topics.get(service);
    const subscription = watcher.session.subscriptions.get(service);
    if (topic === undefined || subscription === undefined) return true;
    // The flush will publish a delta from the last published revision: a snapshot taken now would
    // already be past it.
    if (this.#dirty.has(topic)) {
      this.#waiting.add(watcher);
      return false;
    }
    // A number of its own, so that a client which resumes from it has proven that it got this.
    subscription.provenBy = state.nextRevision();
    if (topic.snapshot === undefined) {
      topic.snapshot = encodeFrame({ kind: 'snapshot', ...serviceSnapshot(state, service) });
    }
    watcher.stream.cork();
    watcher.stream.write(encodeId(state.wireRevision(this.#safeRevision())));
    watcher.stream.write(topic.snapshot);
    watcher.stream.uncork();
    return true;
  };

  #join(watcher: Watcher, service: ServiceName): Topic {
    let topic = this.#topics.get(service);
    if (topic === undefined) {
      const published = this.#options.state.services.find(service)?.revision ?? 0;
      const followers = new Set<Watcher>();
      topic = { service, followers, published, firstUnpublished: 0, snapshot: undefined };
      this.#topics.set(service, topic);
    }
    topic.followers.add(watcher);
    return topic;
  }

  #leave(watcher: Watcher, service: ServiceName): void {
    watcher.forget(service);
    const topic = this.#topics.get(service);
    if (topic === undefined) return;
    topic.followers.delete(watcher);
    if (topic.followers.size > 0) return;
    this.#topics.delete(service);
    this.#dirty.delete(topic);
  }

  #detach(session: Session): void {
    const watcher = this.#watchers.get(session);
    if (watcher === undefined) return;
    this.#watchers.delete(session);
    this.#waiting.delete(watcher);
    watcher.stop();
    for (const service of session.subscriptions.keys()) this.#leave(watcher, service);
  }
}

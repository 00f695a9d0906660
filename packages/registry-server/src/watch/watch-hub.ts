// Over 250 lines: who watches what and what is told to whom, which must change together.
import type { Clock, ServiceName, Subscriptions, TapOrder, Timer, TrustState } from '@inmesh/core';
import type { ConfigState } from '../config/config-state.ts';
import type { RegistryState } from '../state/registry-state.ts';
import type { ServiceRecord } from '../state/service-record.ts';
import type { Session } from '../state/session.ts';
import type { StateObserver } from '../state/state-observer.ts';
import { ChangeMerger } from './change-merger.ts';
import { ConfigFeed } from './config-feed.ts';
import { encodeFrame, encodeId } from './frame.ts';
import { inSlices } from './in-slices.ts';
import { parseResumePoint } from './resume-point.ts';
import {
  deltaFrame,
  hiddenSnapshot,
  type MissedChanges,
  missedChanges,
  serviceSnapshot,
} from './service-view.ts';
import { type Topic, TopicTable } from './topic.ts';
import type { WatchStream } from './watch-stream.ts';
import { Watcher } from './watcher.ts';

export interface WatchHubOptions {
  readonly state: RegistryState;
  readonly config: ConfigState;
  /** See `ChangeMerger`; longer while settling. */
  readonly mergeMs: number;
  readonly keepAliveMs: number;
  readonly maxQueueBytes: number;
  readonly isSettling: () => boolean;
  /** Whether the session's owner may know of the service; the others are told that there is none. */
  readonly isVisible: (session: Session, service: ServiceName) => boolean;
  /** Whom to trust; `undefined` without an authority. */
  readonly trust: () => TrustState | undefined;
  /** What somebody wants to see of a session's calls. */
  readonly taps: (session: Session) => readonly TapOrder[];
  readonly clock: Clock;
  /** Called when a delta was dropped because a reader was too slow. */
  readonly onDrop: () => void;
}

/**
 * Changes that follow another within it are told together while the server settles. A whole fleet
 * comes back then, and who is back first would be told of each that follows, by the time that the
 * others wait for. They miss nothing by it: they keep what they had, and nearly all that is told is in that.
 */
const settlingMergeMs = 250;

/** What all streams are told goes out in slices of so many, so that renewals get in between. */
const slice = 100;

/**
 * Brings every change to every stream that follows its service, encoded once for all of them.
 *
 * What an `id:` promises: its reader has heard of every change up to that revision in the services
 * that it follows. So a frame's id never passes a change that is still to come on the same stream.
 */
export class WatchHub implements StateObserver {
  readonly #options: WatchHubOptions;
  readonly #watchers = new Map<Session, Watcher>();
  readonly #merger: ChangeMerger;
  readonly #topics: TopicTable;
  readonly #configFeed: ConfigFeed;
  /** Watchers that were told that this server knows less than they may. */
  readonly #unsettled = new Set<Watcher>();
  /** Watchers that wait for a snapshot of a topic whose changes wait. */
  readonly #waiting = new Set<Watcher>();
  /** Encoded once for everybody. */
  #trust: Buffer | undefined;
  #keepAliveTimer: Timer | undefined;
  #stopSettled: () => void = () => {};
  #stopDismissal: () => void = () => {};
  #stopReview: () => void = () => {};

  constructor(options: WatchHubOptions) {
    this.#options = options;
    const { mergeMs, isSettling, clock, state } = options;
    this.#merger = new ChangeMerger({
      mergeMs: () => (isSettling() ? Math.max(mergeMs, settlingMergeMs) : mergeMs),
      clock,
      revision: () => state.revisions.current,
      publish: (topic, id) => this.#publish(topic, id),
      onFlushed: () => this.#pumpWaiting(),
    });
    this.#topics = new TopicTable((topic) => this.#merger.forget(topic));
    this.#configFeed = new ConfigFeed({ config: options.config, mergeMs, clock });
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
    const { state, keepAliveMs, maxQueueBytes, isSettling, taps, onDrop } = this.#options;
    this.#watchers.get(session)?.stream.end();
    this.#detach(session);
    const watcher = new Watcher({
      session,
      stream,
      maxQueueBytes,
      writeSnapshot: this.#writeSnapshot,
      trust: () => this.#trustFrame(),
      configSnapshot: (reader) => this.#configFeed.snapshotFor(reader),
      taps: () => encodeFrame({ kind: 'taps', taps: taps(session) }),
      onDrop,
    });
    stream.on('error', () => stream.destroy());
    stream.on('close', () => {
      if (this.#watchers.get(session) === watcher) this.#detach(session);
    });
    this.#watchers.set(session, watcher);
    const resumeFrom = parseResumePoint(lastEventId, state.revisions);
    const { epoch } = state.revisions;
    const resumed = resumeFrom !== undefined;
    const settling = isSettling();
    if (settling) this.#unsettled.add(watcher);
    stream.write(encodeFrame({ kind: 'hello', epoch, settling, resumed, keepAliveMs }));
    if (taps(session).length > 0) watcher.resyncTaps();
    this.#configFeed.join(watcher);
    for (const [service, subscription] of session.subscriptions) {
      const hidden = !this.#options.isVisible(session, service);
      if (hidden !== subscription.hidden) subscription.provenBy = Number.POSITIVE_INFINITY;
      subscription.hidden = hidden;
      if (!hidden) this.#join(watcher, service);
      if (resumeFrom === undefined) watcher.resync(service);
    }
    if (resumeFrom !== undefined) this.#resume(watcher, resumeFrom);
    watcher.pump();
  }

  /** Tells every stream whom to trust: it has changed. */
  trustChanged(): void {
    this.#trust = undefined;
    for (const watcher of this.#watchers.values()) watcher.resyncTrust();
  }

  /** Tells the session's stream whose calls are looked at: it has changed. */
  tapsChanged(session: Session): void {
    this.#watchers.get(session)?.resyncTaps();
  }

  #trustFrame(): Buffer | undefined {
    const trust = this.#options.trust();
    if (trust === undefined) return undefined;
    this.#trust ??= encodeFrame({ kind: 'trust', ...trust });
    return this.#trust;
  }

  /** Replaces what the session follows. */
  subscribe(session: Session, { services, config }: Subscriptions): void {
    const wanted = new Set(services);
    const watcher = this.#watchers.get(session);
    this.#configFeed.subscribe(session, config, watcher);
    for (const service of session.subscriptions.keys()) {
      if (wanted.has(service)) continue;
      session.subscriptions.delete(service);
      if (watcher !== undefined) this.#leave(watcher, service);
    }
    for (const service of wanted) {
      if (session.subscriptions.has(service)) continue;
      const hidden = !this.#options.isVisible(session, service);
      session.subscriptions.set(service, { provenBy: Number.POSITIVE_INFINITY, hidden });
      if (watcher === undefined) continue;
      if (!hidden) this.#join(watcher, service);
      watcher.resync(service);
    }
    watcher?.pump();
  }

  /** What may be seen has changed, of one service or of any: tells who follows what is another now, whole. */
  visibilityChanged(service: ServiceName | undefined): void {
    if (service !== undefined) {
      for (const watcher of this.#watchers.values()) this.#review(watcher, [service]);
      return;
    }
    this.#stopReview();
    this.#stopReview = inSlices([...this.#watchers.values()], slice, (watcher) => {
      const { session } = watcher;
      if (this.#watchers.get(session) !== watcher) return;
      this.#review(watcher, session.subscriptions.keys());
    });
  }

  serviceChanged({ service, revision }: ServiceRecord): void {
    const topic = this.#topics.find(service);
    if (topic !== undefined) this.#merger.add(topic, revision);
  }

  sessionEnded(session: Session): void {
    const watcher = this.#watchers.get(session);
    if (watcher === undefined) return;
    this.#detach(session);
    watcher.stream.end();
  }

  /** Tells every stream that began before it what it follows, whole, and that this is now all there is. */
  settled(): void {
    const unsettled = [...this.#unsettled];
    this.#unsettled.clear();
    this.#stopSettled();
    this.#stopSettled = inSlices(unsettled, slice, (watcher) => {
      if (this.#watchers.get(watcher.session) === watcher) watcher.settled();
    });
  }

  /** Sends every reader elsewhere; whoever finds nobody comes back. */
  dismiss(): void {
    this.#stopDismissal();
    this.#stopDismissal = inSlices([...this.#watchers.values()], slice, (watcher) => {
      if (this.#watchers.get(watcher.session) !== watcher) return;
      this.#detach(watcher.session);
      watcher.session.mayBeElsewhere = true;
      watcher.goodbye();
    });
  }

  /** Tells what still waits, says goodbye to every stream and ends it. */
  close(): void {
    this.#keepAliveTimer?.cancel();
    this.#stopSettled();
    this.#stopDismissal();
    this.#stopReview();
    this.#merger.flush();
    this.#configFeed.flush();
    for (const [session, watcher] of this.#watchers) {
      this.#detach(session);
      watcher.goodbye();
    }
  }

  #publish(topic: Topic, id: number): void {
    const { state } = this.#options;
    const record = state.services.find(topic.service);
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
    const frame = deltaFrame(state.revisions, { ...changes, record, from }, id);
    for (const watcher of topic.followers) watcher.deliver(topic, frame);
  }

  /** Sends what `watcher` missed since `resumeFrom`: changes where they are known, else everything. */
  #resume(watcher: Watcher, resumeFrom: number): void {
    const { state, maxQueueBytes } = this.#options;
    const missed: MissedChanges[] = [];
    for (const [service, { provenBy, hidden }] of watcher.session.subscriptions) {
      if (hidden) {
        if (provenBy > resumeFrom) watcher.resync(service);
        continue;
      }
      const changes = missedChanges(state, service, resumeFrom);
      // The next delta of a topic whose changes wait begins where its followers are: be there first.
      const waits = this.#merger.isWaiting(this.#topics.find(service) as Topic);
      if (provenBy > resumeFrom || changes === 'forgotten') watcher.resync(service);
      else if (changes !== 'none' && waits) watcher.resync(service);
      else if (changes !== 'none') missed.push(changes);
    }
    const id = this.#merger.publishedUntil();
    for (const [i, changes] of missed.entries()) {
      if (watcher.stream.writableLength > maxQueueBytes) {
        watcher.resync(changes.record.service);
        continue;
      }
      // The last one's id says that all of them were heard.
      const idOfLast = i === missed.length - 1 ? id : undefined;
      watcher.stream.write(deltaFrame(state.revisions, changes, idOfLast));
    }
  }

  readonly #writeSnapshot = (watcher: Watcher, service: ServiceName): boolean => {
    const { state } = this.#options;
    const topic = this.#topics.find(service);
    const subscription = watcher.session.subscriptions.get(service);
    if (subscription === undefined) return true;
    if (subscription.hidden) {
      subscription.provenBy = state.revisions.next();
      this.#writeWhole(
        watcher,
        encodeFrame({ kind: 'snapshot', ...hiddenSnapshot(state, service) }),
      );
      return true;
    }
    if (topic === undefined) return true;
    // The flush will publish a delta from the last published revision: a snapshot taken now would
    // already be past it.
    if (this.#merger.isWaiting(topic)) {
      this.#waiting.add(watcher);
      return false;
    }
    // A number of its own, so that a client which resumes from it has proven that it got this.
    subscription.provenBy = state.revisions.next();
    topic.snapshot ??= encodeFrame({ kind: 'snapshot', ...serviceSnapshot(state, service) });
    this.#writeWhole(watcher, topic.snapshot);
    return true;
  };

  #writeWhole({ stream }: Watcher, snapshot: Buffer): void {
    const { revisions } = this.#options.state;
    stream.cork();
    stream.write(encodeId(revisions.wire(this.#merger.publishedUntil())));
    stream.write(snapshot);
    stream.uncork();
  }

  #review(watcher: Watcher, services: Iterable<ServiceName>): void {
    const { session } = watcher;
    for (const service of services) {
      const subscription = session.subscriptions.get(service);
      const hidden = !this.#options.isVisible(session, service);
      if (subscription === undefined || subscription.hidden === hidden) continue;
      subscription.hidden = hidden;
      if (hidden) this.#leave(watcher, service);
      else this.#join(watcher, service);
      watcher.resync(service);
    }
    watcher.pump();
  }

  #pumpWaiting(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const watcher of waiting) watcher.pump();
  }

  #join(watcher: Watcher, service: ServiceName): void {
    const revision = this.#options.state.services.find(service)?.revision ?? 0;
    this.#topics.join(watcher, service, revision);
  }

  #leave(watcher: Watcher, service: ServiceName): void {
    watcher.forget(service);
    this.#topics.leave(watcher, service);
  }

  #detach(session: Session): void {
    const watcher = this.#watchers.get(session);
    if (watcher === undefined) return;
    this.#watchers.delete(session);
    this.#waiting.delete(watcher);
    this.#unsettled.delete(watcher);
    this.#configFeed.leave(watcher);
    watcher.stop();
    for (const service of session.subscriptions.keys()) this.#leave(watcher, service);
  }
}

import type { ServiceName } from '@inmesh/core';
import type { Session } from '../state/session.ts';
import { encodeFrame, keepAliveFrame } from './frame.ts';
import type { Topic } from './topic.ts';
import type { WatchStream } from './watch-stream.ts';

/** Keep-alive intervals that a stream may stay unread before it is cut: 30 s at the default. */
const maxBlockedTicks = 6;

const settledFrame = encodeFrame({ kind: 'settled' });
const goodbyeFrame = encodeFrame({ kind: 'goodbye' });

export interface WatcherOptions {
  readonly session: Session;
  readonly stream: WatchStream;
  readonly maxQueueBytes: number;
  /** Writes the snapshot of `service` to this watcher's stream; `false` when it is not to be had yet: pump again later. */
  readonly writeSnapshot: (watcher: Watcher, service: ServiceName) => boolean;
  /** Whom to trust, as a frame; `undefined` on a registry without an authority. */
  readonly trust: () => Buffer | undefined;
  /** The whole configuration as a frame. */
  readonly configSnapshot: (watcher: Watcher) => Buffer;
  /** What somebody wants to see of the session's calls, as a frame. */
  readonly taps: () => Buffer;
  /** Called when a delta was dropped because the queue is full. */
  readonly onDrop: (watcher: Watcher) => void;
}

/**
 * One open stream. What waits in it is bounded: when a reader is too slow, deltas are dropped and
 * the service is told whole once the reader has caught up. The same path paces the snapshots of a
 * stream that begins.
 */
export class Watcher {
  readonly session: Session;
  readonly stream: WatchStream;
  readonly #options: WatcherOptions;
  /** Services to be told whole, as soon as there is room. */
  readonly #outstanding = new Set<ServiceName>();
  /** The configuration is to be told whole, as soon as there is room. */
  #configDue = false;
  #trustDue = true;
  #tapsDue = false;
  #settledDue = false;
  #blockedTicks = 0;

  constructor(options: WatcherOptions) {
    this.session = options.session;
    this.stream = options.stream;
    this.#options = options;
    this.stream.on('drain', () => {
      this.#blockedTicks = 0;
      this.pump();
    });
  }

  /** Sees to it that `service` is told whole. */
  resync(service: ServiceName): void {
    const subscription = this.session.subscriptions.get(service);
    if (subscription === undefined) return;
    subscription.provenBy = Number.POSITIVE_INFINITY;
    this.#outstanding.add(service);
  }

  /** Sees to it that the present trust is told. */
  resyncTrust(): void {
    this.#trustDue = true;
    this.pump();
  }

  /** Sees to it that the present taps are told. */
  resyncTaps(): void {
    this.#tapsDue = true;
    this.pump();
  }

  /** Sees to it that the configuration is told whole. */
  resyncConfig(): void {
    this.#configDue = true;
    this.pump();
  }

  /** Writes a change of the configuration; `false` when it is told whole instead. */
  deliverConfig(frame: Buffer): boolean {
    if (this.#configDue) return false;
    if (this.stream.writableLength > this.#options.maxQueueBytes) {
      this.#configDue = true;
      this.#options.onDrop(this);
      return false;
    }
    this.stream.write(frame);
    return true;
  }

  forgetConfig(): void {
    this.#configDue = false;
  }

  forget(service: ServiceName): void {
    this.#outstanding.delete(service);
  }

  /** The fan-out's inner loop: one `write` of a buffer that all followers share. */
  deliver(topic: Topic, frame: Buffer): void {
    // Its snapshot is still to come and will hold this change.
    if (this.#outstanding.size > 0 && this.#outstanding.has(topic.service)) return;
    if (this.stream.writableLength > this.#options.maxQueueBytes) {
      this.resync(topic.service);
      this.#options.onDrop(this);
      return;
    }
    this.stream.write(frame);
  }

  /** Writes what is outstanding while there is room; goes on when the stream has drained. */
  pump(): void {
    // Before everything: who has lost access loses it however much there is to tell.
    if (this.#trustDue) {
      if (this.stream.writableLength > this.#options.maxQueueBytes) return;
      this.#trustDue = false;
      const frame = this.#options.trust();
      if (frame !== undefined) this.stream.write(frame);
    }
    // Then: who knows the endpoints but not the routes would send calls where they must not go.
    if (this.#configDue) {
      if (this.stream.writableLength > this.#options.maxQueueBytes) return;
      this.#configDue = false;
      this.stream.write(this.#options.configSnapshot(this));
    }
    if (this.#tapsDue) {
      if (this.stream.writableLength > this.#options.maxQueueBytes) return;
      this.#tapsDue = false;
      this.stream.write(this.#options.taps());
    }
    for (const service of this.#outstanding) {
      if (this.stream.writableLength > this.#options.maxQueueBytes) return;
      if (this.#options.writeSnapshot(this, service)) this.#outstanding.delete(service);
    }
    if (!this.#settledDue || this.#outstanding.size > 0) return;
    this.#settledDue = false;
    this.stream.write(settledFrame);
  }

  /** Tells everything whole, then that the server has settled. */
  settled(): void {
    for (const service of this.session.subscriptions.keys()) this.resync(service);
    this.#settledDue = true;
    this.pump();
  }

  /** `false` when the reader has not read for too long and the stream was cut. */
  keepAlive(): boolean {
    if (this.stream.writableLength === 0) {
      this.#blockedTicks = 0;
      this.stream.write(keepAliveFrame);
      return true;
    }
    this.#blockedTicks += 1;
    if (this.#blockedTicks < maxBlockedTicks) return true;
    this.stream.destroy();
    return false;
  }

  /** Nothing is written to it from now on. */
  stop(): void {
    this.#outstanding.clear();
    this.#configDue = false;
    this.#trustDue = false;
    this.#tapsDue = false;
    this.#settledDue = false;
  }

  goodbye(): void {
    this.stream.end(goodbyeFrame);
  }
}

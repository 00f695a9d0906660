import type { Clock, Logger, Timer } from '@inmesh/core';
import { instanceJson } from '@inmesh/core/eureka';
import type { PeerAddress } from './eureka-options.ts';
import type { IndexEntry, InstanceIndex } from './instance-index.ts';
import { PeerClient, type ReplicationItem } from './peer-client.ts';

/** As Eureka's own peers do it. */
const batchSize = 250;
const collectMs = 500;
const heartbeatMs = 30_000;

/** After a failure; then doubled, up to the longest. */
const retryMs = 1_000;
const maxRetryMs = 15_000;

/** By then the peer's lease of what we cancelled has run out by itself. */
const cancelLifeMs = 180_000;

export interface PeerReplicatorOptions {
  readonly peer: PeerAddress;
  readonly index: InstanceIndex;
  /** Whether this server answers for the entry: what peers told us is not told on. */
  readonly isOurs: (entry: IndexEntry) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is still to be told of an instance: only the latest counts. */
interface Task {
  readonly action: ReplicationItem['action'];
  readonly entry: IndexEntry;
}

/**
 * Tells one peer what registers here, Eureka's way: changes in batches, and each half minute that
 * everybody is alive, which also finds out what the peer missed. Processes of our own protocol are
 * told as well: for the peer's clients they are instances like others.
 */
export class PeerReplicator {
  readonly #options: PeerReplicatorOptions;
  readonly client: PeerClient;
  readonly #tasks = new Map<string, Task>();
  /** Endpoints that the peer knows from us. */
  readonly #told = new Set<string>();
  #flushTimer: Timer | undefined;
  #heartbeatTimer: Timer | undefined;
  #failures = 0;
  #sending = false;
  #closed = false;

  constructor(options: PeerReplicatorOptions) {
    this.#options = options;
    this.client = new PeerClient(options.peer);
    options.index.onChange((entry) => this.#changed(entry));
  }

  /** For people: without credentials. */
  get name(): string {
    return this.#options.peer.name;
  }

  /** Whether the peer took what it was told last. */
  get available(): boolean {
    return this.#failures === 0;
  }

  start(): void {
    this.#heartbeatTimer = this.#options.clock.setTimer(() => {
      for (const entry of this.#options.index.all()) {
        if (this.#options.isOurs(entry)) this.#add('Heartbeat', entry);
      }
      this.start();
    }, heartbeatMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#flushTimer?.cancel();
    this.#heartbeatTimer?.cancel();
    await this.client.close();
  }

  #changed(entry: IndexEntry): void {
    const { endpointId } = entry;
    if (entry.action !== 'DELETED' && this.#options.isOurs(entry)) {
      this.#told.add(endpointId);
      this.#add('Register', entry);
    } else if (this.#told.delete(endpointId) && entry.action === 'DELETED') {
      // Only what we told: that one of the peer's own has expired here may be the fault of the line.
      this.#add('Cancel', entry);
    } else if (entry.action !== 'DELETED') {
      this.#tasks.delete(endpointId); // the peer answers for it now
    }
  }

  #add(action: Task['action'], entry: IndexEntry): void {
    const waiting = this.#tasks.get(entry.endpointId);
    // A heartbeat says less than what is waiting already.
    if (action === 'Heartbeat' && waiting !== undefined) return;
    this.#tasks.set(entry.endpointId, { action, entry });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#closed || this.#sending || this.#flushTimer !== undefined) return;
    if (this.#tasks.size === 0) return;
    const delayMs =
      this.#failures === 0
        ? collectMs
        : Math.min(maxRetryMs, retryMs * 2 ** Math.min(this.#failures - 1, 10));
    this.#flushTimer = this.#options.clock.setTimer(() => {
      this.#flushTimer = undefined;
      void this.#flush();
    }, delayMs);
  }

  async #flush(): Promise<void> {
    const { peer, logger } = this.#options;
    this.#sending = true;
    const batch = this.#nextBatch();
    try {
      if (batch.length > 0) {
        const statuses = await this.client.sendBatch(batch.map(([, task]) => itemOf(task)));
        for (const [i, [id, task]] of batch.entries()) this.#settle(id, task, statuses[i] ?? 0);
      }
      if (this.#failures > 0) logger.info({ peer: peer.name }, 'eureka: the peer is back');
      this.#failures = 0;
    } catch (error) {
      if (!this.#closed && this.#failures === 0) {
        logger.warn({ err: error, peer: peer.name }, 'eureka: the peer is not told, trying on');
      }
      this.#failures += 1;
    }
    this.#sending = false;
    this.#schedule();
  }

  #nextBatch(): [string, Task][] {
    const batch: [string, Task][] = [];
    const now = this.#options.clock.now();
    for (const [id, task] of this.#tasks) {
      if (task.action === 'Cancel' && now - task.entry.changedAt > cancelLifeMs) {
        this.#tasks.delete(id);
        continue;
      }
      batch.push([id, task]);
      if (batch.length === batchSize) break;
    }
    return batch;
  }

  #settle(id: string, task: Task, status: number): void {
    // Meanwhile something newer may be waiting.
    if (this.#tasks.get(id) === task) this.#tasks.delete(id);
    if (task.action === 'Heartbeat' && status === 404) this.#add('Register', task.entry);
    if (status < 400 || status === 404) return;
    // 409: the peer knows the instance by a newer word than ours, so it registered there.
    this.#options.logger.debug(
      { endpoint: id, action: task.action, status },
      'eureka: a peer refused an item',
    );
  }
}

function itemOf({ action, entry: { instance } }: Task): ReplicationItem {
  const { app, instanceId, lastDirtyTimestamp, status, overriddenStatus } = instance;
  return {
    action,
    appName: app,
    id: instanceId,
    lastDirtyTimestamp,
    status,
    overriddenStatus,
    ...(action === 'Cancel' ? {} : { instanceInfo: instanceJson(instance, 'ADDED') }),
  };
}

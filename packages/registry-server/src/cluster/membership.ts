import { randomBytes } from 'node:crypto';
import {
  type Clock,
  isMeshError,
  type Logger,
  MeshError,
  type Revision,
  type Timer,
} from '@inmesh/core';
import type { SharedStore, SharedWrite } from '../store/shared-store.ts';
import type { StoreMirror } from '../store/store-mirror.ts';
import { version } from '../version.ts';
import { type BucketEntry, clusterKey, formatEntry, type ServerEntry } from './cluster-entries.ts';

export interface MembershipOptions {
  readonly name: string;
  /** How long this server may be silent before others take over what is its own. */
  readonly leaseMs: number;
  readonly store: SharedStore;
  readonly mirror: StoreMirror;
  readonly clock: Clock;
  readonly logger: Logger;
  /** This server is one of the cluster from now on, under a new owner. */
  readonly onJoined: () => void;
  /** The lease was renewed after all, before anybody noticed. */
  readonly onRegained: () => void;
  /** Its lease has ended, or could not be renewed for as long as it lasts: others may have taken over. */
  readonly onLapsed: () => void;
}

/** How this server stands with the others. `validUntil` is monotonic. */
type Standing =
  | { readonly name: 'out' }
  | {
      readonly name: 'in';
      readonly owner: string;
      readonly lease: string;
      /** Of its entry, which only a lease that lives keeps. */
      readonly revision: Revision;
      readonly validUntil: number;
    };

/** Into how many parts the sessions of a server go, to be taken over by as many others. */
const bucketCount = 8;
const rejoinPauseMs = 500;
/** An ended lease is noticed by etcd twice a second. */
const leaseSlackMs = 1_000;

/** This server's place among the others: its lease, its entry, and its buckets. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #key: string;
  /** Owners that this process was, the present one last. */
  readonly #owners: string[] = [];
  #standing: Standing = { name: 'out' };
  #lapsed = false;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#key = clusterKey('server', options.name);
  }

  /** Whether the lease surely lives: the time is counted from before each renewal was sent. */
  get holds(): boolean {
    const standing = this.#standing;
    return standing.name === 'in' && this.#options.clock.now() < standing.validUntil;
  }

  /** `undefined` while this server is none of the cluster. */
  get owner(): string | undefined {
    return this.#standing.name === 'in' ? this.#standing.owner : undefined;
  }

  get lease(): string | undefined {
    return this.#standing.name === 'in' ? this.#standing.lease : undefined;
  }

  /** Holds in the store as long as the lease does: no commit with it can be that of a server which was replaced. */
  guard(): SharedWrite | undefined {
    if (this.#standing.name !== 'in') return undefined;
    return { kind: 'check', key: this.#key, expected: this.#standing.revision };
  }

  /** The bucket of a session of this server. */
  bucketOf(session: number): string | undefined {
    return this.owner === undefined ? undefined : bucketName(this.owner, session % bucketCount);
  }

  /** All that this server has now. */
  buckets(): string[] {
    const { owner } = this;
    if (owner === undefined) return [];
    return Array.from({ length: bucketCount }, (_, i) => bucketName(owner, i));
  }

  /** Whether this process made `bucket`, now or before it lost its lease. */
  made(bucket: string): boolean {
    return this.#owners.some((owner) => bucket.startsWith(`${owner}.`));
  }

  /** Throws `conflict` when another server of this name is alive, and what the store throws. */
  async start(): Promise<void> {
    const { mirror, clock, leaseMs, name } = this.#options;
    const deadline = clock.now() + leaseMs + leaseSlackMs;
    while (mirror.revisionOf(this.#key) !== undefined) {
      // One that was killed is still there until its lease ends.
      if (clock.now() > deadline) {
        throw new MeshError(
          'conflict',
          `registry: a server named ${JSON.stringify(name)} is alive in this cluster; give each a name of its own`,
        );
      }
      await this.#sleep(leaseSlackMs / 4);
    }
    await this.#join();
    this.#schedule();
  }

  /** The store said that the entry is gone. */
  entryLost(name: string): void {
    if (name === this.#options.name && this.#standing.name === 'in') this.#lose();
  }

  /** Leaves, so that others take over at once. Never throws. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    const { lease } = this;
    this.#standing = { name: 'out' };
    if (lease === undefined) return;
    await this.#options.store.revokeLease(lease).catch((error: unknown) => {
      this.#options.logger.warn(
        { err: error },
        'the lease could not be given back: it ends by itself',
      );
    });
  }

  async #join(): Promise<void> {
    const { store, mirror, clock, logger, leaseMs, name, onJoined } = this.#options;
    const sentAt = clock.now();
    const lease = await store.grantLease(leaseMs);
    const owner = `${name}@${randomBytes(6).toString('hex')}`;
    const entry: ServerEntry = { owner, version };
    const writes: SharedWrite[] = [
      { kind: 'put', key: this.#key, value: formatEntry(entry), expected: null, lease },
    ];
    for (let i = 0; i < bucketCount; i += 1) {
      const value = formatEntry({ owner } satisfies BucketEntry);
      writes.push({
        kind: 'put',
        key: clusterKey('bucket', bucketName(owner, i)),
        value,
        expected: null,
      });
    }
    // Before it is in the store: what the watch tells of it must be known as ours.
    this.#owners.push(owner);
    try {
      await mirror.commit(writes);
    } catch (error) {
      await store.revokeLease(lease).catch(() => {});
      throw error;
    }
    if (this.#closed) return;
    const revision = mirror.revisionOf(this.#key) as Revision;
    this.#standing = { name: 'in', owner, lease, revision, validUntil: sentAt + leaseMs };
    this.#lapsed = false;
    logger.info({ owner }, 'joined the cluster');
    onJoined();
  }

  #schedule(): void {
    if (this.#closed) return;
    const { clock, leaseMs } = this.#options;
    const delayMs = this.#standing.name === 'in' ? leaseMs / 3 : rejoinPauseMs;
    this.#timer = clock.setTimer(() => {
      void this.#keepAlive().finally(() => this.#schedule());
    }, delayMs);
  }

  async #keepAlive(): Promise<void> {
    const { store, clock, logger, leaseMs } = this.#options;
    const standing = this.#standing;
    try {
      if (standing.name === 'out') {
        await this.#join();
        return;
      }
      const sentAt = clock.now();
      const alive = await store.renewLease(standing.lease);
      if (this.#closed || this.#standing !== standing) return;
      if (!alive) {
        this.#lose();
        await this.#join();
        return;
      }
      this.#standing = { ...standing, validUntil: sentAt + leaseMs };
      if (this.#lapsed) this.#options.onRegained();
      this.#lapsed = false;
    } catch (error) {
      const level = isMeshError(error, 'store_unavailable') ? 'debug' : 'error';
      logger[level]({ err: error }, 'the lease of this server could not be renewed');
    }
    if (!this.#closed && !this.holds) this.#lapse();
  }

  #lose(): void {
    this.#options.logger.error({ owner: this.owner }, 'this server lost its lease: it joins anew');
    this.#standing = { name: 'out' };
    this.#lapse();
  }

  #lapse(): void {
    if (this.#lapsed) return;
    this.#lapsed = true;
    this.#options.onLapsed();
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.setTimer(resolve, delayMs, { keepAlive: true });
    });
  }
}

function bucketName(owner: string, i: number): string {
  return `${owner}.${i}`;
}

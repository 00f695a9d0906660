import { createHash } from 'node:crypto';
import type { Clock, Logger, Timer } from '@inmesh/core';
import type { StoreMirror } from '../store/store-mirror.ts';
import { type BucketEntry, clusterKey, formatEntry } from './cluster-entries.ts';
import type { EndpointDirectory } from './endpoint-directory.ts';
import type { Membership } from './membership.ts';

export interface AdoptionOptions {
  readonly membership: Membership;
  readonly mirror: StoreMirror;
  readonly directory: EndpointDirectory;
  /** How long the one who is next waits for the one before. */
  readonly stepMs: number;
  /** The bucket is this server's now, with every endpoint that is in it. */
  readonly onAdopted: (bucket: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Who owns each bucket, and who takes over what a dead server leaves: each bucket has an order of
 * heirs, by the hash of both names; the first takes it at once, the next ones after a wait each.
 * Whoever comes first in the store has it, all others see that they have not.
 */
export class Adoption {
  readonly #options: AdoptionOptions;
  /** The owner of each server that is alive, by the server's name. */
  readonly #alive = new Map<string, string>();
  readonly #owners = new Map<string, string>();
  /** Since when a bucket has had no living owner, in monotonic milliseconds. */
  readonly #deadSince = new Map<string, number>();
  #timer: Timer | undefined;
  #running = false;
  #closed = false;

  constructor(options: AdoptionOptions) {
    this.#options = options;
  }

  get servers(): number {
    return this.#alive.size;
  }

  /** Whether this server answers for the sessions of `bucket`. */
  owns(bucket: string): boolean {
    const { owner } = this.#options.membership;
    return owner !== undefined && this.#owners.get(bucket) === owner;
  }

  serverChanged(name: string, owner: string | undefined): void {
    if (owner === undefined) this.#alive.delete(name);
    else this.#alive.set(name, owner);
    this.update();
  }

  bucketChanged(bucket: string, owner: string | undefined): void {
    this.#deadSince.delete(bucket);
    if (owner === undefined) this.#owners.delete(bucket);
    else this.#owners.set(bucket, owner);
    this.update();
  }

  /** Looks for buckets without a living owner, once all that happens now has happened. */
  update(): void {
    if (this.#timer !== undefined || this.#running || this.#closed) return;
    this.#wake(0);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #wake(delayMs: number): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      this.#running = true;
      void this.#adoptDue().finally(() => {
        this.#running = false;
        const due = this.#takeable();
        // Its return is told.
        if (due.size === 0 || this.#closed || !this.#options.membership.holds) return;
        const waitMs = Math.min(...due.values()) - this.#options.clock.now();
        this.#wake(Math.max(this.#options.stepMs / 10, waitMs));
      });
    }, delayMs);
  }

  async #adoptDue(): Promise<void> {
    const { membership, clock, logger, stepMs } = this.#options;
    for (const [bucket, dueAt] of this.#takeable()) {
      if (!membership.holds || this.#closed) return;
      if (dueAt > clock.now()) continue;
      try {
        await this.#adopt(bucket);
      } catch (error) {
        // Another was first, or the store is away.
        this.#deadSince.set(bucket, clock.now() + stepMs);
        logger.debug({ err: error, bucket }, 'a bucket was not adopted');
      }
    }
  }

  async #adopt(bucket: string): Promise<void> {
    const { membership, mirror, directory, onAdopted, logger } = this.#options;
    const { owner } = membership;
    const guard = membership.guard();
    if (owner === undefined || guard === undefined) return;
    const key = clusterKey('bucket', bucket);
    const expected = mirror.revisionOf(key);
    const endpoints = directory.inBucket(bucket).size;
    if (endpoints === 0) {
      if (expected === undefined) return;
      await mirror.commit([{ kind: 'delete', key, expected }, guard]);
      this.bucketChanged(bucket, undefined);
      return;
    }
    const value = formatEntry({ owner } satisfies BucketEntry);
    await mirror.commit([{ kind: 'put', key, value, expected: expected ?? null }, guard]);
    this.bucketChanged(bucket, owner);
    logger.warn({ bucket, endpoints }, 'took over what a server left that is gone');
    onAdopted(bucket);
  }

  /** The buckets without a living owner, and those that were adopted and are empty by now: when each is for this server to take. */
  #takeable(): Map<string, number> {
    const { directory, membership, clock } = this.#options;
    const alive = new Set(this.#alive.values());
    const due = new Map<string, number>();
    for (const bucket of new Set([...this.#owners.keys(), ...directory.buckets()])) {
      const owner = this.#owners.get(bucket);
      if (owner === undefined || !alive.has(owner)) {
        const since = this.#deadSince.get(bucket) ?? clock.now();
        this.#deadSince.set(bucket, since);
        due.set(bucket, since + this.#placeAmongHeirs(bucket) * this.#options.stepMs);
        continue;
      }
      this.#deadSince.delete(bucket);
      // Nobody writes into it any more.
      const emptied = directory.inBucket(bucket).size === 0 && !membership.made(bucket);
      if (emptied && this.owns(bucket)) due.set(bucket, clock.now());
    }
    return due;
  }

  #placeAmongHeirs(bucket: string): number {
    const { owner = '' } = this.#options.membership;
    const own = score(bucket, owner);
    return [...this.#alive.values()].filter((heir) => score(bucket, heir) < own).length;
  }
}

function score(bucket: string, owner: string): string {
  return createHash('sha256').update(`${bucket} ${owner}`).digest('base64');
}

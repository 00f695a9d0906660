import type { Clock, Logger, Unsubscribe } from '@inmesh/core';
import type { SharedWrite } from '../store/shared-store.ts';
import type { StoreMirror } from '../store/store-mirror.ts';
import { formatEntry, leaderKey } from './cluster-entries.ts';
import type { Leadership } from './leadership.ts';
import type { Membership } from './membership.ts';

export interface ElectionOptions {
  readonly membership: Membership;
  readonly mirror: StoreMirror;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Leadership by an entry in the store that hangs on the leader's lease: whoever writes it first
 * leads, and who cannot be sure of its lease does not. What must not be done twice is committed
 * with `guard()`.
 */
export class Election implements Leadership {
  readonly #options: ElectionOptions;
  readonly #listeners = new Set<(leading: boolean) => void>();
  /** The owner as which this server was elected last. */
  #electedAs: string | undefined;
  #leader: string | undefined;
  #told = false;
  #standing = false;

  constructor(options: ElectionOptions) {
    this.#options = options;
  }

  get leading(): boolean {
    const { membership } = this.#options;
    return (
      this.#electedAs !== undefined && this.#electedAs === membership.owner && membership.holds
    );
  }

  /** The owner that leads, as far as is known. */
  get leader(): string | undefined {
    return this.#leader;
  }

  onChange(listener: (leading: boolean) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** In a commit: it is made only while this server leads. */
  guard(): SharedWrite | undefined {
    const expected = this.#options.mirror.revisionOf(leaderKey);
    if (!this.leading || expected === undefined) return undefined;
    return { kind: 'check', key: leaderKey, expected };
  }

  /** The store says who leads. Also when it is this server, whose answer was lost. */
  heard(leader: string | undefined): void {
    this.#leader = leader;
    this.#electedAs = leader === this.#options.membership.owner ? leader : undefined;
    this.update();
  }

  /** Tells whether this server leads, and stands for election when nobody does. For when the membership changed, or the store is back. */
  update(): void {
    const { leading } = this;
    if (leading !== this.#told) {
      this.#told = leading;
      this.#options.logger.info({ leader: this.#leader, leading }, 'leadership changed');
      for (const listener of this.#listeners) listener(leading);
    }
    if (!this.#standing) void this.#stand();
  }

  close(): void {
    this.#listeners.clear();
  }

  async #stand(): Promise<void> {
    const { mirror, membership, logger } = this.#options;
    const { owner, lease } = membership;
    const guard = membership.guard();
    if (owner === undefined || lease === undefined || guard === undefined) return;
    if (mirror.revisionOf(leaderKey) !== undefined) return;
    this.#standing = true;
    try {
      const value = formatEntry({ owner });
      await mirror.commit([{ kind: 'put', key: leaderKey, value, expected: null, lease }, guard]);
      this.#electedAs = owner;
      this.#leader = owner;
    } catch (error) {
      // Another was first, which the store tells next; or it is away, and its return is told.
      logger.debug({ err: error }, 'not elected');
    }
    this.#standing = false;
    if (this.#electedAs === owner) this.update();
  }
}

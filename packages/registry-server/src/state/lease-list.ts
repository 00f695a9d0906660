import type { Session } from './session.ts';

/**
 * Sessions in the order of their last renewal. All have the same TTL, so this is also the order
 * in which they expire: a renewal moves one to the end in constant time, and expiry looks at the
 * front only. No heap, no wheel and no timer per lease.
 */
export class LeaseList {
  #oldest: Session | undefined;
  #newest: Session | undefined;

  get oldest(): Session | undefined {
    return this.#oldest;
  }

  append(session: Session): void {
    session.older = this.#newest;
    session.newer = undefined;
    if (this.#newest === undefined) this.#oldest = session;
    else this.#newest.newer = session;
    this.#newest = session;
  }

  remove(session: Session): void {
    if (session.older === undefined) this.#oldest = session.newer;
    else session.older.newer = session.newer;
    if (session.newer === undefined) this.#newest = session.older;
    else session.newer.older = session.older;
    session.older = undefined;
    session.newer = undefined;
  }

  renew(session: Session, now: number): void {
    session.renewedAt = now;
    session.mayBeElsewhere = false;
    if (session === this.#newest) return;
    this.remove(session);
    this.append(session);
  }

  /** How many were last renewed at `instant` or before and should have been since. Costs a step each. */
  countRenewedUntil(instant: number): number {
    let count = 0;
    for (let at = this.#oldest; at !== undefined && at.renewedAt <= instant; at = at.newer) {
      if (!at.mayBeElsewhere) count += 1;
    }
    return count;
  }
}

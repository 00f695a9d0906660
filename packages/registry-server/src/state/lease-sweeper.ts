import type { Clock, Logger, Timer } from '@inmesh/core';
import type { RegistryState } from './registry-state.ts';
import type { SelfPreservation } from './self-preservation.ts';
import type { Session } from './session.ts';

/** How late an expiry or a removal may be. */
const maxIntervalMs = 250;

export interface LeaseSweeperOptions {
  readonly state: RegistryState;
  readonly selfPreservation: SelfPreservation;
  readonly ttlMs: number;
  /** Whether this server may end anything now: not while others may have taken over. */
  readonly mayExpire: () => boolean;
  /** Ends a session that was silent for too long; it must be out of the table afterwards. */
  readonly expire: (session: Session) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with the number of sessions expired, when there were any. */
  readonly onExpired: (count: number) => void;
}

/** Ends what ran out: sessions, and endpoints that have left. */
export class LeaseSweeper {
  readonly #options: LeaseSweeperOptions;
  readonly #intervalMs: number;
  #timer: Timer | undefined;
  #sweptAt = 0;
  /** Nothing expires before it: this process itself was away, and renewals wait in its sockets. */
  #graceUntil = 0;

  constructor(options: LeaseSweeperOptions) {
    this.#options = options;
    this.#intervalMs = Math.min(maxIntervalMs, options.ttlMs / 10);
  }

  start(): void {
    this.#sweptAt = this.#options.clock.now();
    this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#sweep();
      this.#schedule();
    }, this.#intervalMs);
  }

  #sweep(): void {
    const { state, ttlMs, clock, logger } = this.#options;
    const now = clock.now();
    const lateMs = now - this.#sweptAt - this.#intervalMs;
    this.#sweptAt = now;
    state.endpoints.removeLeft();
    if (lateMs > ttlMs / 3) {
      // Half a TTL covers a renewal at a third with its jitter.
      this.#graceUntil = now + ttlMs / 2;
      logger.warn(
        { lateMs: Math.round(lateMs) },
        'the process was stalled: no session expires yet',
      );
    }
    if (now >= this.#graceUntil && this.#options.mayExpire()) this.#expire(now);
  }

  #expire(now: number): void {
    const { state, selfPreservation, ttlMs, expire, logger, onExpired } = this.#options;
    const { leases } = state.sessions;
    const before = selfPreservation.active;
    const due = (leases.oldest?.renewedAt ?? now) <= now - ttlMs;
    if (!due && !before) return;
    const silent = leases.countRenewedUntil(selfPreservation.silentBefore(now));
    const allowed = selfPreservation.allowsExpiry(now, state.sessions.size, silent);
    if (selfPreservation.active !== before) {
      const fields = { silent, sessions: state.sessions.size };
      if (before) logger.info(fields, 'self-preservation ended');
      else logger.error(fields, 'self-preservation: too many sessions are silent, none expires');
    }
    if (!allowed) return;
    let expired = 0;
    let silentExpired = 0;
    for (let at = leases.oldest; at !== undefined && at.renewedAt <= now - ttlMs; ) {
      logger.info(
        { client: at.client, number: at.number, registrations: at.registrations.size },
        'session expired',
      );
      expire(at);
      expired += 1;
      if (!at.mayBeElsewhere) silentExpired += 1;
      at = leases.oldest;
    }
    if (expired === 0) return;
    // After a full episode its dead are settled: they do not count towards the next.
    if (!before) selfPreservation.recordExpired(now, silentExpired);
    onExpired(expired);
  }
}

import type { Clock, Logger, Timer } from '@inmesh/core';
import { outOfTouch, type RegistryState } from '../state/registry-state.ts';
import type { SelfPreservation } from '../state/self-preservation.ts';
import type { Session } from '../state/session.ts';

/** Eureka's leases last a minute and more: a second is soon enough. */
const maxSweepMs = 1_000;

/** A stalled process gives its clients so long to renew: their interval. */
const graceMs = 30_000;

/** One instance' lease: by it an endpoint of the door's session lives. */
export interface EurekaLease {
  readonly endpointId: string;
  readonly session: Session;
  readonly durationMs: number;
  /** Told by a peer, who renews it and is not told of it. */
  readonly replica: boolean;
  /** Monotonic milliseconds. */
  renewedAt: number;
  /** The instance is better off at another server: its next renewal is refused, once. */
  toMove: boolean;
}

export interface LeaseTableOptions {
  readonly state: RegistryState;
  readonly selfPreservation: SelfPreservation;
  readonly sessionTtlMs: number;
  readonly registrationsPerSession: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The leases of Eureka's instances. Each has its own duration, and many share a session of the
 * door's: they are endpoints like all others, but what ends them is their own silence.
 */
export class LeaseTable {
  readonly #options: LeaseTableOptions;
  readonly #leases = new Map<string, EurekaLease>();
  readonly #sessions = new Set<Session>();
  readonly #sweepMs: number;
  #timer: Timer | undefined;
  #sweptAt = 0;
  #graceUntil = 0;

  constructor(options: LeaseTableOptions) {
    this.#options = options;
    this.#sweepMs = Math.min(maxSweepMs, options.sessionTtlMs / 3);
  }

  get size(): number {
    return this.#leases.size;
  }

  start(): void {
    this.#sweptAt = this.#options.clock.now();
    this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** The lease of an endpoint that is still the door's: another session may have taken it over. */
  find(endpointId: string): EurekaLease | undefined {
    const lease = this.#leases.get(endpointId);
    if (lease?.session.registrations.has(endpointId)) return lease;
    this.#leases.delete(endpointId);
    return undefined;
  }

  /** A session that `endpointId` may be registered on. */
  sessionFor(endpointId: string): Session {
    const held = this.find(endpointId);
    if (held !== undefined) return held.session;
    for (const session of this.#sessions) {
      if (session.registrations.size < this.#options.registrationsPerSession) return session;
    }
    const session = this.#options.state.openSession('eureka');
    this.#sessions.add(session);
    return session;
  }

  grant(lease: Omit<EurekaLease, 'renewedAt' | 'toMove'>): void {
    const renewedAt = this.#options.clock.now();
    this.#leases.set(lease.endpointId, { ...lease, renewedAt, toMove: false });
  }

  /** Throws `registry_unavailable`, once, when the instance is to go to another server. */
  renew(lease: EurekaLease): void {
    if (lease.toMove) {
      lease.toMove = false;
      throw outOfTouch();
    }
    lease.renewedAt = this.#options.clock.now();
  }

  /** What peers tell of is renewed by them, wherever it is. */
  sendAway(): void {
    for (const lease of this.#leases.values()) lease.toMove = !lease.replica;
  }

  /** Its endpoint leaves with it. */
  end({ endpointId, session }: EurekaLease): void {
    this.#leases.delete(endpointId);
    this.#options.state.deregister(session, endpointId);
    if (session.registrations.size > 0) return;
    this.#sessions.delete(session);
    this.#options.state.closeSession(session);
  }

  #schedule(): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#sweep();
      this.#schedule();
    }, this.#sweepMs);
  }

  #sweep(): void {
    const { state, clock } = this.#options;
    const now = clock.now();
    // Renewals that came while this process stood still wait in its sockets.
    if (now - this.#sweptAt - this.#sweepMs > graceMs / 3) this.#graceUntil = now + graceMs;
    this.#sweptAt = now;
    for (const session of this.#sessions) {
      // With it go its leases: their clients are told, and register again. The session alone is
      // renewed, not what was registered on it: no client was heard from.
      if (state.sessions.renew(session.token, now) === undefined) this.#sessions.delete(session);
    }
    if (now >= this.#graceUntil) this.#expire(now);
  }

  #expire(now: number): void {
    const { selfPreservation, logger } = this.#options;
    const due: EurekaLease[] = [];
    let silent = 0;
    for (const { endpointId } of this.#leases.values()) {
      const lease = this.find(endpointId);
      if (lease === undefined) continue;
      const silentMs = now - lease.renewedAt;
      if (silentMs > (2 / 3) * lease.durationMs) silent += 1;
      if (silentMs > lease.durationMs) due.push(lease);
    }
    const before = selfPreservation.active;
    if (due.length === 0 && !before) return;
    const allowed = selfPreservation.allowsExpiry(now, this.#leases.size, silent);
    if (selfPreservation.active !== before) {
      logger.warn(
        { active: selfPreservation.active, silent, leases: this.#leases.size },
        'eureka: self-preservation changed; while it is active, no lease expires',
      );
    }
    if (!allowed || due.length === 0) return;
    for (const lease of due) {
      logger.info({ endpoint: lease.endpointId }, 'eureka: lease expired');
      this.end(lease);
    }
    if (!before) selfPreservation.recordExpired(now, due.length);
  }
}

import type { BreakerPolicy, BreakerState } from '@inmesh/core';
import { RollingSum } from './rolling-sum.ts';

/**
 * Hystrix's circuit breaker for one destination. Synchronous, without timers: time comes in with
 * every call.
 */
export interface Breaker {
  /** A ticket above 0, or 0: refused. Every ticket must be settled once. */
  tryAcquire(now: number): number;
  /** `undefined`: the call says nothing (the caller went away). A stale ticket changes nothing. */
  settle(ticket: number, ok: boolean | undefined, now: number): void;
  /** Holds it open or closed whatever happens; `undefined` lets go, closed and with nothing counted. */
  force(state: 'open' | 'closed' | undefined): void;
  /** Reading it never changes it: an open breaker stays `open` until a call asks to pass. */
  readonly state: BreakerState;
  /** Whether `force` holds it. */
  readonly forced: boolean;
}

interface Probe {
  readonly ticket: number;
  /** From then on it counts as lost, and another may take its place. */
  readonly lostAt: number;
}

type State =
  | { readonly name: 'closed' }
  | { readonly name: 'open'; readonly until: number }
  | { readonly name: 'half-open'; probes: Probe[]; successes: number }
  | { readonly name: 'forced-open' }
  | { readonly name: 'forced-closed' };

const shownAs: Readonly<Record<State['name'], BreakerState>> = {
  closed: 'closed',
  open: 'open',
  'half-open': 'half-open',
  'forced-open': 'open',
  'forced-closed': 'closed',
};

/** @param onChange Told of every change of the shown state; must not throw. */
export function createBreaker(
  policy: BreakerPolicy,
  onChange: (from: BreakerState, to: BreakerState) => void = () => {},
): Breaker {
  return new HystrixBreaker(policy, onChange);
}

class HystrixBreaker implements Breaker {
  readonly #policy: BreakerPolicy;
  readonly #onChange: (from: BreakerState, to: BreakerState) => void;
  readonly #calls: RollingSum;
  readonly #failures: RollingSum;
  #state: State = { name: 'closed' };
  /**
   * The ticket of everything that passes while closed, and the last one given to a probe. It grows
   * with each change, so an answer to a call from before a change is known by its ticket.
   */
  #ticket = 1;

  constructor(policy: BreakerPolicy, onChange: (from: BreakerState, to: BreakerState) => void) {
    this.#policy = policy;
    this.#onChange = onChange;
    this.#calls = new RollingSum(policy.windowMs);
    this.#failures = new RollingSum(policy.windowMs);
  }

  get state(): BreakerState {
    return shownAs[this.#state.name];
  }

  get forced(): boolean {
    return this.#state.name.startsWith('forced');
  }

  tryAcquire(now: number): number {
    const state = this.#state;
    switch (state.name) {
      case 'closed':
      case 'forced-closed':
        return this.#ticket;
      case 'forced-open':
        return 0;
      case 'open':
        if (now < state.until) return 0;
        this.#change({ name: 'half-open', probes: [], successes: 0 });
        return this.tryAcquire(now);
      case 'half-open':
        return this.#probe(state, now);
    }
  }

  settle(ticket: number, ok: boolean | undefined, now: number): void {
    const state = this.#state;
    if (state.name === 'closed') {
      if (ticket === this.#ticket && ok !== undefined) this.#count(ok, now);
    } else if (state.name === 'half-open') {
      const probes = state.probes.filter((probe) => probe.ticket !== ticket);
      if (probes.length === state.probes.length) return;
      state.probes = probes;
      if (ok === false) this.#open(now);
      else if (ok === true && ++state.successes >= this.#policy.successesToClose) this.#close();
    }
  }

  force(forced: 'open' | 'closed' | undefined): void {
    if (forced === 'open') this.#change({ name: 'forced-open' });
    else if (forced === 'closed') this.#change({ name: 'forced-closed' });
    else if (this.forced) this.#close();
  }

  #count(ok: boolean, now: number): void {
    this.#calls.add(1, now);
    this.#failures.add(ok ? 0 : 1, now);
    const calls = this.#calls.total(now);
    const { minCalls, failureRatio } = this.#policy;
    if (calls >= minCalls && this.#failures.total(now) >= failureRatio * calls) this.#open(now);
  }

  #probe(state: State & { name: 'half-open' }, now: number): number {
    state.probes = state.probes.filter((probe) => now < probe.lostAt);
    if (state.probes.length >= this.#policy.probes) return 0;
    this.#ticket += 1;
    state.probes.push({ ticket: this.#ticket, lostAt: now + this.#policy.sleepMs });
    return this.#ticket;
  }

  #open(now: number): void {
    this.#change({ name: 'open', until: now + this.#policy.sleepMs });
  }

  #close(): void {
    this.#calls.clear();
    this.#failures.clear();
    this.#change({ name: 'closed' });
  }

  #change(to: State): void {
    const from = this.state;
    this.#state = to;
    this.#ticket += 1;
    if (from !== this.state) this.#onChange(from, this.state);
  }
}

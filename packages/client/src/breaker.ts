import type { BreakerPolicy, BreakerState } from '@inmesh/core';

export interface Breaker {
  /** A ticket above 0, or 0: refused. Every ticket must be settled once. */
  tryAcquire(now: number): number;
  /** `undefined`: the call says nothing (the caller went away). A stale ticket changes nothing. */
  settle(ticket: number, ok: boolean | undefined, now: number): void;
  /** Holds it open or closed whatever happens; `undefined` lets go. */
  force(state: 'open' | 'closed' | undefined): void;
  /** Reading it never changes it: an open breaker stays `open` until a call asks to pass. */
  readonly state: BreakerState;
}

export function createBreaker(
  _policy: BreakerPolicy,
  _onChange: (from: BreakerState, to: BreakerState) => void = () => {},
): Breaker {
  return { tryAcquire: () => 1, settle() {}, force() {}, state: 'closed' };
}

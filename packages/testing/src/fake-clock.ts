import { type Clock, maxTimerDelayMs, type Timer } from '@inmesh/core';

interface Pending {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves time on by `ms`, running every timer that falls due, in order, each at its own time. */
  advance(ms: number): void;
  /** Like `advance`, and lets promises settle before, between and after timers. */
  advanceAsync(ms: number): Promise<void>;
  /** Time passes and no timer runs, as while the event loop stands still: what falls due comes late, with the next `advance`. */
  block(ms: number): void;
  /** Makes the wall clock jump; monotonic time does not notice. */
  jumpWall(ms: number): void;
  /** Timers that wait. 0 after everything is closed, or something leaks. */
  readonly pendingTimers: number;
}

/** @param start Monotonic milliseconds at which it begins; the wall clock begins at 2026-01-01. */
export function createFakeClock(start = 0): FakeClock {
  /** In the order in which they fall due, so that a simulation may have thousands. */
  const pending: Pending[] = [];
  let now = start;
  let wallOffset = Date.UTC(2026, 0, 1) - start;

  const runNext = (until: number): boolean => {
    const next = pending[0];
    if (next === undefined || next.at > until) return false;
    pending.shift();
    now = Math.max(now, next.at);
    next.callback();
    return true;
  };
  return {
    now: () => now,
    wallNow: () => now + wallOffset,
    setTimer(callback, delayMs): Timer {
      // Clamped as the system clock does.
      const delay = Math.min(Math.max(0, delayMs), maxTimerDelayMs);
      const timer: Pending = { at: now + delay, callback };
      pending.splice(firstAfter(pending, timer.at), 0, timer);
      return {
        cancel() {
          const index = pending.indexOf(timer);
          if (index >= 0) pending.splice(index, 1);
        },
      };
    },
    advance(ms) {
      const until = now + ms;
      while (runNext(until));
      now = until;
    },
    async advanceAsync(ms) {
      const until = now + ms;
      await settle();
      while (runNext(until)) await settle();
      now = until;
    },
    block(ms) {
      now += ms;
    },
    jumpWall: (ms) => {
      wallOffset += ms;
    },
    get pendingTimers() {
      return pending.length;
    },
  };
}

/** Where a timer that falls due at `at` belongs: behind those of the same time, which were set before it. */
function firstAfter(pending: readonly Pending[], at: number): number {
  let low = 0;
  let high = pending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pending[middle] as Pending).at <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One turn of the event loop: every promise that can settle without a timer or I/O has. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

import { type Clock, maxTimerDelayMs, type Timer } from '@inmesh/core';

interface Pending {
  readonly at: number;
  readonly order: number;
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
  const pending = new Set<Pending>();
  let now = start;
  let wallOffset = Date.UTC(2026, 0, 1) - start;
  let order = 0;

  const due = (until: number): Pending | undefined => {
    let first: Pending | undefined;
    for (const timer of pending) {
      if (timer.at > until) continue;
      if (
        first === undefined ||
        timer.at < first.at ||
        (timer.at === first.at && timer.order < first.order)
      ) {
        first = timer;
      }
    }
    return first;
  };
  const run = (timer: Pending): void => {
    pending.delete(timer);
    now = Math.max(now, timer.at);
    timer.callback();
  };
  return {
    now: () => now,
    wallNow: () => now + wallOffset,
    setTimer(callback, delayMs): Timer {
      order += 1;
      // Clamped as the system clock does.
      const delay = Math.min(Math.max(0, delayMs), maxTimerDelayMs);
      const timer: Pending = { at: now + delay, order, callback };
      pending.add(timer);
      return { cancel: () => void pending.delete(timer) };
    },
    advance(ms) {
      const until = now + ms;
      for (let timer = due(until); timer !== undefined; timer = due(until)) run(timer);
      now = until;
    },
    async advanceAsync(ms) {
      const until = now + ms;
      await settle();
      for (let timer = due(until); timer !== undefined; timer = due(until)) {
        run(timer);
        await settle();
      }
      now = until;
    },
    block(ms) {
      now += ms;
    },
    jumpWall: (ms) => {
      wallOffset += ms;
    },
    get pendingTimers() {
      return pending.size;
    },
  };
}

/** One turn of the event loop: every promise that can settle without a timer or I/O has. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

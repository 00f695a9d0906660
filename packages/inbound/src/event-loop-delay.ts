import type { Clock, Timer } from '@inmesh/core';

/** By how much this process' event loop is behind. */
export interface EventLoopDelay {
  /** Milliseconds by which the last check came late; a check that is overdue now counts at once. */
  readonly delayMs: number;
  close(): void;
}

/** Fine enough to see a blocked loop within one request's time, coarse enough to cost nothing. */
const checkEveryMs = 50;

/**
 * Measured by a timer's lateness on the injected clock. `monitorEventLoopDelay` would give a
 * histogram since ever; to shed load only now counts.
 */
export function createEventLoopDelay(clock: Clock): EventLoopDelay {
  let late = 0;
  let expectedAt = 0;
  let timer: Timer;
  const schedule = (): void => {
    expectedAt = clock.now() + checkEveryMs;
    timer = clock.setTimer(() => {
      late = Math.max(0, clock.now() - expectedAt);
      schedule();
    }, checkEveryMs);
  };
  schedule();
  return {
    get delayMs() {
      return Math.max(late, clock.now() - expectedAt);
    },
    close: () => timer.cancel(),
  };
}

import type { Clock, Timer } from './clock.ts';

/** How soon a jump of the wall clock, or a laptop's sleep, is noticed. */
const lookAgainMs = 60_000;

/**
 * Runs `callback` once the wall clock has reached `at` (milliseconds since the Unix epoch).
 * Certificates live by the wall clock and timers do not, so it looks again every minute.
 */
export function setWallTimer(clock: Clock, callback: () => void, at: number): Timer {
  let timer: Timer;
  const look = (): void => {
    const left = at - clock.wallNow();
    if (left <= 0) callback();
    else timer = clock.setTimer(look, Math.min(left, lookAgainMs));
  };
  timer = clock.setTimer(look, Math.min(Math.max(0, at - clock.wallNow()), lookAgainMs));
  return { cancel: () => timer.cancel() };
}

/** A timer that somebody owns: whoever starts it cancels it in `close()`. */
export interface Timer {
  /** Idempotent; after it returns the callback will not run. */
  cancel(): void;
}

export interface TimerOptions {
  /**
   * Whether the timer keeps the process alive. Background work must not.
   * @default false
   */
  readonly keepAlive?: boolean;
}

/** Time, injected, so that policies can be tested without waiting. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary origin: for durations and deadlines. */
  now(): number;
  /** Milliseconds since the Unix epoch: for showing and for certificates, never for durations. */
  wallNow(): number;
  /** Runs `callback` once after `delayMs` (clamped to 0..2^31-1: Node fires longer ones at once). */
  setTimer(callback: () => void, delayMs: number, options?: TimerOptions): Timer;
}

/** The longest delay that `setTimeout` takes; anything above fires after 1 ms. */
export const maxTimerDelayMs: number = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer(callback, delayMs, options) {
    const clamped = Math.min(Math.max(0, delayMs), maxTimerDelayMs);
    const handle = setTimeout(callback, clamped);
    if (options?.keepAlive !== true) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** A uniform random number in [0, 1), injected wherever chance decides. */
export type Random = () => number;

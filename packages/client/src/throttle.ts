import type { Random, ThrottlePolicy } from '@inmesh/core';
import { RollingSum } from './rolling-sum.ts';

/** Fewer within the window say nothing: one that failed would have every second one refused. */
const minCalls = 10;

/**
 * SRE's client-side throttling of one destination: what it would refuse anyway is refused here, where
 * it costs nobody anything. Some calls always pass, so it sees by itself when times are better.
 *
 * A call counts when it has ended: those under way have not been refused, and counted as such a burst
 * of them at the start would be refused at a destination that takes every one.
 */
export class Throttle {
  readonly #policy: ThrottlePolicy;
  readonly #calls: RollingSum;
  readonly #accepted: RollingSum;

  constructor(policy: ThrottlePolicy) {
    this.#policy = policy;
    this.#calls = new RollingSum(policy.windowMs);
    this.#accepted = new RollingSum(policy.windowMs);
  }

  /** The chance with which a call is refused now. Reading it changes nothing. */
  refusalRatio(now: number): number {
    const calls = this.#calls.total(now);
    if (calls < minCalls) return 0;
    const { factor, maxRatio } = this.#policy;
    const ratio = (calls - factor * this.#accepted.total(now)) / (calls + 1);
    return Math.min(maxRatio, Math.max(0, ratio));
  }

  /** Whether a call may be sent; one that may not counts at once. */
  admits(now: number, random: Random): boolean {
    const ratio = this.refusalRatio(now);
    if (ratio === 0 || random() >= ratio) return true;
    this.#calls.add(1, now);
    return false;
  }

  /** A call that was sent has ended. @param accepted The destination took it on: it did not refuse it for want of capacity. */
  ended(accepted: boolean, now: number): void {
    this.#calls.add(1, now);
    if (accepted) this.#accepted.add(1, now);
  }
}

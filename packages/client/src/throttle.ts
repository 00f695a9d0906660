import type { Random, ThrottlePolicy } from '@inmesh/core';
import { RollingSum } from './rolling-sum.ts';

/**
 * SRE's client-side throttling of one destination: what it would refuse anyway is refused here, where
 * it costs nobody anything. Some calls always pass, so it sees by itself when times are better.
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
    const { factor, maxRatio } = this.#policy;
    const ratio = (calls - factor * this.#accepted.total(now)) / (calls + 1);
    return Math.min(maxRatio, Math.max(0, ratio));
  }

  /** Counts a call, and says whether it may be sent. */
  admits(now: number, random: Random): boolean {
    const ratio = this.refusalRatio(now);
    this.#calls.add(1, now);
    return ratio === 0 || random() >= ratio;
  }

  /** The destination took on a call that was sent: it was not refused for want of capacity. */
  accepted(now: number): void {
    this.#accepted.add(1, now);
  }
}

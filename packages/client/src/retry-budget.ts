import type { RetryBudgetPolicy } from '@inmesh/core';
import { RollingSum } from './rolling-sum.ts';

/** How much retrying one destination bears: a share of its calls, or a few a second where that is more. */
export interface RetryBudget {
  /** Once per call, never per attempt. */
  deposit(now: number): void;
  /** Takes one retry from the budget; `false`: there is none. */
  tryWithdraw(now: number): boolean;
  /** Retries that it would allow now. Reading it changes nothing. */
  remaining(now: number): number;
}

/**
 * What may be saved up, as a share of what a whole `ttlMs` brings. All of it at once would meet a
 * destination that begins to fail with three times its load, for a second or two; and a window that
 * forgets would do so again each time it comes round. A fifth is enough for the calls that were under
 * way at an endpoint that dies.
 */
const reserveRatio = 1 / 5;

/** Five deposits of 0.2 must make a whole retry though binary fractions say a hair less. */
const tolerance = 1e-9;

/**
 * In the long run: retries <= max(ratio x calls, minPerSecond x seconds), and the reserve on top of it
 * once. The larger, as Envoy has it, and not Finagle's sum: the minimum is for destinations with so
 * few calls that a share of them is nothing. Added to the share it would raise the load on one that
 * fails by 30 % at 100 calls a second.
 */
export function createRetryBudget(policy: RetryBudgetPolicy): RetryBudget {
  return new SavingBudget(policy);
}

class SavingBudget implements RetryBudget {
  readonly #ratio: number;
  readonly #minPerMs: number;
  readonly #ttlMs: number;
  readonly #calls: RollingSum;
  #saved: number;
  #savedAt = -Infinity;

  constructor({ ratio, minPerSecond, ttlMs }: RetryBudgetPolicy) {
    this.#ratio = ratio;
    this.#minPerMs = minPerSecond / 1_000;
    this.#ttlMs = ttlMs;
    this.#calls = new RollingSum(ttlMs);
    this.#saved = this.#minPerMs * ttlMs * reserveRatio;
  }

  deposit(now: number): void {
    // What time brought so far comes first: it goes by the calls before this one.
    this.#saved = this.#available(now) + this.#ratio;
    this.#savedAt = now;
    this.#calls.add(1, now);
  }

  tryWithdraw(now: number): boolean {
    const available = this.#available(now);
    if (available < 1 - tolerance) return false;
    this.#saved = available - 1;
    this.#savedAt = now;
    return true;
  }

  remaining(now: number): number {
    return Math.max(0, Math.floor(this.#available(now) + tolerance));
  }

  #available(now: number): number {
    const byCalls = this.#ratio * this.#calls.total(now);
    const atLeast = this.#minPerMs * this.#ttlMs;
    const waited = Math.min(this.#ttlMs, Math.max(0, now - this.#savedAt));
    // Calls pay in by themselves; time does where their share falls short of the minimum.
    const byTime = (Math.max(0, atLeast - byCalls) / this.#ttlMs) * waited;
    // One at least, or a share of few calls would never come to a whole retry.
    const most = Math.max(1, Math.max(byCalls, atLeast) * reserveRatio);
    return Math.min(most, this.#saved + byTime);
  }
}

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

/** Five deposits of 0.2 must make a whole retry though binary fractions say a hair less. */
const tolerance = 1e-9;

/**
 * Over any `ttlMs`: retries <= max(ratio x calls, minPerSecond x ttl). The larger, as Envoy has it,
 * and not Finagle's sum: the minimum is for destinations with so few calls that a share of them is
 * nothing. Added to the share it would raise the load on one that fails by 30 % at 100 calls a second.
 */
export function createRetryBudget(policy: RetryBudgetPolicy): RetryBudget {
  const { ratio, ttlMs } = policy;
  const minimum = (policy.minPerSecond * ttlMs) / 1_000;
  const calls = new RollingSum(ttlMs);
  const retries = new RollingSum(ttlMs);
  const remaining = (now: number): number =>
    Math.max(minimum, ratio * calls.total(now)) - retries.total(now);
  return {
    deposit: (now) => calls.add(1, now),
    tryWithdraw(now) {
      if (remaining(now) < 1 - tolerance) return false;
      retries.add(1, now);
      return true;
    },
    remaining: (now) => Math.max(0, Math.floor(remaining(now) + tolerance)),
  };
}

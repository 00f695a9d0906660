import type { RetryBudgetPolicy } from '@inmesh/core';
import { RollingSum } from './rolling-sum.ts';

/** How much retrying one destination bears (Finagle's budget): a share of its calls, and a few a second. */
export interface RetryBudget {
  /** Once per call, never per attempt. */
  deposit(now: number): void;
  /** Takes one retry from the budget; `false`: there is none. */
  tryWithdraw(now: number): boolean;
}

/** Five deposits of 0.2 must make a whole retry though binary fractions say a hair less. */
const tolerance = 1e-9;

/** Over any `ttlMs`: retries <= ratio x calls + minPerSecond x ttl. */
export function createRetryBudget(policy: RetryBudgetPolicy): RetryBudget {
  const { ratio } = policy;
  const reserve = (policy.minPerSecond * policy.ttlMs) / 1_000;
  // Deposits less withdrawals: both expire, so what was spent from the reserve comes back.
  const balance = new RollingSum(policy.ttlMs);
  return {
    deposit: (now) => balance.add(ratio, now),
    tryWithdraw(now) {
      if (reserve + balance.total(now) < 1 - tolerance) return false;
      balance.add(-1, now);
      return true;
    },
  };
}

import type { RetryBudgetPolicy } from '@inmesh/core';

export interface RetryBudget {
  /** Once per call, never per attempt. */
  deposit(now: number): void;
  /** Takes one retry from the budget; `false`: there is none. */
  tryWithdraw(now: number): boolean;
}

export function createRetryBudget(_policy: RetryBudgetPolicy): RetryBudget {
  return { deposit() {}, tryWithdraw: () => true };
}

import type { CallOptions, HeaderPairs, Random, RetryPolicy } from '@inmesh/core';

export interface AttemptFailure {
  /** 0: no answer. */
  readonly status: number;
  readonly kind: 'status' | 'connect-failed' | 'reset' | 'reset-before-request' | 'timeout';
  /** Whether the request may have reached the application. */
  readonly maybeProcessed: boolean;
  /** Of the answer. */
  readonly headers: HeaderPairs | undefined;
}

export interface RetriedCall {
  readonly method: string;
  readonly headers: HeaderPairs;
  readonly options: CallOptions;
}

export function isRetriable(
  _policy: RetryPolicy,
  _call: RetriedCall,
  _failure: AttemptFailure,
): boolean {
  return false;
}

/** How long to wait before retry `retryNumber` (from 1). */
export function retryDelayMs(
  _policy: RetryPolicy,
  _retryNumber: number,
  _random: Random,
  _failure: AttemptFailure,
): number {
  return 0;
}

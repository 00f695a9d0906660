import type { Random } from '@inmesh/core';

export interface ReconnectDelayOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly random: Random;
}

/**
 * Full jitter: before try `n` (from 1) wait uniformly within 0..min(initial·2^(n-1), max). Without
 * the jitter from 0 up, everyone who lost the same server at the same moment would come back together.
 */
export function reconnectDelayMs(attempt: number, options: ReconnectDelayOptions): number {
  // 2^30 is beyond every maximum; without the bound the power overflows after a week of outage.
  const ceiling = options.initialMs * 2 ** Math.min(attempt - 1, 30);
  return options.random() * Math.min(ceiling, options.maxMs);
}

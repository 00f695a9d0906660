import type { HeaderPairs } from '@inmesh/core';
import { saysNoRetry } from './retry-decision.ts';

/**
 * What an answer says of its destination to the breaker; `undefined`: nothing. Not that it was shed
 * (`overloaded`): the endpoint is well and said for how long to leave it alone. Nor one that was
 * retried below as far as it may, or refused there: the layer next to the failure has the breaker
 * that is meant for it. Were those above to open theirs as well, each would wait for its own probe
 * once it is over.
 */
export function callVerdict(
  status: number,
  headers: HeaderPairs,
  overloaded: boolean,
): boolean | undefined {
  if (status < 500 || status > 599) return true;
  return overloaded || saysNoRetry({ headers }) ? undefined : false;
}

import type { HeaderPairs, Random } from '@inmesh/core';
import type { EndpointState } from './endpoint-state.ts';
import { retryAfterMs } from './retry-after.ts';

/** How long an endpoint without capacity is left alone when it does not say, and at most. */
const usualRestMs = 1_000;
const longestRestMs = 30_000;

/** It asked to be left alone: as long as it said, for all calls of this client. */
export function restEndpoint(
  state: EndpointState,
  headers: HeaderPairs,
  random: Random,
  now: number,
): void {
  state.restUntil = now + Math.min(retryAfterMs(headers, random) ?? usualRestMs, longestRestMs);
}

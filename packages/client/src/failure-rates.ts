import type { OutlierPolicy } from '@inmesh/core';
import type { EndpointState } from './endpoint-state.ts';

/**
 * Nobody is ejected for less above the mean, whatever the deviation says: where all fail alike, or
 * all but one never, a single failure in a hundred requests is already far out.
 */
const tolerableRatio = 0.05;

/** One that fails more often than it may, and why that is too often. */
export interface RateOutlier {
  readonly state: EndpointState;
  readonly reason: string;
}

/**
 * Envoy's success-rate and failure-percentage detection: finds who fails often without failing in a
 * row. Only endpoints with enough requests are compared, and only where there are enough of them.
 */
export function rateOutliers(
  members: Iterable<EndpointState>,
  policy: OutlierPolicy,
  now: number,
): RateOutlier[] {
  const { successRateFactor, failureRatio, rateMinEndpoints, rateMinRequests } = policy;
  const compared: { state: EndpointState; ratio: number }[] = [];
  for (const state of members) {
    const requests = state.results.requests(now);
    if (requests < rateMinRequests) continue;
    compared.push({ state, ratio: state.results.failures(now) / requests });
  }
  if (compared.length < rateMinEndpoints) return [];
  const mean = compared.reduce((sum, { ratio }) => sum + ratio, 0) / compared.length;
  const variance =
    compared.reduce((sum, { ratio }) => sum + (ratio - mean) ** 2, 0) / compared.length;
  const tolerated = mean + Math.max(tolerableRatio, successRateFactor * Math.sqrt(variance));
  return compared.flatMap(({ state, ratio }) => {
    const percent = `${Math.round(100 * ratio)} % of its requests failed`;
    if (failureRatio > 0 && ratio >= failureRatio) return [{ state, reason: percent }];
    if (successRateFactor === 0 || ratio <= tolerated) return [];
    return [{ state, reason: `${percent}, of all endpoints' ${Math.round(100 * mean)} %` }];
  });
}

/** Envoy's: a level is counted as whole while 1 / 1.4 = 72 % of it is healthy. */
const overprovisioning = 1.4;

/** How much of the traffic all levels together can bear, up to 1. */
export function levelCapacity(healthy: readonly number[]): number {
  const sum = healthy.reduce((total, ratio) => total + bearable(ratio), 0);
  return Math.min(1, sum);
}

/**
 * How much traffic each level gets, by the share of its endpoints that are healthy: the first as
 * much as it can bear, the next what is left. Adds up to 1, all of it on the first when nobody is
 * healthy.
 */
export function levelShares(healthy: readonly number[]): number[] {
  const bears = healthy.map(bearable);
  const capacity = levelCapacity(healthy);
  if (capacity === 0) return bears.map((_, level) => (level === 0 ? 1 : 0));
  let left = 1;
  return bears.map((ratio) => {
    const share = Math.min(left, ratio / capacity);
    left -= share;
    return share;
  });
}

function bearable(healthyRatio: number): number {
  return Math.min(1, healthyRatio * overprovisioning);
}

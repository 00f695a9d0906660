import type { ServiceHistory, TrafficColumns } from '@inmesh/core';

/**
 * A history with `factor` steps joined into one: a line of single seconds shows chance more than
 * traffic. Latencies are means, weighted by calls: quantiles cannot be added.
 */
export function coarser(history: ServiceHistory, factor: number): ServiceHistory {
  const { stepMs, steps } = history;
  return {
    ...history,
    stepMs: stepMs * factor,
    steps: Math.floor(steps / factor),
    versions: history.versions.map((one) => ({ ...one, ...joinSteps(one, factor) })),
    edges: history.edges.map((one) => ({ ...one, ...joinSteps(one, factor) })),
  };
}

/** The newest steps are kept whole; what does not fill a step at the old end is left out. */
function joinSteps(
  { calls, errors, p50Ms, p90Ms, p99Ms }: TrafficColumns,
  factor: number,
): TrafficColumns {
  const steps = Math.floor(calls.length / factor);
  const start = calls.length - steps * factor;
  const ranges = Array.from({ length: steps }, (_, i) => start + i * factor);
  const sumOf = (values: readonly number[]) =>
    ranges.map((from) => values.slice(from, from + factor).reduce((sum, value) => sum + value, 0));
  const meanOf = (values: readonly (number | null)[]) =>
    ranges.map((from) => {
      let weight = 0;
      let total = 0;
      for (let i = from; i < from + factor; i += 1) {
        const value = values[i];
        if (value == null) continue;
        weight += calls[i] ?? 0;
        total += value * (calls[i] ?? 0);
      }
      return weight === 0 ? null : total / weight;
    });
  return {
    calls: sumOf(calls),
    errors: sumOf(errors),
    p50Ms: meanOf(p50Ms),
    p90Ms: meanOf(p90Ms),
    p99Ms: meanOf(p99Ms),
  };
}

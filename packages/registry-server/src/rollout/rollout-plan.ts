import { MeshError, type RolloutPlan, type StartRollout } from '@inmesh/core';

/**
 * 100 calls of each: with fewer even a version that fails one call in ten is not told from a good
 * one at the default significance.
 */
const defaults = {
  steps: Object.freeze([5, 25, 50, 100]),
  stepMs: 60_000,
  minCalls: 100,
  significance: 0.001,
  errorMargin: 0.005,
  latencyMargin: 0.05,
} as const;

/** A step that came to no verdict in so many of its lengths holds. */
const maxStepFactor = 10;

/** The plan with its defaults. The schema has checked the ranges. Throws `invalid_argument`. */
export function resolvePlan(request: StartRollout): RolloutPlan {
  const { steps = defaults.steps, stepMs = defaults.stepMs } = request;
  const { maxStepMs = stepMs * maxStepFactor } = request;
  const isRising = steps.every((step, i) => i === 0 || step > (steps[i - 1] as number));
  if (!isRising || steps.at(-1) !== 100) {
    throw invalid('/steps', `steps must rise and end with 100, got ${steps.join(', ')}`);
  }
  if (maxStepMs < stepMs) {
    throw invalid('/maxStepMs', `maxStepMs must be at least stepMs (${stepMs}), got ${maxStepMs}`);
  }
  if (request.from === request.to) {
    throw invalid('/to', `a rollout needs two versions, got ${request.from} twice`);
  }
  return Object.freeze({
    steps,
    stepMs,
    maxStepMs,
    minCalls: request.minCalls ?? defaults.minCalls,
    significance: request.significance ?? defaults.significance,
    errorMargin: request.errorMargin ?? defaults.errorMargin,
    latencyMargin: request.latencyMargin ?? defaults.latencyMargin,
  });
}

function invalid(path: string, message: string): MeshError {
  return new MeshError('invalid_argument', `rollout: ${message}`, { path });
}

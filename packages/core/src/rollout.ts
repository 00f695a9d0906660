/**
 * A progressive rollout: the registry moves a service's traffic from one version to another by
 * steps, while the new one is no worse than the old one.
 *
 *   GET    /v1/rollouts                                  RolloutList
 *   POST   /v1/rollouts                                  StartRollout → 201 Rollout
 *   GET    /v1/rollouts/:namespace/:name                 Rollout, the service's last one
 *   POST   /v1/rollouts/:namespace/:name/pause           → 200 Rollout; the weights stay
 *   POST   /v1/rollouts/:namespace/:name/resume          → 200 Rollout; takes the weights as they are
 *   POST   /v1/rollouts/:namespace/:name/abort           → 200 Rollout; all traffic back to `from`
 */
import type { ServiceName } from './service-name.ts';

export interface RolloutPlan {
  /** Shares of the new version in percent, ascending, the last is 100; 1 to 20. @default [5, 25, 50, 100] */
  readonly steps: readonly number[];
  /** How long each step lasts at least. 5,000..86,400,000. @default 60_000 */
  readonly stepMs: number;
  /** How long a step may take to come to a verdict before the rollout holds. @default 10 × stepMs */
  readonly maxStepMs: number;
  /** Calls that both versions must have had in a step before anything is judged. 20..1,000,000. @default 100 */
  readonly minCalls: number;
  /** The chance at which a version that is no worse is called worse in a look, 0.000001..0.1. @default 0.001 */
  readonly significance: number;
  /** A difference of error shares below this is none, whatever the test says, 0..1. @default 0.005 */
  readonly errorMargin: number;
  /** The new version's share of slow calls may be greater than the old one's by this, 0..1. @default 0.05 */
  readonly latencyMargin: number;
}

export interface StartRollout extends Partial<RolloutPlan> {
  readonly service: string;
  /** @default 'default' */
  readonly namespace?: string;
  /** The version that has the traffic. */
  readonly from: string;
  /** The version that is to have it. */
  readonly to: string;
}

/** What was counted of one version since the step began. */
export interface RolloutSample {
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** A look at both versions over the same time. */
export interface RolloutVerdict {
  /** RFC 3339. */
  readonly at: string;
  /** Index into `plan.steps`. */
  readonly step: number;
  readonly decision: 'wait' | 'advance' | 'hold' | 'roll-back' | 'complete';
  readonly from: RolloutSample;
  readonly to: RolloutSample;
  /** For people: the numbers, the test and what came of it. */
  readonly reason: string;
  /** Chances that a version that is no worse looks like this; `null` where too little is known. */
  readonly errorP: number | null;
  readonly latencyP: number | null;
}

export type RolloutState =
  | { readonly name: 'running'; readonly step: number }
  /** Waits for a person: it was asked to, or somebody else edited the weights. */
  | { readonly name: 'paused'; readonly step: number; readonly reason: string }
  /** Weights stay until there is evidence: too few calls, or a new version that may be worse. Goes on by itself. */
  | { readonly name: 'holding'; readonly step: number; readonly reason: string }
  | { readonly name: 'completed' }
  | { readonly name: 'rolled-back'; readonly step: number; readonly reason: string }
  | { readonly name: 'aborted'; readonly step: number; readonly reason: string };

export interface Rollout {
  readonly service: ServiceName;
  readonly from: string;
  readonly to: string;
  readonly plan: RolloutPlan;
  readonly state: RolloutState;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly updatedAt: string;
  /** Percent of the new version, as the rollout set it last. */
  readonly share: number;
  /** The VirtualService that it moves. */
  readonly resource: string;
  /** The newest last; at most 50: of looks that said `wait` only the newest is kept. */
  readonly verdicts: readonly RolloutVerdict[];
}

export interface RolloutList {
  readonly rollouts: readonly Rollout[];
}

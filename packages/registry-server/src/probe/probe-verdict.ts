import type { HealthProbe } from '@inmesh/core';
import type { ProbeResult } from './probe-request.ts';

/** A probe with its defaults filled in. */
export type ProbePlan = Readonly<Required<Omit<HealthProbe, 'port'>>>;

export function probePlan(probe: HealthProbe): ProbePlan {
  return {
    path: probe.path,
    intervalMs: probe.intervalMs ?? 10_000,
    timeoutMs: probe.timeoutMs ?? 1_000,
    healthyAfter: probe.healthyAfter ?? 1,
    unhealthyAfter: probe.unhealthyAfter ?? 3,
  };
}

/** Turns single results into a verdict: so many in a row that say otherwise change it. */
export class ProbeVerdict {
  readonly #plan: ProbePlan;
  #healthy: boolean;
  #contrary = 0;

  constructor(plan: ProbePlan, healthy: boolean) {
    this.#plan = plan;
    this.#healthy = healthy;
  }

  /** Gives the verdict after `result`. */
  record(result: ProbeResult): boolean {
    if (result === 'unclear') return this.#healthy;
    if ((result === 'healthy') === this.#healthy) {
      this.#contrary = 0;
      return this.#healthy;
    }
    this.#contrary += 1;
    const needed = this.#healthy ? this.#plan.unhealthyAfter : this.#plan.healthyAfter;
    if (this.#contrary >= needed) {
      this.#healthy = !this.#healthy;
      this.#contrary = 0;
    }
    return this.#healthy;
  }
}

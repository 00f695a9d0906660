import type { Clock, OutlierPolicy, Timer } from '@inmesh/core';
import type { EndpointState } from './endpoint-state.ts';
import { rateOutliers } from './failure-rates.ts';
import type { FailureStreaks } from './failure-streaks.ts';
import type { Subset } from './subset.ts';

/**
 * An endpoint that comes back may have so many requests in flight: one, and one more for each that
 * succeeds, as TCP's slow start. Past the last it is as good as any. So a zone that returns is not
 * met by all of its traffic at once.
 */
const provenInFlight = 16;

/** Rates are compared over the whole subset, so not at each of many failures. */
const compareEveryMs = 1_000;

type Phase =
  | { readonly name: 'ejected'; readonly until: number }
  | { readonly name: 'probation'; maxInFlight: number }
  /** Back, but not forgotten yet. */
  | { readonly name: 'proven' };

/** What is kept of an endpoint that was ejected; one that never was has none. */
interface Ejection {
  /** The next ejection lasts so many times the base and once more. */
  times: number;
  phase: Phase;
}

export interface OutlierEjectionOptions {
  readonly policy: OutlierPolicy;
  /** Whom it may eject, and what `maxEjectedRatio` is a share of. */
  readonly subset: Subset;
  readonly clock: Clock;
  readonly onEjected: (state: EndpointState, reason: string, forMs: number) => void;
  /** Also told when an ejected endpoint is forgotten. */
  readonly onRestored: (state: EndpointState) => void;
}

/**
 * Envoy's outlier detection for one subset under one policy. Ejects by the streaks and the rates
 * of failures that the endpoints keep; restores at a sweep, which runs only while there is somebody
 * to restore or to forget.
 *
 * The streak is not ended by the ejection: whoever comes back and fails at once is ejected at once,
 * for longer.
 */
export class OutlierEjection {
  /** Changes with every ejection and restoration: pick sets go by it. */
  version = 0;
  readonly #options: OutlierEjectionOptions;
  readonly #records = new Map<EndpointState, Ejection>();
  #ejected = 0;
  #comparesAt = 0;
  #sweep: Timer | undefined;

  constructor(options: OutlierEjectionOptions) {
    this.#options = options;
  }

  /** Endpoints that anything is kept of; none for those that never failed. */
  get recordCount(): number {
    return this.#records.size;
  }

  isEjected(state: EndpointState): boolean {
    return state.suspicions !== 0 && this.#records.get(state)?.phase.name === 'ejected';
  }

  /** Whether a new request may go there now. */
  admits(state: EndpointState): boolean {
    const phase = this.#records.get(state)?.phase;
    if (phase?.name === 'probation') return state.inFlight < phase.maxInFlight;
    return phase?.name !== 'ejected';
  }

  /** Its streaks have grown. */
  failed(state: EndpointState, now: number): void {
    const reason = streakTooLong(state.streaks, this.#options.policy);
    if (reason !== undefined) this.eject(state, reason, now);
    if (now >= this.#comparesAt) this.#compareRates(now);
  }

  /** Takes it out, unless too many are out already or it is none of the subset's. */
  eject(state: EndpointState, reason: string, now: number): void {
    const record = this.#records.get(state);
    if (record?.phase.name === 'ejected') return;
    const { clock, policy, subset } = this.#options;
    if (!subset.includes(state.endpoint) || this.#ejected >= this.#maxEjected()) return;
    const times = (record?.times ?? 0) + 1;
    const { baseEjectionMs, maxEjectionMs } = policy;
    const longest = Math.max(baseEjectionMs, maxEjectionMs);
    const forMs = Math.min(longest, baseEjectionMs * times);
    if (record === undefined || record.phase.name === 'proven') state.suspicions += 1;
    this.#records.set(state, {
      // More would lengthen nothing, and only put off the forgetting.
      times: Math.min(times, Math.ceil(longest / baseEjectionMs)),
      phase: { name: 'ejected', until: now + forMs },
    });
    this.#ejected += 1;
    this.version += 1;
    this.#sweep ??= clock.setTimer(this.#onSweep, policy.intervalMs);
    this.#options.onEjected(state, reason, forMs);
  }

  /** One that is watched has answered well. */
  succeeded(state: EndpointState): void {
    const record = this.#records.get(state);
    if (record?.phase.name !== 'probation') return;
    record.phase.maxInFlight += 1;
    if (record.phase.maxInFlight <= provenInFlight) return;
    record.phase = { name: 'proven' };
    state.suspicions -= 1;
  }

  /** Somebody who knows, such as the registry's health probe, says that it is well again. */
  restore(state: EndpointState): void {
    const record = this.#records.get(state);
    if (record?.phase.name !== 'ejected') return;
    record.phase = { name: 'probation', maxInFlight: 1 };
    this.#ejected -= 1;
    this.version += 1;
    this.#options.onRestored(state);
  }

  /** The endpoint is gone. */
  forget(state: EndpointState): void {
    const record = this.#records.get(state);
    if (record === undefined) return;
    this.#records.delete(state);
    if (record.phase.name !== 'proven') state.suspicions -= 1;
    if (record.phase.name === 'ejected') {
      this.#ejected -= 1;
      this.version += 1;
      this.#options.onRestored(state);
    }
    if (this.#records.size === 0) this.#stop();
  }

  close(): void {
    for (const state of [...this.#records.keys()]) this.forget(state);
  }

  #compareRates(now: number): void {
    const { policy, subset } = this.#options;
    this.#comparesAt = now + compareEveryMs;
    if (policy.successRateFactor === 0 && policy.failureRatio === 0) return;
    for (const { state, reason } of rateOutliers(subset.members(), policy, now)) {
      this.eject(state, reason, now);
      // What it did before must not eject it again when it is back.
      state.results.clear();
    }
  }

  #maxEjected(): number {
    const { subset, policy } = this.#options;
    const size = subset.upCount;
    return Math.max(size >= 2 ? 1 : 0, Math.floor(size * policy.maxEjectedRatio));
  }

  readonly #onSweep = (): void => {
    const { clock, policy } = this.#options;
    const now = clock.now();
    for (const [state, record] of this.#records) {
      const { phase } = record;
      if (phase.name === 'ejected') {
        if (now >= phase.until) this.restore(state);
      } else {
        record.times -= 1;
        if (record.times <= 0) this.forget(state);
      }
    }
    this.#sweep =
      this.#records.size === 0 ? undefined : clock.setTimer(this.#onSweep, policy.intervalMs);
  };

  #stop(): void {
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }
}

/** Why the policy has had enough, or `undefined`. */
function streakTooLong(streaks: FailureStreaks, policy: OutlierPolicy): string | undefined {
  const split = policy.splitLocalFailures;
  // Where local failures are counted apart, none of them could mean that the application fails: then
  // a refused connection is proof, and waiting for more would send calls to a process that is gone.
  if (split && streaks.refused && policy.consecutiveLocalFailures > 0)
    return 'nobody listens there';
  const local = split ? streaks.local : 0;
  const gateway = split ? streaks.answeredGateway : streaks.gateway;
  const errors = split ? streaks.answered5xx : streaks.any;
  if (reached(local, policy.consecutiveLocalFailures)) return `${local} times no answer in a row`;
  if (reached(gateway, policy.consecutiveGatewayErrors))
    return `${gateway} gateway errors in a row`;
  if (reached(errors, policy.consecutive5xx)) return `${errors} errors in a row`;
  return undefined;
}

function reached(streak: number, limit: number): boolean {
  return limit > 0 && streak >= limit;
}

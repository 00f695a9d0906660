// Over 250 lines: one state machine, its moves side by side.
import {
  type Clock,
  isMeshError,
  type Logger,
  MeshError,
  type Rollout,
  type RolloutSample,
  type RolloutState,
  type RolloutVerdict,
  type ServiceName,
  type StartRollout,
  serviceName,
  type Timer,
} from '@inmesh/core';
import type { TrafficTotal } from '../graph/traffic-total.ts';
import type { RegistryState } from '../state/registry-state.ts';
import { type Judgement, judge } from './judge.ts';
import { resolvePlan } from './rollout-plan.ts';
import { type RolloutRecord, type RolloutStore, unknownRollout } from './rollout-store.ts';
import { handEdit, type RolloutWeights } from './rollout-weights.ts';
import type { TallyBoard, VersionTallies } from './version-tallies.ts';

export interface RolloutsOptions {
  readonly store: RolloutStore;
  readonly weights: RolloutWeights;
  readonly tallies: TallyBoard;
  readonly state: RegistryState;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a server holds of a rollout that goes on; it begins anew after a restart, with its evidence. */
interface Step {
  readonly tallies: VersionTallies;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
  nextLookAt: number;
}

type Decision = RolloutVerdict['decision'];
/** A state that is gone on with. */
type ActiveState = Extract<RolloutState, { step: number }> & { name: 'running' | 'holding' };

/** How often each rollout is looked at whether it is due, and whether its weights are its own. */
const tickMs = 1_000;
/** Looks in a step: the chance of a false alarm adds up over them. */
const looksPerStep = 4;
const minLookMs = 1_000;
const maxLookMs = 15_000;
const maxVerdicts = 50;

/**
 * Moves traffic from one version to the next by steps, while the new one is no worse. One thing at a
 * time: a look at a rollout and a person's command never meet.
 */
export class Rollouts {
  readonly #options: RolloutsOptions;
  readonly #steps = new Map<ServiceName, Step>();
  #last: Promise<unknown> = Promise.resolve();
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: RolloutsOptions) {
    this.#options = options;
  }

  /** Goes on with what was stored. */
  start(): void {
    for (const record of this.#options.store.all()) {
      if (isActive(record.rollout.state)) this.#beginStep(record.rollout);
      else if (record.movingFrom !== null) void this.#alone(() => this.#finishMove(record));
    }
    this.#schedule();
  }

  list(): Rollout[] {
    return [...this.#options.store.all()].map(({ rollout }) => rollout);
  }

  /** Throws `not_found`. */
  get(service: ServiceName): Rollout {
    const record = this.#options.store.get(service);
    if (record === undefined) throw unknownRollout(service);
    return record.rollout;
  }

  /** Throws `invalid_argument`; `conflict` when one goes on already or the weights cannot be moved. */
  begin(request: StartRollout): Promise<Rollout> {
    return this.#alone(async () => {
      const { clock, weights, store } = this.#options;
      const plan = resolvePlan(request);
      const { from, to } = request;
      const service = serviceName(request.service, request.namespace);
      const last = store.get(service)?.rollout;
      if (last !== undefined && (isActive(last.state) || last.state.name === 'paused')) {
        throw new MeshError(
          'conflict',
          `rollout: one of ${service} to ${last.to} is ${last.state.name}; abort it first`,
        );
      }
      if (!this.#isServed(service, to)) throw notServed(service, to);
      const { key, share } = await weights.prepare({ service, from, to });
      const now = new Date(clock.wallNow()).toISOString();
      return await this.#move(
        {
          service,
          from,
          to,
          plan,
          state: { name: 'running', step: 0 },
          startedAt: now,
          updatedAt: now,
          share,
          resource: key,
          verdicts: [],
        },
        plan.steps[0] as number,
      );
    });
  }

  /** Throws `not_found`, `conflict` when it does not go on. */
  pause(service: ServiceName, by: string): Promise<Rollout> {
    return this.#alone(async () => {
      const rollout = this.get(service);
      if (!isActive(rollout.state)) throw wrongState(rollout, 'paused');
      const { step } = rollout.state;
      return await this.#become(rollout, { name: 'paused', step, reason: `paused by ${by}` });
    });
  }

  /** Goes on from the weights as they are. Throws `not_found`, `conflict` when it is not paused. */
  resume(service: ServiceName): Promise<Rollout> {
    return this.#alone(async () => {
      const rollout = this.get(service);
      if (rollout.state.name !== 'paused') throw wrongState(rollout, 'resumed');
      const found = this.#options.weights.read(rollout);
      if (typeof found === 'string') throw new MeshError('conflict', `rollout: ${found}`);
      const { share, key } = found;
      const { steps } = rollout.plan;
      const reached = steps.filter((step) => step <= share && step < 100).length;
      const state: RolloutState = { name: 'running', step: Math.max(0, reached - 1) };
      const resumed = await this.#become({ ...rollout, share, resource: key }, state);
      this.#beginStep(resumed);
      this.#schedule();
      return resumed;
    });
  }

  /** All traffic back to the old version. Throws `not_found`, `conflict` when it has ended. */
  abort(service: ServiceName, by: string): Promise<Rollout> {
    return this.#alone(async () => {
      const rollout = this.get(service);
      const { state } = rollout;
      if (!isActive(state) && state.name !== 'paused') throw wrongState(rollout, 'aborted');
      const found = this.#options.weights.read(rollout);
      // What a hand has set is taken back, too: that is what was asked for.
      const share = typeof found === 'string' ? rollout.share : found.share;
      const aborted: RolloutState = {
        name: 'aborted',
        step: state.step,
        reason: `aborted by ${by}`,
      };
      return await this.#move({ ...rollout, share, state: aborted }, 0);
    });
  }

  /** Waits for what is under way; nothing is changed after it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#last;
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined || this.#steps.size === 0) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      void this.#alone(() => this.#tick()).finally(() => this.#schedule());
    }, tickMs);
  }

  async #tick(): Promise<void> {
    for (const service of [...this.#steps.keys()]) {
      if (this.#closed) return;
      try {
        await this.#look(service);
      } catch (error) {
        // The store is away, or somebody was faster: the next look sees what is there then.
        this.#options.logger.warn({ err: error, service }, 'a rollout could not be looked at');
      }
    }
  }

  async #look(service: ServiceName): Promise<void> {
    const { store, weights, clock } = this.#options;
    const record = store.get(service);
    const step = this.#steps.get(service);
    if (record === undefined || step === undefined || !isActive(record.rollout.state)) {
      this.#endStep(service);
      return;
    }
    const { rollout, movingFrom } = record;
    const found = weights.read(rollout);
    const share = typeof found === 'string' ? undefined : found.share;
    if (share !== rollout.share) {
      if (movingFrom !== null && share === movingFrom) {
        await this.#finishMove(record);
        return;
      }
      const reason = handEdit(rollout, found, rollout.share);
      const { step: at } = rollout.state as ActiveState;
      await this.#become(rollout, { name: 'paused', step: at, reason });
      return;
    }
    const now = clock.now();
    if (now < step.nextLookAt) return;
    step.nextLookAt = now + lookMs(rollout);
    await this.#decide(rollout, step, now - step.startedAt);
  }

  async #decide(rollout: Rollout, step: Step, elapsedMs: number): Promise<void> {
    const { plan, service, to } = rollout;
    const state = rollout.state as ActiveState;
    if (!this.#isServed(service, to)) {
      const reason = `${to} has no endpoint that is up`;
      await this.#rollBack(rollout, step, { kind: 'worse', reason, errorP: null, latencyP: null });
      return;
    }
    const judgement = judge(step.tallies.from, step.tallies.to, plan);
    if (judgement.kind === 'worse') {
      await this.#rollBack(rollout, step, judgement);
      return;
    }
    const isOver = elapsedMs >= plan.stepMs;
    if (judgement.kind === 'good' && isOver) {
      await this.#advance(rollout, step, judgement);
      return;
    }
    const mustHold = judgement.kind === 'suspect' ? isOver : elapsedMs >= plan.maxStepMs;
    const decision: Decision = mustHold ? 'hold' : 'wait';
    const looked = this.#withVerdict(rollout, step, decision, judgement);
    if (mustHold && (state.name !== 'holding' || state.reason !== judgement.reason)) {
      const { reason } = judgement;
      await this.#become(looked, { name: 'holding', step: state.step, reason });
    } else {
      // Nothing that would be missed after a restart: kept, not stored.
      this.#options.store.note(looked);
    }
  }

  async #advance(rollout: Rollout, step: Step, judgement: Judgement): Promise<void> {
    const next = (rollout.state as ActiveState).step + 1;
    const share = rollout.plan.steps[next] as number;
    const isLast = share === 100;
    const looked = this.#withVerdict(rollout, step, isLast ? 'complete' : 'advance', judgement);
    const state: RolloutState = isLast ? { name: 'completed' } : { name: 'running', step: next };
    await this.#move({ ...looked, state }, share);
  }

  async #rollBack(rollout: Rollout, step: Step, judgement: Judgement): Promise<void> {
    const { reason } = judgement;
    const { step: at } = rollout.state as ActiveState;
    const looked = this.#withVerdict(rollout, step, 'roll-back', judgement);
    await this.#move({ ...looked, state: { name: 'rolled-back', step: at, reason } }, 0);
  }

  /**
   * Takes `rollout` over with its weights set from `rollout.share` to `share`: first it is written
   * down, so that whoever goes on after this server knows what was meant.
   */
  async #move(rollout: Rollout, share: number): Promise<Rollout> {
    const { store, weights, logger } = this.#options;
    const moving = this.#stamped({ ...rollout, share });
    await store.save({ rollout: moving, movingFrom: rollout.share });
    try {
      await weights.set(rollout, rollout.share, share);
    } catch (error) {
      if (!isMeshError(error, 'conflict')) throw error;
      const { state, plan } = moving;
      const step = 'step' in state ? state.step : plan.steps.length - 1;
      return await this.#become(moving, { name: 'paused', step, reason: error.message });
    }
    await store.save({ rollout: moving, movingFrom: null });
    const { service, to, state } = moving;
    logger.info({ service, to, share, state: state.name }, 'rollout moved');
    if (isActive(state)) this.#beginStep(moving);
    else this.#endStep(service);
    this.#schedule();
    return moving;
  }

  /** A server that died while it set the weights left the ones before: they are set now. */
  async #finishMove({ rollout, movingFrom }: RolloutRecord): Promise<void> {
    const found = this.#options.weights.read(rollout);
    if (typeof found === 'string' || found.share !== movingFrom) return;
    await this.#move({ ...rollout, share: movingFrom }, rollout.share);
  }

  /** Stores another state; the weights stay. */
  async #become(rollout: Rollout, state: RolloutState): Promise<Rollout> {
    const { store, logger } = this.#options;
    const changed = this.#stamped({ ...rollout, state });
    await store.save({ rollout: changed, movingFrom: null });
    logger.info({ service: rollout.service, to: rollout.to, ...state }, 'rollout changed');
    if (!isActive(state)) this.#endStep(rollout.service);
    return changed;
  }

  #stamped(rollout: Rollout): Rollout {
    return { ...rollout, updatedAt: new Date(this.#options.clock.wallNow()).toISOString() };
  }

  #beginStep(rollout: Rollout): void {
    const { tallies, clock } = this.#options;
    const { service, from, to } = rollout;
    this.#endStep(service);
    const now = clock.now();
    const step = {
      tallies: tallies.open(service, from, to),
      startedAt: now,
      nextLookAt: now + lookMs(rollout),
    };
    this.#steps.set(service, step);
  }

  #endStep(service: ServiceName): void {
    const rollout = this.#options.store.get(service)?.rollout;
    if (rollout !== undefined) this.#options.tallies.close(service, rollout.from, rollout.to);
    this.#steps.delete(service);
  }

  #withVerdict(rollout: Rollout, step: Step, decision: Decision, judgement: Judgement): Rollout {
    const { reason, errorP, latencyP } = judgement;
    const verdict: RolloutVerdict = {
      at: new Date(this.#options.clock.wallNow()).toISOString(),
      step: (rollout.state as ActiveState).step,
      decision,
      from: sample(step.tallies.from),
      to: sample(step.tallies.to),
      reason,
      errorP,
      latencyP,
    };
    // Looks that only waited leave nothing worth keeping behind.
    const kept = rollout.verdicts.filter((each) => each.decision !== 'wait');
    return { ...rollout, verdicts: [...kept, verdict].slice(-maxVerdicts) };
  }

  #isServed(service: ServiceName, version: string): boolean {
    const endpoints = this.#options.state.services.find(service)?.endpoints.values() ?? [];
    for (const { endpoint } of endpoints) {
      if (endpoint.status === 'up' && endpoint.labels.version === version) return true;
    }
    return false;
  }

  /** Runs `work` when nothing else does. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new MeshError('closed', 'registry: shutting down');
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

function lookMs({ plan }: Rollout): number {
  return Math.min(Math.max(plan.stepMs / looksPerStep, minLookMs), maxLookMs);
}

function isActive(state: RolloutState): state is ActiveState {
  return state.name === 'running' || state.name === 'holding';
}

function sample(total: TrafficTotal): RolloutSample {
  const { calls, errors } = total;
  return { calls, errors, p50Ms: total.quantileMs(0.5), p99Ms: total.quantileMs(0.99) };
}

function wrongState({ service, state }: Rollout, verb: string): MeshError {
  return new MeshError(
    'conflict',
    `rollout: that of ${service} is ${state.name}, it cannot be ${verb}`,
  );
}

function notServed(service: ServiceName, version: string): MeshError {
  return new MeshError(
    'conflict',
    `rollout: no endpoint of ${service} with the label version=${version} is up; start one first`,
    { service },
  );
}

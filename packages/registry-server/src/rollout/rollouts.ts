// Over 250 lines: one state machine, its moves side by side.
import {
  type Clock,
  type Logger,
  MeshError,
  type Revision,
  type Rollout,
  type RolloutSample,
  type RolloutState,
  type RolloutVerdict,
  type ServiceName,
  type StartRollout,
  serviceName,
  type Timer,
} from '@inmesh/core';
import type { Leadership } from '../cluster/leadership.ts';
import type { TrafficTotal } from '../graph/traffic-total.ts';
import type { RegistryState } from '../state/registry-state.ts';
import { type Judgement, judge } from './judge.ts';
import { resolvePlan } from './rollout-plan.ts';
import { type RolloutStore, type StoredRollout, unknownRollout } from './rollout-store.ts';
import { handEdit, type RolloutWeights } from './rollout-weights.ts';
import type { SharedTallies } from './shared-tallies.ts';
import type { TallyBoard, VersionTallies } from './version-tallies.ts';

export interface RolloutsOptions {
  readonly store: RolloutStore;
  readonly weights: RolloutWeights;
  readonly tallies: TallyBoard;
  readonly shared: SharedTallies;
  readonly leadership: Leadership;
  readonly state: RegistryState;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a server holds of a rollout that goes on; it begins anew after a restart, with its evidence. */
interface Step {
  /** Which step of which rollout: the same word at every server. */
  readonly name: string;
  readonly from: string;
  readonly to: string;
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
/** What another server counted is known twice for each look, so that it is never much older than one. */
const tellsPerLook = 2;
/** Looks in a step: the chance of a false alarm adds up over them. */
const looksPerStep = 4;
const minLookMs = 1_000;
const maxLookMs = 15_000;
const maxVerdicts = 50;

/**
 * Moves traffic from one version to the next by steps, while the new one is no worse. One thing at a
 * time: a look at a rollout and a person's command never meet. Of the servers that share a store all
 * count and all take commands, and the leader alone looks and moves. Whatever is decided is committed
 * over the very state that it was decided about, together with its weights: whoever was replaced as
 * the leader meanwhile, or was slower, changes nothing.
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
    const { store } = this.#options;
    store.onChange((service) => this.#follow(service));
    for (const { rollout } of store.all()) this.#follow(rollout.service);
  }

  list(): Rollout[] {
    return [...this.#options.store.all()].map(({ rollout }) => rollout);
  }

  /** Throws `not_found`. */
  get(service: ServiceName): Rollout {
    return this.#stored(service).rollout;
  }

  /** Throws `invalid_argument`; `conflict` when one goes on already or the weights cannot be moved. */
  begin(request: StartRollout): Promise<Rollout> {
    return this.#alone(async () => {
      const { clock, weights, store } = this.#options;
      const plan = resolvePlan(request);
      const { from, to } = request;
      const service = serviceName(request.service, request.namespace);
      const stored = store.get(service);
      const last = stored?.rollout;
      if (last !== undefined && (isActive(last.state) || last.state.name === 'paused')) {
        throw new MeshError(
          'conflict',
          `rollout: one of ${service} to ${last.to} is ${last.state.name}; abort it first`,
        );
      }
      if (!this.#isServed(service, to)) throw notServed(service, to);
      const { key, share } = await weights.prepare({ service, from, to });
      const now = new Date(clock.wallNow()).toISOString();
      const begun: Rollout = {
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
      };
      return await this.#move(begun, stored?.revision, plan.steps[0] as number);
    });
  }

  /** Throws `not_found`, `conflict` when it does not go on. */
  pause(service: ServiceName, by: string): Promise<Rollout> {
    return this.#alone(async () => {
      const stored = this.#stored(service);
      const { state } = stored.rollout;
      if (!isActive(state)) throw wrongState(stored.rollout, 'paused');
      return await this.#pause(stored, `paused by ${by}`);
    });
  }

  /** Goes on from the weights as they are. Throws `not_found`, `conflict` when it is not paused. */
  resume(service: ServiceName): Promise<Rollout> {
    return this.#alone(async () => {
      const { rollout, revision } = this.#stored(service);
      if (rollout.state.name !== 'paused') throw wrongState(rollout, 'resumed');
      const found = await this.#options.weights.readStored(rollout);
      if (typeof found === 'string') throw new MeshError('conflict', `rollout: ${found}`);
      const { share, key } = found;
      const { steps } = rollout.plan;
      const reached = steps.filter((step) => step <= share && step < 100).length;
      const state: RolloutState = { name: 'running', step: Math.max(0, reached - 1) };
      return await this.#become({ rollout: { ...rollout, share, resource: key }, revision }, state);
    });
  }

  /** All traffic back to the old version. Throws `not_found`, `conflict` when it has ended. */
  abort(service: ServiceName, by: string): Promise<Rollout> {
    return this.#alone(async () => {
      const { rollout, revision } = this.#stored(service);
      const { state } = rollout;
      if (!isActive(state) && state.name !== 'paused') throw wrongState(rollout, 'aborted');
      const found = await this.#options.weights.readStored(rollout);
      // What a hand has set is taken back, too: that is what was asked for.
      const share = typeof found === 'string' ? rollout.share : found.share;
      const reason = `aborted by ${by}`;
      const aborted: RolloutState = { name: 'aborted', step: state.step, reason };
      return await this.#move({ ...rollout, share, state: aborted }, revision, 0);
    });
  }

  /** Waits for what is under way; nothing is changed after it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#last;
    this.#options.store.close();
    this.#options.shared.close();
  }

  #stored(service: ServiceName): StoredRollout {
    const stored = this.#options.store.get(service);
    if (stored === undefined) throw unknownRollout(service);
    return stored;
  }

  /** The rollout is another than before, by this server or any other. */
  #follow(service: ServiceName): void {
    const rollout = this.#options.store.get(service)?.rollout;
    if (rollout === undefined || !isActive(rollout.state)) this.#endStep(service);
    else if (this.#steps.get(service)?.name !== stepName(rollout)) this.#beginStep(rollout);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined || this.#steps.size === 0) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      void this.#alone(() => this.#tick()).finally(() => this.#schedule());
    }, tickMs);
  }

  async #tick(): Promise<void> {
    const { leadership, logger } = this.#options;
    for (const service of [...this.#steps.keys()]) {
      if (this.#closed) return;
      try {
        await (leadership.leading ? this.#look(service) : this.#tell(service));
      } catch (error) {
        // The store is away, or somebody was faster: the next look sees what is there then.
        logger.warn({ err: error, service }, 'a rollout could not be looked at');
      }
    }
  }

  /** Another server leads: it is to know what was counted here when it looks. */
  async #tell(service: ServiceName): Promise<void> {
    const { shared, clock } = this.#options;
    const step = this.#steps.get(service);
    const now = clock.now();
    if (step === undefined || now < step.nextLookAt) return;
    step.nextLookAt = now + lookMs(this.#stored(service).rollout) / tellsPerLook;
    await shared.tell(service, step.name, step.tallies);
  }

  async #look(service: ServiceName): Promise<void> {
    const { weights, clock } = this.#options;
    const step = this.#steps.get(service);
    if (step === undefined) return;
    const stored = this.#stored(service);
    const { rollout } = stored;
    if (!this.#isOwn(rollout, weights.read(rollout))) {
      const found = await weights.readStored(rollout);
      if (!this.#isOwn(rollout, found)) {
        await this.#pause(stored, handEdit(rollout, found, rollout.share));
      }
      return;
    }
    const now = clock.now();
    if (now < step.nextLookAt) return;
    step.nextLookAt = now + lookMs(rollout);
    await this.#decide(stored, step, now - step.startedAt);
  }

  #isOwn({ share }: Rollout, found: ReturnType<RolloutWeights['read']>): boolean {
    return typeof found !== 'string' && found.share === share;
  }

  async #decide(stored: StoredRollout, step: Step, elapsedMs: number): Promise<void> {
    const { rollout, revision } = stored;
    const { plan, service, to } = rollout;
    const state = rollout.state as ActiveState;
    const counted = this.#options.shared.sum(service, step.name, step.tallies);
    const look = (decision: Decision, judgement: Judgement): Rollout =>
      this.#withVerdict(rollout, counted, decision, judgement);
    const judgement = this.#isServed(service, to)
      ? judge(counted.from, counted.to, plan)
      : notServedAnyMore(to);
    if (judgement.kind === 'worse') {
      const { reason } = judgement;
      const rolledBack: RolloutState = { name: 'rolled-back', step: state.step, reason };
      await this.#move({ ...look('roll-back', judgement), state: rolledBack }, revision, 0);
      return;
    }
    const isOver = elapsedMs >= plan.stepMs;
    if (judgement.kind === 'good' && isOver) {
      const next = state.step + 1;
      const share = plan.steps[next] as number;
      const isLast = share === 100;
      const looked = look(isLast ? 'complete' : 'advance', judgement);
      const reached: RolloutState = isLast
        ? { name: 'completed' }
        : { name: 'running', step: next };
      await this.#move({ ...looked, state: reached }, revision, share);
      return;
    }
    const mustHold = judgement.kind === 'suspect' ? isOver : elapsedMs >= plan.maxStepMs;
    const looked = look(mustHold ? 'hold' : 'wait', judgement);
    if (mustHold && (state.name !== 'holding' || state.reason !== judgement.reason)) {
      const { reason } = judgement;
      await this.#become(
        { rollout: looked, revision },
        { name: 'holding', step: state.step, reason },
      );
    } else {
      // Nothing that would be missed after a restart: kept, not stored.
      this.#options.store.note({ rollout: looked, revision });
    }
  }

  /** Stores `rollout` with its weights set from `rollout.share` to `share`, both in one commit. */
  async #move(rollout: Rollout, over: Revision | undefined, share: number): Promise<Rollout> {
    const { store, weights, logger } = this.#options;
    const moved = this.#stamped({ ...rollout, share });
    const { service, to, state } = moved;
    await store.save(moved, over, (writes) => weights.set(rollout, rollout.share, share, writes));
    logger.info({ service, to, share, state: state.name }, 'rollout moved');
    if (!isActive(state)) await this.#forget(service);
    return moved;
  }

  #pause(stored: StoredRollout, reason: string): Promise<Rollout> {
    const { state, plan } = stored.rollout;
    const step = 'step' in state ? state.step : plan.steps.length - 1;
    return this.#become(stored, { name: 'paused', step, reason });
  }

  /** Stores another state; the weights stay. */
  async #become({ rollout, revision }: StoredRollout, state: RolloutState): Promise<Rollout> {
    const { store, logger } = this.#options;
    const changed = await store.save(this.#stamped({ ...rollout, state }), revision);
    logger.info({ service: rollout.service, to: rollout.to, ...state }, 'rollout changed');
    return changed;
  }

  /** What is left of the servers' tallies is taken over by the next rollout of the service: failing is no fault. */
  async #forget(service: ServiceName): Promise<void> {
    await this.#options.shared.forget(service).catch((error: unknown) => {
      this.#options.logger.debug({ err: error, service }, 'tallies could not be deleted');
    });
  }

  #stamped(rollout: Rollout): Rollout {
    return { ...rollout, updatedAt: new Date(this.#options.clock.wallNow()).toISOString() };
  }

  #beginStep(rollout: Rollout): void {
    const { tallies, clock } = this.#options;
    const { service, from, to } = rollout;
    this.#endStep(service);
    const now = clock.now();
    const step: Step = {
      name: stepName(rollout),
      from,
      to,
      tallies: tallies.open(service, from, to),
      startedAt: now,
      nextLookAt: now + lookMs(rollout),
    };
    this.#steps.set(service, step);
  }

  #endStep(service: ServiceName): void {
    const step = this.#steps.get(service);
    if (step === undefined) return;
    this.#options.tallies.close(service, step.from, step.to);
    this.#steps.delete(service);
  }

  #withVerdict(
    rollout: Rollout,
    counted: VersionTallies,
    decision: Decision,
    judgement: Judgement,
  ): Rollout {
    const { reason, errorP, latencyP } = judgement;
    const verdict: RolloutVerdict = {
      at: new Date(this.#options.clock.wallNow()).toISOString(),
      step: (rollout.state as ActiveState).step,
      decision,
      from: sample(counted.from),
      to: sample(counted.to),
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

/** Another step has another share; a step that was paused, and went on with the same, is the same. */
function stepName({ startedAt, share }: Rollout): string {
  return `${startedAt} ${share}`;
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

function notServedAnyMore(version: string): Judgement {
  const reason = `${version} has no endpoint that is up`;
  return { kind: 'worse', reason, errorP: null, latencyP: null };
}

function notServed(service: ServiceName, version: string): MeshError {
  return new MeshError(
    'conflict',
    `rollout: no endpoint of ${service} with the label version=${version} is up; start one first`,
    { service },
  );
}

import { type Random, selectPort } from '@inmesh/core';
import { withinAperture } from './aperture.ts';
import { type Balancer, type Candidates, createBalancer } from './balancers/balancer.ts';
import type { EndpointState } from './endpoint-state.ts';
import { mixHash } from './hash.ts';
import { levelCapacity, levelShares } from './level-shares.ts';
import { intoLevels, type Vantage } from './locality-levels.ts';
import type { OutlierEjection } from './outlier-ejection.ts';
import type { ClientPolicy } from './policy-defaults.ts';
import type { Subset } from './subset.ts';
import { warmth } from './warmup.ts';

/** Offers of a balancer that may be turned down before its level is searched; as many as Envoy's. */
const maxOffers = 5;

export interface PickSetOptions {
  readonly subset: Subset;
  /** The port that calls ask for, in the sense of a URL's port. */
  readonly port: number | undefined;
  readonly policy: ClientPolicy;
  readonly outliers: OutlierEjection | undefined;
  readonly vantage: Vantage;
  readonly random: Random;
}

/** Endpoints that are as good as each other, with their share of the traffic. */
class Level {
  readonly candidates: Candidates;
  /** Of the traffic, together with the levels before it. */
  readonly shareUpTo: number;
  /** So few are healthy that ejection is ignored: all of the load on a few would take them down too. */
  readonly panic: boolean;
  readonly #options: PickSetOptions;
  #balancer: Balancer | undefined;

  constructor(
    candidates: Candidates,
    { shareUpTo, panic }: { shareUpTo: number; panic: boolean },
    options: PickSetOptions,
  ) {
    this.candidates = candidates;
    this.shareUpTo = shareUpTo;
    this.panic = panic;
    this.#options = options;
  }

  /** Made when it is first asked: most sets of a service that changes often are never asked. */
  get balancer(): Balancer {
    const { policy, random } = this.#options;
    this.#balancer ??= createBalancer(policy.balancer, this.candidates, random);
    return this.#balancer;
  }
}

/**
 * The endpoints that one destination's calls may go to, as of one moment: immutable, replaced whole.
 * Of those that carry the subset's labels: those that are up (or, without any, draining), by
 * locality into levels, without the ejected, unless that would leave too few.
 */
export class PickSet {
  readonly size: number;
  readonly #levels: readonly Level[];
  readonly #options: PickSetOptions;

  constructor(options: PickSetOptions) {
    const states = withPort(inService(options.subset), options.port);
    this.size = states.length;
    this.#options = options;
    this.#levels = states.length === 0 ? [] : toLevels(states, options);
  }

  pick(
    now: number,
    hash: number | undefined,
    tried: readonly EndpointState[] | undefined,
  ): EndpointState | undefined {
    const preferred = this.#level(hash);
    if (preferred === undefined) return undefined;
    let state = this.#within(preferred, now, hash, tried);
    for (let i = 0; state === undefined && i < this.#levels.length; i += 1) {
      state = this.#within(this.#levels[i] as Level, now, hash, tried);
    }
    return state ?? this.#lastResort(tried);
  }

  /** Whatever makes `first` slow may be its zone's: so one of another, the nearest level first. */
  pickInOtherZone(now: number, first: EndpointState): EndpointState | undefined {
    const { region, zone } = first.endpoint.locality;
    for (const level of this.#levels) {
      const { states } = level.candidates;
      const start = Math.floor(this.#options.random() * states.length);
      for (let i = 0; i < states.length; i += 1) {
        const state = states[(start + i) % states.length] as EndpointState;
        const { locality } = state.endpoint;
        const isElsewhere = locality.zone !== zone || locality.region !== region;
        if (isElsewhere && this.#admits(state, level, now)) return state;
      }
    }
    return undefined;
  }

  /** One of the level's that is fit and untried, as its balancer offers it, or wherever it is. */
  #within(
    level: Level,
    now: number,
    hash: number | undefined,
    tried: readonly EndpointState[] | undefined,
  ): EndpointState | undefined {
    for (let again = 0; again < maxOffers; again += 1) {
      const state = level.balancer.pick(now, hash, again);
      if (this.#accepts(state, level, now, tried)) return state;
    }
    const { states } = level.candidates;
    const start = Math.floor(hash ?? this.#options.random() * 2 ** 32);
    for (let i = 0; i < states.length; i += 1) {
      const state = states[(start + i) % states.length] as EndpointState;
      if (this.#admits(state, level, now) && !tried?.includes(state)) return state;
    }
    return undefined;
  }

  #level(hash: number | undefined): Level | undefined {
    const levels = this.#levels;
    if (levels.length <= 1) return levels[0];
    const at = hash === undefined ? this.#options.random() : mixHash(hash) / 2 ** 32;
    for (const level of levels) if (at < level.shareUpTo) return level;
    return levels[levels.length - 1];
  }

  #accepts(
    state: EndpointState,
    level: Level,
    now: number,
    tried: readonly EndpointState[] | undefined,
  ): boolean {
    if (!this.#admits(state, level, now) || tried?.includes(state)) return false;
    const { warmup } = this.#options.policy;
    if (warmup === undefined) return true;
    const share = warmth(warmup, now - state.joinedAt);
    return share >= 1 || this.#options.random() < share;
  }

  #admits(state: EndpointState, level: Level, now: number): boolean {
    if (now < state.restUntil) return false;
    if (state.suspicions === 0 || level.panic) return true;
    return this.#options.outliers?.admits(state) ?? true;
  }

  /**
   * Everybody here was tried or has been ejected since. One more attempt at a suspect is better than
   * one at who has just failed, and either is better than a certain failure.
   */
  #lastResort(tried: readonly EndpointState[] | undefined): EndpointState {
    const all = this.#levels.flatMap(({ candidates }) => candidates.states);
    const untried = all.filter((state) => !tried?.includes(state));
    const choice = untried.length > 0 ? untried : all;
    return choice[Math.floor(this.#options.random() * choice.length)] as EndpointState;
  }
}

function inService(subset: Subset): EndpointState[] {
  const up: EndpointState[] = [];
  const draining: EndpointState[] = [];
  for (const state of subset.members()) {
    const { status } = state.endpoint;
    if (status === 'up' && !state.draining) up.push(state);
    else if (status !== 'down') draining.push(state);
  }
  return up.length > 0 ? up : draining;
}

/** While a new port is rolled out only some have it. When nobody has, the call fails with the port's name. */
function withPort(states: EndpointState[], port: number | undefined): EndpointState[] {
  if (port === undefined) return states;
  const having = states.filter(({ endpoint }) => selectPort(endpoint, port) !== undefined);
  return having.length > 0 ? having : states;
}

function toLevels(states: readonly EndpointState[], options: PickSetOptions): readonly Level[] {
  const { policy, vantage } = options;
  const all = intoLevels(states, policy.locality, vantage).map((level) => {
    const narrow = withinAperture(level, policy.aperture, vantage.seat);
    const isUsable = narrow === level || withoutEjected(narrow, options.outliers).states.length > 0;
    return isUsable ? narrow : level;
  });
  const fit = all.map((level) => withoutEjected(level, options.outliers));
  const healthy = fit.map((level, i) => level.states.length / (all[i] as Candidates).states.length);
  const shares = levelShares(healthy);
  // With several levels one that is failing is relieved by the others, as long as they can bear it.
  const isRelieved = healthy.length > 1 && levelCapacity(healthy) >= 1;
  const minHealthyRatio = policy.outlier?.minHealthyRatio ?? 0;
  let shareUpTo = 0;
  return healthy.map((ratio, i) => {
    shareUpTo += shares[i] as number;
    const panic = ratio === 0 || (ratio < minHealthyRatio && !isRelieved);
    return new Level((panic ? all[i] : fit[i]) as Candidates, { shareUpTo, panic }, options);
  });
}

function withoutEjected(level: Candidates, outliers: OutlierEjection | undefined): Candidates {
  const isFit = (state: EndpointState) => state.suspicions === 0 || !outliers?.isEjected(state);
  if (outliers === undefined || level.states.every(isFit)) return level;
  return {
    states: level.states.filter(isFit),
    weights: level.weights.filter((_, i) => isFit(level.states[i] as EndpointState)),
  };
}

import { type Random, selectPort } from '@inmesh/core';
import { type Balancer, type Candidates, createBalancer } from './balancers/balancer.ts';
import type { EndpointState } from './endpoint-state.ts';
import { mixHash } from './hash.ts';
import { levelCapacity, levelShares } from './level-shares.ts';
import { intoLevels, type Vantage } from './locality-levels.ts';
import type { OutlierEjection } from './outlier-ejection.ts';
import type { ClientPolicy } from './policy-defaults.ts';
import type { Subset } from './subset.ts';
import { warmth } from './warmup.ts';

/** Offers of a balancer that may be turned down before the level is searched. As many as Envoy's. */
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

/** One level with its share of the traffic and its balancer. */
interface Level {
  readonly states: readonly EndpointState[];
  readonly balancer: Balancer;
  /** Of the traffic, together with the levels before it. */
  readonly shareUpTo: number;
  /** So few are healthy that ejection is ignored: half of the load on a few would take them down too. */
  readonly panic: boolean;
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
    const level = this.#level(hash);
    if (level === undefined) return undefined;
    for (let again = 0; again < maxOffers; again += 1) {
      const state = level.balancer.pick(now, hash, again);
      if (this.#accepts(state, level, now, tried)) return state;
    }
    return this.#search(level, hash, tried);
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
    if (!this.#admits(state, level) || tried?.includes(state)) return false;
    const { warmup } = this.#options.policy;
    if (warmup === undefined) return true;
    const share = warmth(warmup, now - state.joinedAt);
    return share >= 1 || this.#options.random() < share;
  }

  #admits(state: EndpointState, level: Level): boolean {
    if (state.suspicions === 0 || level.panic) return true;
    return this.#options.outliers?.admits(state) ?? true;
  }

  /**
   * Every offer was turned down: most were tried or ejected meanwhile. Takes whoever is fit and
   * untried, here or on another level; else whoever is untried; else anybody fit; else anybody: an
   * attempt at a suspect is better than a certain failure.
   */
  #search(
    preferred: Level,
    hash: number | undefined,
    tried: readonly EndpointState[] | undefined,
  ): EndpointState {
    const start = hash ?? this.#options.random() * 2 ** 32;
    let best = preferred.states[0] as EndpointState;
    let bestRank = -1;
    for (const level of [preferred, ...this.#levels.filter((other) => other !== preferred)]) {
      const { states } = level;
      for (let i = 0; i < states.length; i += 1) {
        const state = states[Math.floor(start + i) % states.length] as EndpointState;
        const rank = (tried?.includes(state) ? 0 : 2) + (this.#admits(state, level) ? 1 : 0);
        if (rank === 3) return state;
        if (rank <= bestRank) continue;
        best = state;
        bestRank = rank;
      }
    }
    return best;
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
  const all = intoLevels(states, policy.locality, vantage);
  const fit = all.map((level) => withoutEjected(level, options.outliers));
  const healthy = fit.map((level, i) => level.states.length / (all[i] as Candidates).states.length);
  const shares = levelShares(healthy);
  // With several levels one that is failing is relieved by the others, as long as they can bear it.
  const isRelieved = healthy.length > 1 && levelCapacity(healthy) >= 1;
  const minHealthyRatio = policy.outlier?.minHealthyRatio ?? 0;
  let shareUpTo = 0;
  const levels: Level[] = [];
  for (const [i, share] of shares.entries()) {
    if (share === 0) continue;
    const ratio = healthy[i] as number;
    const panic = ratio === 0 || (ratio < minHealthyRatio && !isRelieved);
    const candidates = (panic ? all[i] : fit[i]) as Candidates;
    shareUpTo += share;
    levels.push({
      states: candidates.states,
      balancer: createBalancer(policy.balancer, candidates, options.random),
      shareUpTo,
      panic,
    });
  }
  return levels;
}

function withoutEjected(level: Candidates, outliers: OutlierEjection | undefined): Candidates {
  const isFit = (state: EndpointState) => state.suspicions === 0 || !outliers?.isEjected(state);
  if (outliers === undefined || level.states.every(isFit)) return level;
  return {
    states: level.states.filter(isFit),
    weights: level.weights.filter((_, i) => isFit(level.states[i] as EndpointState)),
  };
}

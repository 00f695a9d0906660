import type {
  Fault,
  ForwardDecision,
  HeaderOperations,
  Mirror,
  Random,
  RetryPolicy,
  RouteRequest,
} from '@inmesh/core';
import { effectivePort } from './condition.ts';
import { composeHeaders } from './header-operations.ts';
import type { CompiledMatch } from './match.ts';
import type { PathRewrite } from './path-rewrite.ts';
import type { Rendezvous } from './rendezvous.ts';
import type { ExplainedDestination, RouteAction } from './route-action.ts';
import type { ServiceDestinations } from './service-destinations.ts';
import { type StickySource, stickyCarrier, stickyKey } from './sticky-key.ts';
import type { WeightedPick } from './weighted-pick.ts';

/** One of the destinations of a route, before the request's port is known. */
export interface ForwardTarget {
  readonly service: ServiceDestinations;
  readonly subset: string;
  readonly port: number | undefined;
  readonly requestHeaders: HeaderOperations | undefined;
  readonly responseHeaders: HeaderOperations | undefined;
  readonly authority: string | undefined;
}

export interface MirrorTarget {
  readonly service: ServiceDestinations;
  readonly subset: string;
  readonly port: number | undefined;
  readonly ratio: number;
}

export interface Sticky {
  readonly source: StickySource;
  readonly rendezvous: Rendezvous;
}

export interface ForwardPlan {
  readonly route: string;
  /** At least one. */
  readonly targets: readonly ForwardTarget[];
  readonly weights: WeightedPick;
  readonly sticky: Sticky | undefined;
  /** By the match's place; `undefined` where the path stays. */
  readonly rewrites: readonly (PathRewrite | undefined)[];
  readonly timeoutMs: number | undefined;
  readonly retries: Partial<RetryPolicy> | undefined;
  readonly fault: Fault | undefined;
  readonly mirrors: readonly MirrorTarget[];
  readonly mirrorsAllMethods: boolean;
}

/** Sending a request twice does no harm: mirrors copy only these unless the resource says `all`. */
function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/**
 * Forwards to one of the weighted destinations. A decision depends on the destination, the match
 * (its rewrite), the port and whether mirrors may copy; each combination is made once, when it
 * first occurs, and handed out again.
 */
export class ForwardAction implements RouteAction {
  readonly #plan: ForwardPlan;
  /** By port (0 without one, -1 for https without one), then by combination. */
  readonly #decisions = new Map<number, (ForwardDecision | undefined)[]>();

  constructor(plan: ForwardPlan) {
    this.#plan = plan;
  }

  decide(request: RouteRequest, match: CompiledMatch, random: Random): ForwardDecision {
    const { sticky, weights } = this.#plan;
    if (sticky === undefined) return this.#decision(request, match, weights.pick(random));
    const key = stickyKey(sticky.source, request);
    if (key === undefined) return this.#decision(request, match, weights.pick(random));
    const decision = this.#decision(request, match, sticky.rendezvous.pick(key));
    const carrier = stickyCarrier(sticky.source, request);
    if (carrier === undefined) return decision;
    const operations =
      sticky.source.carrier === undefined
        ? { remove: [], set: [], add: carrier }
        : { remove: [], set: carrier, add: [] };
    return { ...decision, requestHeaders: composeHeaders(decision.requestHeaders, operations) };
  }

  destinations(request: RouteRequest): readonly ExplainedDestination[] {
    const { targets, weights } = this.#plan;
    const chosen = this.#stickyIndex(request);
    return targets.map(({ service, subset }, i) => ({
      service: service.host.key,
      subset,
      labels: service.labels(subset),
      ratio: weights.ratios[i] as number,
      defined: service.defines(subset),
      rules: service.policyResources,
      chosen: targets.length === 1 || chosen === i,
    }));
  }

  notes(request: RouteRequest): readonly string[] {
    const { sticky, fault, mirrors, mirrorsAllMethods } = this.#plan;
    const notes: string[] = [];
    if (sticky !== undefined) {
      const known = this.#stickyIndex(request) !== undefined;
      const { kind, name } = sticky.source;
      notes.push(
        `sticky by ${kind} ${name}: ${known ? 'the key decides' : 'no key, drawn by weight'}`,
      );
    }
    if (fault?.scope === 'call') {
      notes.push(
        'the fault switches time-out and retries off (inmesh.dev/fault-scope: attempt keeps them)',
      );
    }
    if (mirrors.length > 0 && !mirrorsAllMethods && !isSafe(request.method)) {
      notes.push(
        `not mirrored: ${request.method} is not safe (inmesh.dev/mirror-methods: all copies it)`,
      );
    }
    return notes;
  }

  #stickyIndex(request: RouteRequest): number | undefined {
    const { sticky } = this.#plan;
    const key = sticky && stickyKey(sticky.source, request);
    return key === undefined ? undefined : sticky?.rendezvous.pick(key);
  }

  #decision(request: RouteRequest, match: CompiledMatch, target: number): ForwardDecision {
    const { targets, mirrors, mirrorsAllMethods } = this.#plan;
    const portKey = request.port ?? (request.scheme === 'https' ? -1 : 0);
    let decisions = this.#decisions.get(portKey);
    if (decisions === undefined) {
      decisions = [];
      this.#decisions.set(portKey, decisions);
    }
    const mirrored = mirrors.length > 0 && (mirrorsAllMethods || isSafe(request.method));
    const slot = (match.index * targets.length + target) * 2 + (mirrored ? 1 : 0);
    let decision = decisions[slot];
    if (decision === undefined) {
      decision = this.#build(request, match, targets[target] as ForwardTarget, mirrored);
      decisions[slot] = decision;
    }
    return decision;
  }

  #build(
    request: RouteRequest,
    match: CompiledMatch,
    target: ForwardTarget,
    mirrored: boolean,
  ): ForwardDecision {
    const { route, timeoutMs, retries, fault, rewrites, mirrors } = this.#plan;
    const destinationOf = (to: ForwardTarget | MirrorTarget): ForwardDecision['destination'] =>
      to.service.get(to.subset, to.port ?? request.port, to.port ?? effectivePort(request));
    const mirrorOf = (mirror: MirrorTarget): Mirror => ({
      destination: destinationOf(mirror),
      ratio: mirror.ratio,
    });
    return Object.freeze({
      kind: 'forward',
      route,
      destination: destinationOf(target),
      timeoutMs,
      retries,
      rewritePath: rewrites[match.index],
      rewriteAuthority: target.authority,
      requestHeaders: target.requestHeaders,
      responseHeaders: target.responseHeaders,
      fault,
      mirrors: mirrored ? mirrors.map(mirrorOf) : [],
    });
  }
}

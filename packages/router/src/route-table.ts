import { resourceId, type VirtualService } from '@inmesh/config';
import type { Random, RouteDecision, RouteRequest, ServiceName, ServicePolicy } from '@inmesh/core';
import type { CompiledRouter, InboundTable, RouterProblem } from './compiled-router.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { requestHost } from './host-name.ts';
import { createInboundTable } from './inbound-table.ts';
import { type CompiledMatch, matches } from './match.ts';
import type { RouteAction } from './route-action.ts';
import type { CompiledServiceEntry } from './service-entries.ts';
import type { StickySource } from './sticky-key.ts';
import type { Tables } from './tables.ts';
import { UnlistedHost } from './unlisted-hosts.ts';
import type { CompiledVirtualService } from './virtual-service.ts';

export class RouteTable implements CompiledRouter {
  readonly revision: string;
  readonly compiledHosts: number;
  readonly tables: Tables;
  #inbound: InboundTable | undefined;
  #problems: readonly RouterProblem[] | undefined;

  constructor(tables: Tables, revision: string, compiledHosts: number) {
    this.tables = tables;
    this.revision = revision;
    this.compiledHosts = compiledHosts;
  }

  route(request: RouteRequest, random: Random): RouteDecision {
    const exact = this.tables.virtualServices.hosts.exact.get(request.service);
    if (exact !== undefined) return decide(exact, request, random);
    const host = this.#unlisted(request);
    return host.virtualService === undefined
      ? host.forward(request)
      : decide(host.virtualService, request, random);
  }

  explain(request: RouteRequest): Explanation {
    const exact = this.tables.virtualServices.hosts.exact.get(request.service);
    return explain(this.tables, request, exact ?? this.#unlisted(request));
  }

  servicePolicy(request: RouteRequest): ServicePolicy | undefined {
    return this.tables.resilience.isEmpty
      ? undefined
      : this.#unlisted(request).destinations.servicePolicy;
  }

  get serviceEntries(): readonly CompiledServiceEntry[] {
    return this.tables.entries.all;
  }

  serviceEntry(service: ServiceName): CompiledServiceEntry | undefined {
    const { entries, scope } = this.tables;
    return entries.get(requestHost(service, service, scope.hosts));
  }

  get inbound(): InboundTable {
    this.#inbound ??= createInboundTable(this.tables);
    return this.#inbound;
  }

  get problems(): readonly RouterProblem[] {
    this.#problems ??= findProblems(this.tables);
    return this.#problems;
  }

  get stickySources(): readonly StickySource[] {
    return this.tables.stickySources;
  }

  /** Looked up once and kept: it walks the wildcards and merges policies. */
  #unlisted(request: RouteRequest): UnlistedHost {
    const { virtualServices, scope, services, destinationsOf, unlisted } = this.tables;
    const known = unlisted.get(request.service);
    if (known !== undefined) return known;
    const name = requestHost(request.service, request.authority, scope.hosts);
    const found = new UnlistedHost(
      virtualServices.hosts.byWildcard(name.full)?.value,
      services.get(name.key) ?? destinationsOf(name),
    );
    unlisted.set(request.service, found);
    return found;
  }
}

function decide(
  virtualService: CompiledVirtualService,
  request: RouteRequest,
  random: Random,
): RouteDecision {
  const all = virtualService.matches;
  for (let i = 0; i < all.length; i += 1) {
    const match = all[i] as CompiledMatch;
    if (matches(match, request)) {
      return (virtualService.actions[i] as RouteAction).decide(request, match, random);
    }
  }
  return virtualService.noRoute;
}

/** Subsets nobody defines and the like, and resources that an older one for the same host silences. */
function findProblems({ compiled, virtualServices }: Tables): readonly RouterProblem[] {
  const problems: RouterProblem[] = [];
  for (const { id, problems: own } of compiled.values()) {
    for (const message of own) problems.push({ resource: id, message });
  }
  for (const { pattern, claimants } of virtualServices.contested()) {
    const [winner, ...losers] = claimants;
    for (const loser of losers) {
      problems.push({
        resource: resourceId(loser),
        message: `not used for ${pattern}: ${resourceId(winner as VirtualService)} goes first (older, or first by name), and two are not merged`,
      });
    }
  }
  return problems;
}

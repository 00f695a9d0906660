import { compareByAge, type DestinationRule, type ResiliencePolicy } from '@inmesh/config';
import type { Workload } from '@inmesh/core';
import { isExportedTo } from './exported-to.ts';
import { HostIndex, type HostIndexRules, hostPattern } from './host-index.ts';
import type { HostName, HostScope } from './host-name.ts';
import { compiling } from './invalid-resource.ts';

/** A resource that says something of one host to the workloads that see it. */
export type HostResource = DestinationRule | ResiliencePolicy;

export interface HostRulesScope {
  readonly workload: Workload;
  readonly rootNamespace: string;
  readonly scope: Omit<HostScope, 'namespace'>;
}

export interface HostRulesOptions<R extends HostResource, Merged> extends HostRulesScope {
  /** Throws for what cannot be honoured, so that it is refused with its resource and not at a call. */
  check(resource: R): void;
  /** What the resources of one namespace say together about one host; oldest first, at least one. */
  merge(resources: readonly R[]): Merged;
}

/** All resources of one kind that this workload sees, by namespace and host. Immutable. */
export class HostRules<R extends HostResource, Merged> {
  readonly #options: HostRulesOptions<R, Merged>;
  readonly #byNamespace: ReadonlyMap<string, HostIndex<R, Merged>>;

  constructor(
    options: HostRulesOptions<R, Merged>,
    byNamespace: ReadonlyMap<string, HostIndex<R, Merged>> = new Map(),
  ) {
    this.#options = options;
    this.#byNamespace = byNamespace;
  }

  /** Whether it says nothing of any host. */
  get isEmpty(): boolean {
    return this.#byNamespace.size === 0;
  }

  /** The caller's namespace speaks first, then the service's, then the root: Istio's order. */
  get(host: HostName, serviceNamespace: string): Merged | undefined {
    const { workload, rootNamespace } = this.#options;
    return (
      this.#byNamespace.get(workload.namespace)?.hosts.get(host) ??
      this.#byNamespace.get(serviceNamespace)?.hosts.get(host) ??
      this.#byNamespace.get(rootNamespace)?.hosts.get(host)
    );
  }

  changed(removed: readonly R[], added: readonly R[]): HostRules<R, Merged> {
    if (removed.length + added.length === 0) return this;
    for (const resource of added) compiling(resource, () => this.#options.check(resource));
    const byNamespace = new Map(this.#byNamespace);
    const namespaces = new Set([...removed, ...added].map(({ metadata }) => metadata.namespace));
    for (const namespace of namespaces) {
      const ofNamespace = (resource: R): boolean =>
        resource.metadata.namespace === namespace && this.#isSeen(resource);
      const index = byNamespace.get(namespace) ?? new HostIndex<R, Merged>();
      byNamespace.set(
        namespace,
        index.changed(
          removed.filter(ofNamespace),
          added.filter(ofNamespace),
          this.#rules(namespace),
        ),
      );
    }
    return new HostRules(this.#options, byNamespace);
  }

  #rules(namespace: string): HostIndexRules<R, Merged> {
    const scope = { ...this.#options.scope, namespace };
    return {
      patternsOf: ({ spec }) => [hostPattern(spec.host, scope)],
      compare: compareByAge,
      build: (claimants) => this.#options.merge(forWorkload(claimants)),
    };
  }

  #isSeen({ metadata, spec }: R): boolean {
    const { workload } = this.#options;
    if (!isExportedTo(spec.exportTo, metadata.namespace, workload.namespace)) return false;
    if (spec.workloadSelector === undefined) return true;
    if (metadata.namespace !== workload.namespace) return false;
    const wanted = Object.entries(spec.workloadSelector.matchLabels ?? {});
    return wanted.every(([label, value]) => workload.labels[label] === value);
  }
}

/** Those that select this workload go before those for everyone, and are not mixed with them. */
function forWorkload<R extends HostResource>(claimants: readonly R[]): readonly R[] {
  const selecting = claimants.find(({ spec }) => spec.workloadSelector !== undefined);
  const selector = selectorText(selecting);
  return claimants.filter((resource) => selectorText(resource) === selector);
}

function selectorText(resource: HostResource | undefined): string | undefined {
  const selector = resource?.spec.workloadSelector;
  if (selector === undefined) return undefined;
  return JSON.stringify(Object.entries(selector.matchLabels ?? {}).sort());
}

import {
  compareByAge,
  type DestinationRule,
  type Subset,
  type TrafficPolicy,
} from '@inmesh/config';
import type { Workload } from '@inmesh/core';
import { isExportedTo } from './exported-to.ts';
import { HostIndex, type HostIndexRules, hostPattern } from './host-index.ts';
import type { HostName, HostScope } from './host-name.ts';
import { compiling } from './invalid-resource.ts';
import { destinationPolicy } from './traffic-policy.ts';

/** What the DestinationRules of one namespace say together about one host. */
export interface HostRule {
  /** Oldest first; the first gives the policy. */
  readonly rules: readonly DestinationRule[];
  readonly trafficPolicy: TrafficPolicy | undefined;
  readonly subsets: ReadonlyMap<string, Subset>;
}

export interface DestinationRulesOptions {
  readonly workload: Workload;
  readonly rootNamespace: string;
  readonly scope: Omit<HostScope, 'namespace'>;
}

/** All DestinationRules that this workload sees, by namespace and host. Immutable. */
export class DestinationRules {
  readonly #options: DestinationRulesOptions;
  readonly #byNamespace: ReadonlyMap<string, HostIndex<DestinationRule, HostRule>>;

  constructor(
    options: DestinationRulesOptions,
    byNamespace: ReadonlyMap<string, HostIndex<DestinationRule, HostRule>> = new Map(),
  ) {
    this.#options = options;
    this.#byNamespace = byNamespace;
  }

  /** The caller's namespace speaks first, then the service's, then the root: Istio's order. */
  get(host: HostName, serviceNamespace: string): HostRule | undefined {
    const { workload, rootNamespace } = this.#options;
    return (
      this.#byNamespace.get(workload.namespace)?.hosts.get(host) ??
      this.#byNamespace.get(serviceNamespace)?.hosts.get(host) ??
      this.#byNamespace.get(rootNamespace)?.hosts.get(host)
    );
  }

  changed(
    removed: readonly DestinationRule[],
    added: readonly DestinationRule[],
  ): DestinationRules {
    for (const rule of added) compiling(rule, () => checkPolicies(rule));
    const byNamespace = new Map(this.#byNamespace);
    const namespaces = new Set([...removed, ...added].map((rule) => rule.metadata.namespace));
    for (const namespace of namespaces) {
      const ofNamespace = (rule: DestinationRule): boolean =>
        rule.metadata.namespace === namespace && this.#isSeen(rule);
      const index = byNamespace.get(namespace) ?? new HostIndex<DestinationRule, HostRule>();
      byNamespace.set(
        namespace,
        index.changed(
          removed.filter(ofNamespace),
          added.filter(ofNamespace),
          this.#rules(namespace),
        ),
      );
    }
    return new DestinationRules(this.#options, byNamespace);
  }

  #rules(namespace: string): HostIndexRules<DestinationRule, HostRule> {
    const scope = { ...this.#options.scope, namespace };
    return {
      patternsOf: (rule) => [hostPattern(rule.spec.host, scope)],
      compare: compareByAge,
      build: mergeRules,
    };
  }

  #isSeen({ metadata, spec }: DestinationRule): boolean {
    const { workload } = this.#options;
    if (!isExportedTo(spec.exportTo, metadata.namespace, workload.namespace)) return false;
    if (spec.workloadSelector === undefined) return true;
    if (metadata.namespace !== workload.namespace) return false;
    const wanted = Object.entries(spec.workloadSelector.matchLabels ?? {});
    return wanted.every(([label, value]) => workload.labels[label] === value);
  }
}

/**
 * Rules that select this workload go before those for everyone, and are not mixed with them. Of
 * several, subsets are put together (the first of a name wins) and the first policy holds.
 */
function mergeRules(claimants: readonly DestinationRule[]): HostRule {
  const selecting = claimants.find((rule) => rule.spec.workloadSelector !== undefined);
  const selector = selectorText(selecting);
  const rules = claimants.filter((rule) => selectorText(rule) === selector);
  const subsets = new Map<string, Subset>();
  for (const rule of rules) {
    for (const subset of rule.spec.subsets ?? []) {
      if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
    }
  }
  const trafficPolicy = rules.find((rule) => rule.spec.trafficPolicy)?.spec.trafficPolicy;
  return { rules, trafficPolicy, subsets };
}

/** Translates every policy once, so that a bad one is refused with its resource and not at a call. */
function checkPolicies({ spec }: DestinationRule): void {
  const subsets = spec.subsets ?? [];
  for (const policy of [spec.trafficPolicy, ...subsets.map((subset) => subset.trafficPolicy)]) {
    destinationPolicy(policy ?? {});
    for (const port of policy?.portLevelSettings ?? []) destinationPolicy(port);
  }
}

function selectorText(rule: DestinationRule | undefined): string | undefined {
  const labels = rule?.spec.workloadSelector?.matchLabels;
  if (rule?.spec.workloadSelector === undefined) return undefined;
  return JSON.stringify(Object.entries(labels ?? {}).sort());
}

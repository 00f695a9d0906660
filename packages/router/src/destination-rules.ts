import type { DestinationRule, Subset, TrafficPolicy } from '@inmesh/config';
import { HostRules, type HostRulesScope } from './host-rules.ts';
import { destinationPolicy } from './traffic-policy.ts';

/** What the DestinationRules of one namespace say together about one host. */
export interface HostRule {
  /** Oldest first; the first gives the policy. */
  readonly rules: readonly DestinationRule[];
  readonly trafficPolicy: TrafficPolicy | undefined;
  readonly subsets: ReadonlyMap<string, Subset>;
}

export type DestinationRules = HostRules<DestinationRule, HostRule>;

export function noDestinationRules(scope: HostRulesScope): DestinationRules {
  return new HostRules({ ...scope, check: checkPolicies, merge: mergeRules });
}

/** Of several, subsets are put together (the first of a name wins) and the first policy holds. */
function mergeRules(rules: readonly DestinationRule[]): HostRule {
  const subsets = new Map<string, Subset>();
  for (const rule of rules) {
    for (const subset of rule.spec.subsets ?? []) {
      if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
    }
  }
  const trafficPolicy = rules.find((rule) => rule.spec.trafficPolicy)?.spec.trafficPolicy;
  return { rules, trafficPolicy, subsets };
}

/** Translates every policy once. */
function checkPolicies({ spec }: DestinationRule): void {
  const subsets = spec.subsets ?? [];
  for (const policy of [spec.trafficPolicy, ...subsets.map((subset) => subset.trafficPolicy)]) {
    destinationPolicy(policy ?? {});
    for (const port of policy?.portLevelSettings ?? []) destinationPolicy(port);
  }
}

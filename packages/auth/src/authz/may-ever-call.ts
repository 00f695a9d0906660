import type { Identity } from '@inmesh/core';
import type { CompiledRule } from './compile-rule.ts';
import type { Condition } from './condition.ts';
import type { PolicySet } from './policy-set.ts';
import { describedRequest } from './request-attributes.ts';

/** What is known of a caller before it has sent anything. */
const knownKeys: ReadonlySet<string> = new Set([
  'source.principal',
  'source.namespace',
  'source.serviceAccount',
  'source.trustDomain',
]);

/** Whether some condition holds, does not hold, or depends on the request. */
type Prospect = 'always' | 'never' | 'maybe';

/**
 * Whether the policies leave `peer` any request at all that DENY and ALLOW let through, whatever its
 * method, path, headers, user or address. In doubt it is yes: a provider's say is not asked.
 */
export function mayEverCall(set: PolicySet, peer: Identity): boolean {
  const caller = describedRequest({ peer });
  const prospectOf = (condition: Condition): Prospect => {
    if (!knownKeys.has(condition.key)) return 'maybe';
    return condition.holds(caller) ? 'always' : 'never';
  };
  const ruleProspect = ({ sources, operations, when, unusable }: CompiledRule): Prospect => {
    if (unusable !== undefined) return 'never';
    const any = (entries: readonly (readonly Condition[])[]): Prospect =>
      entries.length === 0 ? 'always' : best(entries.map((entry) => worst(entry.map(prospectOf))));
    return worst([any(sources), any(operations), ...when.map(prospectOf)]);
  };
  const enforced = set.policies.filter(({ dryRun }) => !dryRun);
  const prospectsOf = (action: 'DENY' | 'ALLOW'): Prospect[] =>
    enforced
      .filter((policy) => policy.action === action)
      .flatMap(({ rules }) => rules.map(ruleProspect));
  if (prospectsOf('DENY').includes('always')) return false;
  const restricted = enforced.some(({ action }) => action === 'ALLOW');
  return !restricted || prospectsOf('ALLOW').some((prospect) => prospect !== 'never');
}

/** Of conditions that must all hold. */
function worst(prospects: readonly Prospect[]): Prospect {
  if (prospects.includes('never')) return 'never';
  return prospects.includes('maybe') ? 'maybe' : 'always';
}

/** Of conditions of which one is enough. */
function best(prospects: readonly Prospect[]): Prospect {
  if (prospects.includes('always')) return 'always';
  return prospects.includes('maybe') ? 'maybe' : 'never';
}

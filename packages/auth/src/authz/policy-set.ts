import { type AuthorizationPolicy, annotations, resourceId, selectsWorkload } from '@inmesh/config';
import { type CompiledRule, compileRule } from './compile-rule.ts';
import type { KnownMeanings } from './condition.ts';
import type { PolicyScope } from './policy-scope.ts';
import type { RequestAttributes } from './request-attributes.ts';
import { createRuleIndex, type RuleIndex } from './rule-index.ts';

export type PolicyAction = 'CUSTOM' | 'DENY' | 'ALLOW' | 'AUDIT';

/** A policy that applies to the workload, compiled. */
export interface CompiledPolicy {
  /** `AuthorizationPolicy/default/ratings`. */
  readonly id: string;
  readonly action: PolicyAction;
  /** Of CUSTOM. */
  readonly provider: string | undefined;
  /** Only recorded, never enforced. */
  readonly dryRun: boolean;
  readonly rules: readonly CompiledRule[];
}

/** What DENY and ALLOW policies say about a request. */
export interface PolicyVerdict {
  readonly allowed: boolean;
  /** `no-policy`: nobody restricts the workload. `no-rule`: there are ALLOW policies and none matches. */
  readonly by: 'deny' | 'allow' | 'no-policy' | 'no-rule';
  /** The rule that decided, if one did. */
  readonly rule: CompiledRule | undefined;
}

/** All policies of one workload at one time. Immutable. */
export interface PolicySet {
  readonly policies: readonly CompiledPolicy[];
  decide(request: RequestAttributes): PolicyVerdict;
  /** What policies in dry run would decide; `undefined` when there are none. */
  rehearse(request: RequestAttributes): PolicyVerdict | undefined;
  /** Matching rules of CUSTOM policies. */
  custom(request: RequestAttributes): readonly CompiledRule[];
  /** Matching rules of AUDIT policies. */
  audited(request: RequestAttributes): readonly CompiledRule[];
}

/** Compiles the policies that apply to the workload; the others are left out. */
export function compilePolicies(
  policies: Iterable<AuthorizationPolicy>,
  scope: PolicyScope,
): PolicySet {
  const compiled: CompiledPolicy[] = [];
  const known: KnownMeanings = new Map();
  for (const policy of policies) {
    if (!selectsWorkload(policy, scope.workload, scope.rootNamespace ?? 'istio-system')) continue;
    compiled.push(compilePolicy(policy, scope, known));
  }
  const enforced = compiled.filter(({ dryRun }) => !dryRun);
  const rehearsed = compiled.filter(({ dryRun }) => dryRun);
  const custom = indexOf(enforced, 'CUSTOM');
  const audit = indexOf(enforced, 'AUDIT');
  const decide = decider(enforced);
  const rehearse = decider(rehearsed);
  return {
    policies: compiled,
    decide,
    rehearse: (request) => (rehearsed.length === 0 ? undefined : rehearse(request)),
    custom: (request) => custom.all(request),
    audited: (request) => audit.all(request),
  };
}

function compilePolicy(
  policy: AuthorizationPolicy,
  scope: PolicyScope,
  known: KnownMeanings,
): CompiledPolicy {
  const { metadata, spec } = policy;
  const id = resourceId(policy);
  const action = spec.action ?? 'ALLOW';
  const context = {
    policy: id,
    namespace: metadata.namespace,
    direction: action === 'ALLOW' ? 'narrow' : 'wide',
    scope,
    known,
  } as const;
  return {
    id,
    action,
    provider: spec.provider?.name,
    dryRun: metadata.annotations?.[annotations.dryRun] === 'true',
    rules: (spec.rules ?? []).map((rule, index) => compileRule(rule, index, context)),
  };
}

function indexOf(policies: readonly CompiledPolicy[], action: PolicyAction): RuleIndex {
  return createRuleIndex(
    policies.filter((policy) => policy.action === action).flatMap(({ rules }) => rules),
  );
}

/** DENY first; then, where any ALLOW policy applies, one of its rules must match. */
function decider(policies: readonly CompiledPolicy[]): PolicySet['decide'] {
  const deny = indexOf(policies, 'DENY');
  const allow = indexOf(policies, 'ALLOW');
  // A policy without rules counts: it allows nothing.
  const restricted = policies.some(({ action }) => action === 'ALLOW');
  const unrestricted: PolicyVerdict = { allowed: true, by: 'no-policy', rule: undefined };
  const unmatched: PolicyVerdict = { allowed: false, by: 'no-rule', rule: undefined };
  return (request) => {
    const denied = deny.first(request);
    if (denied !== undefined) return { allowed: false, by: 'deny', rule: denied };
    if (!restricted) return unrestricted;
    const rule = allow.first(request);
    return rule === undefined ? unmatched : { allowed: true, by: 'allow', rule };
  };
}

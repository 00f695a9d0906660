import type { AuthorizationPolicy } from '@inmesh/config';
import { resourceId } from '@inmesh/config';
import { type CompiledRule, ruleMatches } from './compile-rule.ts';
import type { Condition } from './condition.ts';
import type { PolicyScope } from './policy-scope.ts';
import { type CompiledPolicy, compilePolicies, type PolicyVerdict } from './policy-set.ts';
import {
  describedRequest,
  type RequestAttributes,
  type RequestDescription,
} from './request-attributes.ts';

/** Why a request is allowed or refused. */
export interface AuthorizationExplanation {
  /** `undefined` while a provider has to be asked, and nothing else refuses. */
  readonly allowed: boolean | undefined;
  readonly by: PolicyVerdict['by'];
  /** Resource id and rule (from 0) that decided, if one did. */
  readonly policy: string | undefined;
  readonly rule: number | undefined;
  /** Providers that CUSTOM policies ask about this request. */
  readonly providers: readonly string[];
  readonly policies: readonly ExplainedPolicy[];
  /** The same for people, one line a rule. */
  readonly text: string;
}

export interface ExplainedPolicy {
  readonly id: string;
  /** `undefined` for a policy of other workloads. */
  readonly action: CompiledPolicy['action'] | undefined;
  readonly dryRun: boolean;
  readonly rules: readonly ExplainedRule[];
}

export interface ExplainedRule {
  readonly index: number;
  readonly matches: boolean;
  /** What kept it from matching: of each source and operation the first condition that failed. */
  readonly failed: readonly string[];
}

/** Which policy and rule decide about a request, and why the others do not. Pure. */
export function explainAuthorization(
  policies: readonly AuthorizationPolicy[],
  request: RequestDescription,
  scope: PolicyScope,
): AuthorizationExplanation {
  const set = compilePolicies(policies, scope);
  const attributes = describedRequest(request);
  const { allowed, by, rule } = set.decide(attributes);
  const asked = new Set(set.custom(attributes).map(({ policy }) => policy));
  const providers = set.policies.flatMap(({ id, provider }) =>
    asked.has(id) ? (provider ?? []) : [],
  );
  const applied = new Map(set.policies.map((policy) => [policy.id, policy]));
  const explained = policies.map((policy) =>
    explainPolicy(resourceId(policy), applied.get(resourceId(policy)), attributes),
  );
  const outcome = {
    allowed: allowed && providers.length > 0 ? undefined : allowed,
    by,
    policy: rule?.policy,
    rule: rule?.index,
    providers,
    policies: explained,
  };
  return { ...outcome, text: textOf(outcome) };
}

function explainPolicy(
  id: string,
  policy: CompiledPolicy | undefined,
  request: RequestAttributes,
): ExplainedPolicy {
  if (policy === undefined) return { id, action: undefined, dryRun: false, rules: [] };
  const { action, dryRun, rules } = policy;
  return { id, action, dryRun, rules: rules.map((rule) => explainRule(rule, request)) };
}

function explainRule(rule: CompiledRule, request: RequestAttributes): ExplainedRule {
  if (rule.unusable !== undefined) {
    return { index: rule.index, matches: false, failed: [rule.unusable] };
  }
  const matches = ruleMatches(rule, request);
  const failed = matches
    ? []
    : [
        ...failedEntries(rule.sources, request),
        ...failedEntries(rule.operations, request),
        ...rule.when.filter((condition) => !condition.holds(request)),
      ].map((condition) => describe(condition, request));
  return { index: rule.index, matches, failed };
}

/** Of each entry the first condition that fails; none when some entry holds. */
function failedEntries(
  entries: readonly (readonly Condition[])[],
  request: RequestAttributes,
): Condition[] {
  const firsts = entries.map((conditions) =>
    conditions.find((condition) => !condition.holds(request)),
  );
  return firsts.includes(undefined) ? [] : (firsts as Condition[]);
}

/** Values in a message: a policy may list thousands. */
const shownValues = 3;

function describe(
  { place, key, values, negated, attribute }: Condition,
  request: RequestAttributes,
): string {
  const found = attribute.values(request);
  const is = found === undefined ? 'not known' : found.length === 0 ? 'absent' : quoted(found);
  return `${place}: ${key} is ${is}, must ${negated ? 'be none of' : 'be'} ${quoted(values)}`;
}

function quoted(values: readonly string[]): string {
  const shown = values.slice(0, shownValues).map((value) => JSON.stringify(value));
  if (values.length > shownValues) shown.push(`… (${values.length})`);
  return shown.join(', ');
}

function textOf(outcome: Omit<AuthorizationExplanation, 'text'>): string {
  const { allowed, by, policy, rule, providers, policies } = outcome;
  const reasons = {
    deny: `rule ${rule} of ${policy} denies it`,
    allow: `rule ${rule} of ${policy} allows it`,
    'no-policy': 'no policy restricts this workload',
    'no-rule': 'there are ALLOW policies and none of their rules matches',
  };
  const verdict =
    allowed === undefined ? `asked of ${providers.join(', ')}` : allowed ? 'allowed' : 'refused';
  const lines = [`${verdict}: ${reasons[by]}`];
  for (const { id, action, dryRun, rules } of policies) {
    const what = action === undefined ? 'does not apply to this workload' : action;
    lines.push(
      `${id}: ${what}${dryRun ? ', dry run' : ''}${action !== undefined && rules.length === 0 ? ', without rules' : ''}`,
    );
    for (const { index, matches, failed } of rules) {
      lines.push(`  rule ${index}: ${matches ? 'matches' : failed.join('; ')}`);
    }
  }
  return lines.join('\n');
}

import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationRule,
  AuthorizationSource,
} from '@inmesh/config';
import {
  type Condition,
  type ConditionInput,
  compileCondition,
  type Direction,
  type KnownMeanings,
} from './condition.ts';
import type { PolicyScope } from './policy-scope.ts';
import type { RequestAttributes } from './request-attributes.ts';

/** A rule of a policy: any source, any operation, and all of `when`. */
export interface CompiledRule {
  /** `AuthorizationPolicy/default/ratings`. */
  readonly policy: string;
  /** From 0, within its policy. */
  readonly index: number;
  /** Each entry's conditions must all hold; no entry at all holds always. */
  readonly sources: readonly (readonly Condition[])[];
  readonly operations: readonly (readonly Condition[])[];
  readonly when: readonly Condition[];
  /** Why it can never match: something in it has no meaning here. */
  readonly unusable: string | undefined;
}

const sourceKeys = {
  principals: 'source.principal',
  namespaces: 'source.namespace',
  serviceAccounts: 'source.serviceAccount',
  trustDomains: 'source.trustDomain',
  requestPrincipals: 'request.auth.principal',
  ipBlocks: 'source.ip',
  remoteIpBlocks: 'remote.ip',
} as const;

const operationKeys = {
  hosts: 'request.host',
  ports: 'destination.port',
  methods: 'request.method',
  paths: 'request.path',
} as const;

export interface RuleContext {
  readonly policy: string;
  readonly namespace: string;
  readonly direction: Direction;
  readonly scope: PolicyScope;
  /** Shared by all rules of one set. */
  readonly known: KnownMeanings;
}

/**
 * What has no meaning makes a policy stricter, as in Istio: in an ALLOW the whole rule never
 * matches, elsewhere only the condition is left out, so that more is denied.
 */
export function compileRule(
  rule: AuthorizationRule,
  index: number,
  context: RuleContext,
): CompiledRule {
  let unusable: string | undefined;
  const compileAll = (inputs: readonly ConditionInput[]): Condition[] =>
    inputs.flatMap((input) => {
      const { direction, namespace, scope, known } = context;
      const condition = compileCondition(input, direction, namespace, scope, known);
      if (condition === undefined && direction === 'narrow') {
        unusable = `${input.place} has no meaning here`;
      }
      return condition ?? [];
    });
  const sources = (rule.from ?? []).map(({ source }, i) =>
    compileAll(fieldInputs(source, sourceKeys, `from/${i}/source`)),
  );
  const operations = (rule.to ?? []).map(({ operation }, i) =>
    compileAll(fieldInputs(operation, operationKeys, `to/${i}/operation`)),
  );
  const when = compileAll((rule.when ?? []).flatMap(conditionInputs));
  return { policy: context.policy, index, sources, operations, when, unusable };
}

/** `principals` and `notPrincipals`, and so on. */
function fieldInputs(
  fields: AuthorizationSource | AuthorizationOperation,
  keys: Readonly<Record<string, string>>,
  place: string,
): ConditionInput[] {
  return Object.entries(fields).map(([field, values]) => {
    const negated = !Object.hasOwn(keys, field);
    const positive = negated ? field.charAt(3).toLowerCase() + field.slice(4) : field;
    // A field that nobody knows has a key that nobody knows.
    return { place: `${place}/${field}`, key: keys[positive] ?? field, values, negated };
  });
}

function conditionInputs(condition: AuthorizationCondition, index: number): ConditionInput[] {
  const { key, values, notValues } = condition;
  const inputs: ConditionInput[] = [];
  if (values !== undefined) {
    inputs.push({ place: `when/${index}/values`, key, values, negated: false });
  }
  if (notValues !== undefined) {
    inputs.push({ place: `when/${index}/notValues`, key, values: notValues, negated: true });
  }
  return inputs;
}

export function ruleMatches(rule: CompiledRule, request: RequestAttributes): boolean {
  return (
    rule.unusable === undefined &&
    anyHolds(rule.sources, request) &&
    anyHolds(rule.operations, request) &&
    allHold(rule.when, request)
  );
}

function anyHolds(entries: readonly (readonly Condition[])[], request: RequestAttributes): boolean {
  if (entries.length === 0) return true;
  for (const conditions of entries) if (allHold(conditions, request)) return true;
  return false;
}

function allHold(conditions: readonly Condition[], request: RequestAttributes): boolean {
  for (const condition of conditions) if (!condition.holds(request)) return false;
  return true;
}

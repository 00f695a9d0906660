import { type Attribute, attributeOf } from './attribute.ts';
import type { PolicyScope } from './policy-scope.ts';
import type { RequestAttributes } from './request-attributes.ts';
import type { TextPattern } from './text-pattern.ts';
import { type ValuePatterns, valuePatterns } from './value-patterns.ts';

/**
 * How doubt is decided. `narrow` (ALLOW): a condition holds only when it holds in every reading of
 * the request. `wide` (DENY, AUDIT, CUSTOM): when it holds in some.
 */
export type Direction = 'narrow' | 'wide';

/** One list of values of a policy, compiled. */
export interface Condition {
  /** Where it stands, for explanations: `from/0/source/principals`. */
  readonly place: string;
  /** The attribute's key: `source.principal`. */
  readonly key: string;
  readonly attribute: Attribute;
  /** As they are written. */
  readonly values: readonly string[];
  readonly negated: boolean;
  /** The only texts that it can hold for; `undefined` when they cannot be listed. */
  readonly exact: readonly string[] | undefined;
  holds(request: RequestAttributes): boolean;
}

export interface ConditionInput {
  readonly place: string;
  readonly key: string;
  readonly values: readonly string[];
  readonly negated: boolean;
}

/** What a condition asks, wherever it stands. */
type Meaning = Omit<Condition, 'place'>;

/** Kept by what they say, so that rules which ask the same share it: a decision costs what memory it touches. */
export type KnownMeanings = Map<string, Meaning>;

/** `undefined` when key or values have no meaning here; the config's check refuses such policies. */
export function compileCondition(
  { place, key, values, negated }: ConditionInput,
  direction: Direction,
  policyNamespace: string,
  scope: PolicyScope,
  known: KnownMeanings,
): Condition | undefined {
  const name = JSON.stringify([key, values, negated, direction, policyNamespace]);
  let meaning = known.get(name);
  if (meaning === undefined) {
    const attribute = attributeOf(key);
    const patterns = valuePatterns(key, values, policyNamespace, scope);
    if (attribute === undefined || patterns === undefined) return undefined;
    meaning = meaningOf({ key, values, negated, attribute, patterns, direction });
    known.set(name, meaning);
  }
  return { place, ...meaning };
}

function meaningOf(
  given: Pick<Condition, 'key' | 'values' | 'negated' | 'attribute'> & {
    readonly patterns: ValuePatterns;
    readonly direction: Direction;
  },
): Meaning {
  const { key, values, negated, attribute, patterns, direction } = given;
  const certain = (request: RequestAttributes): boolean => {
    const found = attribute.values(request);
    if (found === undefined || found.length === 0) return false;
    return attribute.needs === 'every'
      ? found.every((value) => matchesAny(patterns.strict, value))
      : found.some((value) => matchesAny(patterns.strict, value));
  };
  const possible = (request: RequestAttributes): boolean =>
    attribute.readings(request)?.some((value) => matchesAny(patterns.loose, value)) ?? false;
  // Who has not proven who it is never gains by "not X" (ISTIO-SECURITY-2021-004): an ALLOW does
  // not hold for it, a DENY does.
  const certainlyNot = (request: RequestAttributes): boolean =>
    attribute.values(request) !== undefined && !possible(request);
  const possiblyNot = (request: RequestAttributes): boolean => !certain(request);

  const narrow = direction === 'narrow';
  const exact = patterns.strict.map((pattern) => pattern.exact);
  return {
    key,
    attribute,
    values,
    negated,
    exact: negated || exact.includes(undefined) ? undefined : (exact as readonly string[]),
    holds: negated ? (narrow ? certainlyNot : possiblyNot) : narrow ? certain : possible,
  };
}

function matchesAny(patterns: readonly TextPattern[], value: string): boolean {
  for (const pattern of patterns) if (pattern.matches(value)) return true;
  return false;
}

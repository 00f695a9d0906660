import type { Attribute } from './attribute.ts';
import { type CompiledRule, ruleMatches } from './compile-rule.ts';
import type { Condition } from './condition.ts';
import { pathPrefixes, patternPrefixes } from './path-prefix.ts';
import type { RequestAttributes } from './request-attributes.ts';

/** Rules, found by what the request is like: a thousand policies cost as much as ten. */
export interface RuleIndex {
  /** The first rule, in the order given, that matches. */
  first(request: RequestAttributes): CompiledRule | undefined;
  /** All that match, in that order. */
  all(request: RequestAttributes): readonly CompiledRule[];
}

interface Ranked {
  readonly rule: CompiledRule;
  readonly rank: number;
}

/** Rules that can only match where `lookups` gives one of their texts. */
interface Bucket {
  readonly lookups: (request: RequestAttributes) => readonly string[];
  readonly rules: Map<string, Ranked[]>;
}

/** A condition without which its rule cannot match, and the texts that it needs. */
interface Need {
  readonly key: string;
  readonly attribute: Attribute;
  readonly texts: readonly string[];
}

/**
 * Each rule is filed under the need that it shares with the fewest others (its paths, its caller, a
 * role in a claim). Rules that need nothing in particular are looked at every time.
 */
export function createRuleIndex(rules: readonly CompiledRule[]): RuleIndex {
  const needs = rules.map(needsOf);
  const sharing = new Map<string, number>();
  for (const need of needs.flat()) {
    for (const text of need.texts) {
      const name = `${need.key} ${text}`;
      sharing.set(name, (sharing.get(name) ?? 0) + 1);
    }
  }
  const crowd = ({ key, texts }: Need): number =>
    texts.reduce((sum, text) => sum + (sharing.get(`${key} ${text}`) ?? 0), 0);

  const always: Ranked[] = [];
  const buckets = new Map<string, Bucket>();
  rules.forEach((rule, rank) => {
    if (rule.unusable !== undefined) return;
    const [least] = [...(needs[rank] as Need[])].sort((a, b) => crowd(a) - crowd(b));
    if (least === undefined) {
      always.push({ rule, rank });
      return;
    }
    let bucket = buckets.get(least.key);
    if (bucket === undefined) {
      bucket = { lookups: lookupsOf(least), rules: new Map() };
      buckets.set(least.key, bucket);
    }
    for (const text of least.texts) {
      const filed = bucket.rules.get(text);
      if (filed === undefined) bucket.rules.set(text, [{ rule, rank }]);
      else filed.push({ rule, rank });
    }
  });

  /** Calls `visit` with every list of rules that may match; each list is in order of rank. */
  const visitCandidates = (
    request: RequestAttributes,
    visit: (candidates: readonly Ranked[]) => void,
  ): void => {
    visit(always);
    for (const { lookups, rules: filed } of buckets.values()) {
      for (const text of lookups(request)) {
        const candidates = filed.get(text);
        if (candidates !== undefined) visit(candidates);
      }
    }
  };

  return {
    first(request) {
      let best: Ranked | undefined;
      visitCandidates(request, (candidates) => {
        for (const candidate of candidates) {
          if (best !== undefined && candidate.rank >= best.rank) return;
          if (!ruleMatches(candidate.rule, request)) continue;
          best = candidate;
          return;
        }
      });
      return best?.rule;
    },
    all(request) {
      const found = new Set<Ranked['rank']>();
      visitCandidates(request, (candidates) => {
        for (const { rule, rank } of candidates) if (ruleMatches(rule, request)) found.add(rank);
      });
      return [...found].sort((a, b) => a - b).map((rank) => rules[rank] as CompiledRule);
    },
  };
}

function lookupsOf({ key, attribute }: Need): Bucket['lookups'] {
  if (key === 'request.path') return ({ path }) => pathPrefixes(path);
  return (request) => attribute.readings(request) ?? [];
}

/** Every need of a rule: of `when` each condition's own, of sources and operations what all entries share. */
function needsOf(rule: CompiledRule): Need[] {
  return [...rule.when.flatMap(needOf), ...shared(rule.sources), ...shared(rule.operations)];
}

function shared(entries: readonly (readonly Condition[])[]): Need[] {
  const [first = [], ...others] = entries;
  return first.flatMap(needOf).flatMap((need) => {
    const rest = others.map((conditions) =>
      conditions.flatMap(needOf).find(({ key }) => key === need.key),
    );
    if (rest.includes(undefined)) return [];
    const texts = new Set([need, ...(rest as Need[])].flatMap((entry) => entry.texts));
    return [{ ...need, texts: [...texts] }];
  });
}

function needOf({ key, attribute, values, negated, exact }: Condition): Need[] {
  if (negated) return [];
  const texts = key === 'request.path' ? patternPrefixes(values) : exact;
  return texts === undefined ? [] : [{ key, attribute, texts: [...new Set(texts)] }];
}

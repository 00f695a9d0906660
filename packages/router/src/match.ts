import type { HttpMatchRequest, StringMatch } from '@inmesh/config';
import type { RouteRequest, Workload } from '@inmesh/core';
import { isClaimKey, parseClaimKey } from './claims.ts';
import {
  ClaimMatches,
  type Condition,
  FieldMatches,
  HeaderDiffers,
  HeaderMatches,
  Not,
  PathIs,
  PathMatches,
  PathStartsWith,
  PortIs,
  QueryMatches,
} from './condition.ts';
import { compileTextMatch, present } from './text-match.ts';

/** One entry of a route's `match`: all its conditions must hold. */
export interface CompiledMatch {
  /** Its place in `match`; 0 for the match of a route that lists none. */
  readonly index: number;
  readonly name: string | undefined;
  readonly conditions: readonly Condition[];
  /** `conditions` once more, the first by itself: most matches have one, and each list costs a look at memory. */
  readonly first: Condition | undefined;
  readonly others: readonly Condition[];
  /** The part of the path that a rewrite replaces; `undefined` is the whole path. */
  readonly prefix: string | undefined;
}

/** A match whose selectors say that it is not for this workload; requests never reach it. */
export interface ExcludedMatch {
  readonly index: number;
  readonly name: string | undefined;
  readonly reason: string;
}

const noOthers: readonly Condition[] = [];

/** A route without `match` takes everything, as the path prefix `/`. */
export const matchAll: CompiledMatch = makeMatch(0, undefined, [], '/');

function makeMatch(
  index: number,
  name: string | undefined,
  conditions: readonly Condition[],
  prefix: string | undefined,
): CompiledMatch {
  const [first] = conditions;
  const others = conditions.length > 1 ? conditions.slice(1) : noOthers;
  return { index, name, conditions, first, others, prefix };
}

export function matches({ first, others }: CompiledMatch, request: RouteRequest): boolean {
  if (first !== undefined && !first.test(request)) return false;
  for (let i = 0; i < others.length; i += 1) {
    if (!(others[i] as Condition).test(request)) return false;
  }
  return true;
}

/**
 * Why the selectors of a match (source labels and namespace, gateways) leave `workload` out;
 * `undefined` when they do not. Without a workload (the inbound side, where the caller is not
 * known when the table is made) every selector of sources leaves it out.
 */
export function exclusion(
  match: HttpMatchRequest,
  workload: Workload | undefined,
): string | undefined {
  const { sourceNamespace, sourceLabels, gateways } = match;
  if (gateways !== undefined && gateways.length > 0 && !gateways.includes('mesh')) {
    return `gateways are ${gateways.join(', ')}, not mesh`;
  }
  if (sourceNamespace !== undefined && sourceNamespace !== workload?.namespace) {
    return `sourceNamespace is ${sourceNamespace}, this workload's ${workload?.namespace ?? 'not known'}`;
  }
  for (const [label, value] of Object.entries(sourceLabels ?? {})) {
    const own = workload?.labels[label];
    if (own !== value) {
      return `sourceLabels want ${label}=${value}, this workload has ${own ?? 'none'}`;
    }
  }
  return undefined;
}

/** Compiles the conditions, the cheap ones first. Throws `invalid_resource`. */
export function compileMatch(match: HttpMatchRequest, index: number, path: string): CompiledMatch {
  const conditions: Condition[] = [];
  if (match.port !== undefined) conditions.push(new PortIs(match.port));
  for (const field of ['method', 'scheme', 'authority'] as const) {
    const wanted = match[field];
    if (wanted === undefined) continue;
    conditions.push(new FieldMatches(field, compileTextMatch(wanted, `${path}/${field}`)));
  }
  if (match.uri !== undefined) {
    conditions.push(pathCondition(match.uri, match.ignoreUriCase === true, `${path}/uri`));
  }
  for (const [name, wanted] of Object.entries(match.headers ?? {})) {
    if (isPseudo(name)) continue;
    conditions.push(headerCondition(name, wanted, `${path}/headers/${name}`));
  }
  for (const [name, unwanted] of Object.entries(match.withoutHeaders ?? {})) {
    if (isPseudo(name)) continue;
    conditions.push(withoutHeader(name, unwanted, `${path}/withoutHeaders/${name}`));
  }
  for (const [name, wanted] of Object.entries(match.queryParams ?? {})) {
    const text = compileTextMatch(wanted, `${path}/queryParams/${name}`);
    conditions.push(new QueryMatches(name, text));
  }
  const uri = match.uri;
  const prefix = uri === undefined || uri.prefix !== undefined ? (uri?.prefix ?? '/') : undefined;
  return makeMatch(index, match.name, conditions, prefix);
}

function pathCondition(uri: StringMatch, ignoreCase: boolean, path: string): Condition {
  const folded = ignoreCase && uri.regex === undefined;
  // A path has no `?`, and comparing in place must not look into the query.
  if (!folded && uri.exact !== undefined && !uri.exact.includes('?')) {
    compileTextMatch(uri, path);
    return new PathIs(uri.exact);
  }
  if (!folded && uri.prefix !== undefined && !uri.prefix.includes('?')) {
    compileTextMatch(uri, path);
    return new PathStartsWith(uri.prefix);
  }
  return new PathMatches(compileTextMatch(folded ? lowerCased(uri) : uri, path), folded);
}

function lowerCased({ exact, prefix }: StringMatch): StringMatch {
  return {
    ...(exact === undefined ? {} : { exact: exact.toLowerCase() }),
    ...(prefix === undefined ? {} : { prefix: prefix.toLowerCase() }),
  };
}

function headerCondition(name: string, wanted: StringMatch, path: string): Condition {
  const text = compileTextMatch(wanted, path);
  if (isClaimKey(name)) return new ClaimMatches(parseClaimKey(name, path), text);
  return new HeaderMatches(name.toLowerCase(), text);
}

function withoutHeader(name: string, unwanted: StringMatch, path: string): Condition {
  const text = compileTextMatch(unwanted, path);
  if (isClaimKey(name)) return new Not(new ClaimMatches(parseClaimKey(name, path), text));
  const header = name.toLowerCase();
  return text === present
    ? new Not(new HeaderMatches(header, present))
    : new HeaderDiffers(header, text);
}

/** Istio ignores these keys in `headers`: they have fields of their own. */
function isPseudo(name: string): boolean {
  return name === 'uri' || name === 'scheme' || name === 'method' || name === 'authority';
}

import type { HttpMatchRequest, HttpRoute } from '../resources/index.ts';
import type { Analysis } from './analysis.ts';
import { coversMatch } from './match-cover.ts';

/** A match of an earlier route, and where it stands. */
interface Earlier {
  readonly match: HttpMatchRequest;
  readonly route: number;
  readonly entry: number;
}

/**
 * Comparisons in one resource. The index leaves a handful per match of ordinary routes; thousands
 * of matches that share one path and differ in headers would compare each with each.
 */
const maxComparisons = 2_000_000;

/** Routes and matches that an earlier route takes everything of: the first that matches decides. */
export function findUnreachableRoutes({ set, tell }: Analysis): void {
  for (const resource of set.list('VirtualService')) {
    const earlier = createMatchIndex();
    for (const [index, route] of (resource.spec.http ?? []).entries()) {
      const own = matchesOf(route);
      const taken = own.map((match) => earlier.covering(match));
      const at = ['spec', 'http', index];
      const first = taken[0];
      if (first !== undefined && taken.every((cover) => cover !== undefined)) {
        const reason = `is never reached: ${named(resource.spec.http, first)} takes everything that it matches`;
        tell('warning', 'unreachable_route', resource, at, reason);
      } else {
        for (const [entry, cover] of taken.entries()) {
          if (cover === undefined) continue;
          const reason = `never decides: ${named(resource.spec.http, cover)} takes everything that it matches`;
          tell('warning', 'overlapping_match', resource, [...at, 'match', entry], reason);
        }
      }
      for (const [entry, match] of own.entries()) earlier.add({ match, route: index, entry });
    }
  }
}

function matchesOf({ match }: HttpRoute): readonly HttpMatchRequest[] {
  return match === undefined || match.length === 0 ? [{}] : match;
}

function named(routes: readonly HttpRoute[] = [], { route, entry }: Earlier): string {
  const name = routes[route]?.name;
  const place = `http[${route}]${routes[route]?.match === undefined ? '' : `.match[${entry}]`}`;
  return name === undefined ? place : `${place} (${name})`;
}

interface MatchIndex {
  add(match: Earlier): void;
  /** An earlier match that takes everything `match` takes. */
  covering(match: HttpMatchRequest): Earlier | undefined;
}

/** Finds the matches that may cover another by its path: equal paths, and each of its prefixes. */
function createMatchIndex(): MatchIndex {
  const byPath = new Map<string, Earlier[]>();
  const prefixLengths = new Set<number>();
  let comparisons = 0;

  const among = (key: string, match: HttpMatchRequest): Earlier | undefined => {
    for (const candidate of byPath.get(key) ?? []) {
      comparisons += 1;
      if (comparisons > maxComparisons) return undefined;
      if (coversMatch(candidate.match, match)) return candidate;
    }
    return undefined;
  };
  return {
    add(earlier) {
      const { uri } = earlier.match;
      const prefix = uri?.prefix?.toLowerCase();
      if (prefix !== undefined) prefixLengths.add(prefix.length);
      const key = keyOf(uri?.exact?.toLowerCase(), prefix, uri?.regex);
      const same = byPath.get(key);
      if (same === undefined) byPath.set(key, [earlier]);
      else same.push(earlier);
    },
    covering(match) {
      const { uri } = match;
      const text = (uri?.exact ?? uri?.prefix)?.toLowerCase();
      const anywhere =
        among('any', match) ?? among(keyOf(undefined, '', undefined), match) ?? among('/.*', match);
      if (anywhere !== undefined) return anywhere;
      if (uri === undefined) return among(keyOf(undefined, '/', undefined), match);
      if (uri.prefix === undefined) {
        const equal = among(keyOf(uri.exact?.toLowerCase(), undefined, uri.regex), match);
        if (equal !== undefined || text === undefined) return equal;
      }
      if (text === undefined) return undefined;
      for (const length of prefixLengths) {
        if (length > text.length) continue;
        const found = among(keyOf(undefined, text.slice(0, length), undefined), match);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

/** Case is folded here and looked at in the comparison. */
function keyOf(
  exact: string | undefined,
  prefix: string | undefined,
  regex: string | undefined,
): string {
  if (exact !== undefined) return `=${exact}`;
  if (prefix !== undefined) return `^${prefix}`;
  return regex === undefined ? 'any' : `/${regex}`;
}

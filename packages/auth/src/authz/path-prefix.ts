import { loosePath } from './loose-path.ts';

/** Deeper than this rules are told apart by matching: a path of a thousand segments must stay cheap. */
const maxDepth = 8;

/**
 * For each pattern the whole segments that a path must begin with to match it (`/a/b` for `/a/b/*`
 * and `/a/b`), strictly and loosely spelt. `undefined` when some pattern asks for none.
 */
export function patternPrefixes(patterns: readonly string[]): readonly string[] | undefined {
  const prefixes = new Set<string>();
  for (const pattern of patterns) {
    const literal = literalSegments(pattern);
    if (literal === '') return undefined;
    prefixes.add(cut(literal)).add(cut(withoutSlash(loosePath(literal))));
  }
  return prefixes.has('') ? undefined : [...prefixes];
}

/** All texts under which a pattern that may match `path` is filed. */
export function pathPrefixes(path: string): readonly string[] {
  const prefixes = prefixesOf(path);
  const loose = loosePath(path);
  return loose === path ? prefixes : [...prefixes, ...prefixesOf(loose)];
}

/** `/a/b/c` gives `/a`, `/a/b`, `/a/b/c`. */
function prefixesOf(path: string): string[] {
  const prefixes: string[] = [];
  let slash = path.indexOf('/', 1);
  while (slash >= 0 && prefixes.length < maxDepth) {
    prefixes.push(path.slice(0, slash));
    slash = path.indexOf('/', slash + 1);
  }
  if (prefixes.length < maxDepth) prefixes.push(path);
  return prefixes;
}

function literalSegments(pattern: string): string {
  if (!pattern.startsWith('/')) return '';
  const special = pattern.search(/[{*]/);
  if (special < 0) return withoutSlash(pattern);
  // The last segment may go on after what is literal of it.
  return pattern.slice(0, pattern.lastIndexOf('/', special));
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/** The first `maxDepth` segments. */
function cut(literal: string): string {
  return prefixesOf(literal).at(-1) ?? '';
}

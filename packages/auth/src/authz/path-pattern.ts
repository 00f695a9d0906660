import { type TextPattern, textPattern } from './text-pattern.ts';

/**
 * A path in Istio's four forms, or with `{*}` for one segment and `{**}` for any number of
 * characters, slashes included; then the whole path has to fit.
 */
export function pathPattern(pattern: string): TextPattern {
  if (!pattern.includes('{')) return textPattern(pattern);
  const rest = pattern.indexOf('{**}');
  if (rest < 0) {
    const segments = pattern.split('/');
    return { exact: undefined, matches: (path) => segmentsLength(path, segments) === path.length };
  }
  const before = pattern.slice(0, rest).split('/');
  const after = pattern.slice(rest + '{**}'.length);
  return {
    exact: undefined,
    matches(path) {
      const used = segmentsLength(path, before);
      return used !== undefined && path.length >= used + after.length && path.endsWith(after);
    },
  };
}

/**
 * How many characters of `path` the segments take, each in turn; `undefined` when they do not fit.
 * One pass, no backtracking: `{*}` ends at the next slash and takes at least one character.
 */
function segmentsLength(path: string, segments: readonly string[]): number | undefined {
  let at = 0;
  for (const [index, segment] of segments.entries()) {
    if (index > 0) {
      if (path[at] !== '/') return undefined;
      at += 1;
    }
    if (segment === '{*}') {
      const slash = path.indexOf('/', at);
      const end = slash < 0 ? path.length : slash;
      if (end === at) return undefined;
      at = end;
    } else if (path.startsWith(segment, at)) at += segment.length;
    else return undefined;
  }
  return at;
}

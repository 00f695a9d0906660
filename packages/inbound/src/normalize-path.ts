/**
 * Istio's path normalization options, by their meaning:
 * - `none`: the path is taken as it came;
 * - `base`: dot segments resolved, `\` becomes `/`, percent-encoded letters, digits and `-._~` decoded once;
 * - `merge-slashes`: also `//` becomes `/`;
 * - `decode-and-merge-slashes`: also `%2F` and `%5C` are slashes.
 */
export type PathNormalization = 'none' | 'base' | 'merge-slashes' | 'decode-and-merge-slashes';

// Nearly every path has none of these and is normal already: one test, nothing allocated.
const mayChange = /[%\\]|\/\.|\/\//;
const escapedUnreserved = /%(?:2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE])/g;
const escapedSlash = /%(?:2[fF]|5[cC])/g;

// `%%36%31` would become `%61` by decoding once, and `a` in a router that decodes again.
const brokenEscape = /%(?![0-9a-fA-F]{2})/;
// File servers decode once more than routers do: for them `/open/..%2fsecret` is `/secret`.
const hiddenDotSegment = /(?:\/|%2[fF]|%5[cC])\.\.?(?=\/|%2[fF]|%5[cC]|$)/;

/**
 * The path that policies match and routers see. `undefined` when it may not be served at all: it
 * holds `%00`, which cuts strings short in whatever is written in C behind us, or, unless `mode` is
 * `none`, a `%` that is no escape, or a dot segment behind an escaped slash. What is normal stays as it is.
 */
export function normalizePath(path: string, mode: PathNormalization): string | undefined {
  if (!mayChange.test(path)) return path;
  if (path.includes('%00')) return undefined;
  if (mode === 'none') return path;
  if (brokenEscape.test(path)) return undefined;
  // In Envoy's order: slashes are unescaped, dots resolved, slashes merged.
  let normal = path.replace(/\\/g, '/');
  if (mode === 'decode-and-merge-slashes') normal = normal.replace(escapedSlash, '/');
  normal = normal.replace(escapedUnreserved, decodeURIComponent);
  if (normal.includes('/.')) normal = withoutDotSegments(normal);
  if (hiddenDotSegment.test(normal)) return undefined;
  return mode === 'base' ? normal : normal.replace(/\/{2,}/g, '/');
}

/** RFC 3986, 5.2.4: `..` above the root stays at the root. */
function withoutDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  const last = segments.length - 1;
  for (let i = 1; i <= last; i += 1) {
    const segment = segments[i] as string;
    const dots = segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    if (!dots) kept.push(segment);
    else if (i === last) kept.push('');
  }
  return `/${kept.join('/')}`;
}

import type { RequestDescription } from '@inmesh/auth';
import type { AuthorizationPolicy, AuthorizationRule } from '@inmesh/config';

/**
 * AuthorizationPolicy written the simplest way, for what the property test generates: no index, no
 * compiling, each line a sentence of Istio's documentation. Paths and hosts are in normal form.
 */
export function referenceAllows(
  policies: readonly AuthorizationPolicy[],
  request: RequestDescription,
): boolean {
  const of = (action: string) => policies.filter(({ spec }) => (spec.action ?? 'ALLOW') === action);
  const matches = ({ spec }: AuthorizationPolicy, wide: boolean) =>
    (spec.rules ?? []).some((rule) => ruleMatches(rule, request, wide));
  if (of('DENY').some((policy) => matches(policy, true))) return false;
  if (of('ALLOW').length === 0) return true;
  return of('ALLOW').some((policy) => matches(policy, false));
}

function ruleMatches(rule: AuthorizationRule, request: RequestDescription, wide: boolean): boolean {
  const { peer, claims, method = 'GET', path = '/', headers = {} } = request;
  const list = (value: unknown): string[] =>
    value === undefined ? [] : ([value].flat() as string[]);
  const known = (value: string | undefined) => (value === undefined ? undefined : [value]);
  const claim = (name: string) => (claims === undefined ? undefined : list(claims[name]));

  const holds = (
    found: string[] | undefined,
    values: readonly string[] | undefined,
    every = false,
  ) => {
    if (values === undefined) return true;
    const one = (text: string) => values.some((pattern) => matchesPattern(text, pattern));
    const readings =
      found !== undefined && every && found.length > 1
        ? [...found, found.join(','), found.join(', ')]
        : (found ?? []);
    if (wide) return readings.some(one);
    return found !== undefined && found.length > 0 && (every ? found.every(one) : found.some(one));
  };
  const holdsNot = (
    found: string[] | undefined,
    values: readonly string[] | undefined,
    every = false,
  ) => {
    if (values === undefined) return true;
    const one = (text: string) => values.some((pattern) => matchesPattern(text, pattern));
    if (wide)
      return (
        found === undefined || found.length === 0 || !(every ? found.every(one) : found.some(one))
      );
    if (found === undefined) return false;
    const readings =
      every && found.length > 1 ? [...found, found.join(','), found.join(', ')] : found;
    return !readings.some(one);
  };

  const anyFrom =
    rule.from === undefined ||
    rule.from.some(
      ({ source }) =>
        holds(
          known(peer && `cluster.local/ns/${peer.namespace}/sa/${peer.serviceAccount}`),
          source.principals,
        ) &&
        holds(known(peer?.namespace), source.namespaces) &&
        holdsNot(known(peer?.namespace), source.notNamespaces) &&
        holds(known(claims && `${claims.iss}/${claims.sub}`), source.requestPrincipals),
    );
  const anyTo =
    rule.to === undefined ||
    rule.to.some(
      ({ operation }) =>
        holds([method], operation.methods) &&
        holdsNot([method], operation.notMethods) &&
        holds([path], operation.paths) &&
        holdsNot([path], operation.notPaths),
    );
  const allWhen = (rule.when ?? []).every(({ key, values, notValues }) => {
    const header = key === 'request.headers[x]';
    const found = header ? list(headers.x) : claim('groups');
    return holds(found, values, header) && holdsNot(found, notValues, header);
  });
  return anyFrom && anyTo && allWhen;
}

function matchesPattern(text: string, pattern: string): boolean {
  if (pattern === '*') return text !== '';
  if (pattern.includes('{')) {
    const expression = pattern
      .replace(/[.]/g, '\\.')
      .replaceAll('{**}', '.*')
      .replaceAll('{*}', '[^/]+');
    return new RegExp(`^${expression}$`).test(text);
  }
  if (pattern.endsWith('*')) return text.startsWith(pattern.slice(0, -1));
  if (pattern.startsWith('*')) return text.endsWith(pattern.slice(1));
  return text === pattern;
}

import type { Path } from '../problem.ts';
import type { Headers, HttpRoute } from '../resources/index.ts';
import { atMostOneOf, exactlyOneOf } from './exclusive.ts';
import type { Report, Rule } from './field-type.ts';

/** What Istio holds between the fields of one route. */

const answersAlone: Rule<HttpRoute> = (route, report) => {
  const answer = route.redirect !== undefined ? 'redirect' : 'directResponse';
  if (route[answer] === undefined) return;
  for (const other of ['fault', 'rewrite'] as const) {
    if (route[other] === undefined) continue;
    report.error('conflict', `has no effect beside ${answer}: nothing is sent`, other);
  }
};

const prefixRewriteNeedsPrefixes: Rule<HttpRoute> = (route, report) => {
  if (route.redirect?.prefixRewrite === undefined) return;
  const all = (route.match ?? []).every((match) => match.uri?.prefix !== undefined);
  if (all && route.match !== undefined && route.match.length > 0) return;
  const reason = 'needs a uri.prefix in every match: there is no other prefix to replace';
  report.error('conflict', reason, 'redirect', 'prefixRewrite');
};

const weightsNeedASum: Rule<HttpRoute> = ({ route = [] }, report) => {
  if (route.length < 2) return;
  const sum = route.reduce((total, { weight = 0 }) => total + weight, 0);
  if (sum === 0) {
    report.error('invalid_value', 'needs a weight above 0 for at least one destination', 'route');
  } else if (sum > 2 ** 32 - 1) {
    report.error('invalid_value', `weights add up to ${sum}, more than 4294967295`, 'route');
  }
};

const percentageNeedsMirror: Rule<HttpRoute> = (route, report) => {
  if (route.mirrorPercentage === undefined || route.mirror !== undefined) return;
  report.warning('no_effect', 'has no effect without mirror', 'mirrorPercentage');
};

/**
 * One call must not meet two operations that set `Host`: those of the route and those of its
 * destination both apply, those of two destinations never do.
 */
const authorityOnce: Rule<HttpRoute> = (route, report) => {
  const ofRoute = hostSetters(route.headers, ['headers'], report);
  if (route.rewrite?.authority !== undefined) ofRoute.unshift(['rewrite', 'authority']);
  const ofDestinations = (route.route ?? []).map((target, index) =>
    hostSetters(target.headers, ['route', index, 'headers'], report),
  );
  for (const setters of ofDestinations) {
    const second = [...ofRoute, ...setters][1];
    if (second === undefined) continue;
    report.error('conflict', 'sets the Host header a second time', ...second);
    return;
  }
};

/** Where `Host` is set. Tells at once where it may not be touched. */
function hostSetters(headers: Headers | undefined, at: Path, report: Report): Path[] {
  const setters: Path[] = [];
  for (const side of ['request', 'response'] as const) {
    for (const operation of ['set', 'add', 'remove'] as const) {
      const names = headers?.[side]?.[operation] ?? {};
      const entries = Array.isArray(names)
        ? [...names.entries()]
        : Object.keys(names).map((name) => [name, name] as const);
      for (const [key, name] of entries) {
        if (!['host', ':authority'].includes(String(name).toLowerCase())) continue;
        const place = [...at, side, operation, key];
        if (side === 'request' && operation === 'set') setters.push(place);
        else report.error('conflict', 'Host can only be set, and only on requests', ...place);
      }
    }
  }
  return setters;
}

export const httpRouteRules: readonly Rule<HttpRoute>[] = [
  exactlyOneOf<HttpRoute>('route', 'redirect', 'directResponse'),
  answersAlone,
  prefixRewriteNeedsPrefixes,
  atMostOneOf<HttpRoute>('mirror', 'mirrors'),
  percentageNeedsMirror,
  weightsNeedASum,
  authorityOnce,
];

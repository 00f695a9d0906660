import type { Locality, LocalityPolicy } from '@inmesh/core';
import type { ApertureSeat } from './aperture.ts';
import type { Candidates } from './balancers/balancer.ts';
import type { EndpointState } from './endpoint-state.ts';

/** Where this process is, and what labels it has. */
export interface Vantage {
  readonly locality: Locality;
  readonly labels: Readonly<Record<string, string>>;
  /** Its place on the ring of endpoints; needed with an aperture only. */
  readonly seat: ApertureSeat;
}

/**
 * Sorts endpoints into levels, the preferred first, none of them empty: Istio's locality load
 * balancing. Without it, and where this process does not know its own region, all are on one level.
 */
export function intoLevels(
  states: readonly EndpointState[],
  policy: LocalityPolicy,
  vantage: Vantage,
): readonly Candidates[] {
  if (!policy.enabled || vantage.locality.region === '') return [byWeight(states)];
  if (policy.distribute !== undefined && policy.distribute.length > 0) {
    return [distributed(states, policy.distribute, vantage.locality) ?? byWeight(states)];
  }
  const levels: EndpointState[][] = [];
  for (const state of states) {
    const level = policy.failoverPriority?.length
      ? disagreement(policy.failoverPriority, vantage, state)
      : distance(vantage.locality, state.endpoint.locality, policy.failover ?? []);
    levels[level] ??= [];
    levels[level].push(state);
  }
  // Levels without anybody are closed up; `filter` passes over the holes.
  return levels.filter((level) => level.length > 0).map(byWeight);
}

function byWeight(states: readonly EndpointState[]): Candidates {
  return { states, weights: Float64Array.from(states, (state) => state.weight) };
}

/** 0 same subzone, 1 zone, 2 region, 3 another region, 4 another that `failover` does not name. */
function distance(
  own: Locality,
  theirs: Locality,
  failover: NonNullable<LocalityPolicy['failover']>,
): number {
  if (own.region !== theirs.region) {
    const rule = failover.find(({ from }) => from === own.region);
    return rule === undefined || rule.to === theirs.region ? 3 : 4;
  }
  if (own.zone !== theirs.zone) return 2;
  return own.subzone === theirs.subzone ? 0 : 1;
}

/** How many of `labels` (`key` as on this process, or `key=value`) are left from the first that disagrees. */
function disagreement(labels: readonly string[], own: Vantage, state: EndpointState): number {
  const { endpoint } = state;
  const agreeing = labels.findIndex((label) => {
    const equals = label.indexOf('=');
    const key = equals < 0 ? label : label.slice(0, equals);
    const wanted = equals < 0 ? topologyLabel(own, key) : label.slice(equals + 1);
    return topologyLabel(endpoint, key) !== wanted;
  });
  return agreeing < 0 ? 0 : labels.length - agreeing;
}

/** Kubernetes' and Istio's labels for the locality need not be written: the locality itself says it. */
function topologyLabel(
  { labels, locality }: Pick<Vantage, 'labels' | 'locality'>,
  key: string,
): string | undefined {
  switch (key) {
    case 'topology.kubernetes.io/region':
      return locality.region;
    case 'topology.kubernetes.io/zone':
      return locality.zone;
    case 'topology.istio.io/subzone':
      return locality.subzone;
    default:
      return labels[key];
  }
}

/**
 * Shares by where endpoints are. What no pattern names gets nothing, as in Istio; unless nobody
 * would be left, which `undefined` says, as it does when no rule is for this process.
 */
function distributed(
  states: readonly EndpointState[],
  rules: NonNullable<LocalityPolicy['distribute']>,
  own: Locality,
): Candidates | undefined {
  const rule = rules.find(({ from }) => covers(from, own));
  if (rule === undefined) return undefined;
  const groups = new Map<string, EndpointState[]>();
  for (const state of states) {
    const pattern = mostSpecific(Object.keys(rule.to), state.endpoint.locality);
    if (pattern === undefined || !((rule.to[pattern] ?? 0) > 0)) continue;
    const group = groups.get(pattern);
    if (group === undefined) groups.set(pattern, [state]);
    else group.push(state);
  }
  if (groups.size === 0) return undefined;
  const members = [...groups.values()].flat();
  const weights: number[] = [];
  for (const [pattern, group] of groups) {
    const total = group.reduce((sum, { weight }) => sum + weight, 0);
    for (const { weight } of group) weights.push(((rule.to[pattern] ?? 0) * weight) / total);
  }
  return { states: members, weights: Float64Array.from(weights) };
}

/** Whether `pattern` (`region`, `region/zone/*`, `*`) covers a place. */
function covers(pattern: string, { region, zone, subzone }: Locality): boolean {
  const place = [region, zone, subzone];
  return pattern.split('/').every((part, i) => part === '*' || part === place[i]);
}

function mostSpecific(patterns: readonly string[], place: Locality): string | undefined {
  const detail = (pattern: string) => pattern.split('/').filter((part) => part !== '*').length;
  let best: string | undefined;
  for (const pattern of patterns) {
    if (!covers(pattern, place)) continue;
    if (best === undefined || detail(pattern) > detail(best)) best = pattern;
  }
  return best;
}

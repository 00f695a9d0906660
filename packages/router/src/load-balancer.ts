import {
  type ConsistentHash,
  type LoadBalancerSettings,
  type LocalityLbSetting,
  parseDurationMs,
} from '@inmesh/config';
import type { BalancerPolicy, HashKey, LocalityPolicy, WarmupPolicy } from '@inmesh/core';

/** `undefined` where the resource leaves the choice open: the client's own default is better informed. */
export function balancerPolicy(settings: LoadBalancerSettings): BalancerPolicy | undefined {
  if (settings.consistentHash !== undefined) return hashPolicy(settings.consistentHash);
  switch (settings.simple) {
    case 'RANDOM':
      return { kind: 'random' };
    case 'ROUND_ROBIN':
      return { kind: 'round-robin' };
    case 'LEAST_REQUEST':
    case 'LEAST_CONN':
      return { kind: 'least-request', choices: 2 };
    default:
      return undefined;
  }
}

function hashPolicy(hash: ConsistentHash): BalancerPolicy {
  const hashOn = hashKeyOf(hash);
  if (hash.maglev !== undefined) {
    return { kind: 'maglev', hashOn, tableSize: hash.maglev.tableSize ?? 65_537 };
  }
  const minRingSize = hash.ringHash?.minimumRingSize ?? 1024;
  return { kind: 'ring-hash', hashOn, minRingSize };
}

function hashKeyOf(hash: ConsistentHash): HashKey {
  if (hash.httpHeaderName !== undefined) {
    return { kind: 'header', name: hash.httpHeaderName.toLowerCase() };
  }
  if (hash.httpQueryParameterName !== undefined) {
    return { kind: 'query', name: hash.httpQueryParameterName };
  }
  if (hash.httpCookie !== undefined) {
    const { name, path, ttl } = hash.httpCookie;
    return {
      kind: 'cookie',
      name,
      ...(path === undefined ? {} : { path }),
      ...(ttl === undefined ? {} : { ttlMs: parseDurationMs(ttl) }),
    };
  }
  return hash.useSourceIp === true ? { kind: 'source' } : { kind: 'call' };
}

export function warmupPolicy({ warmup }: LoadBalancerSettings): WarmupPolicy | undefined {
  if (warmup === undefined) return undefined;
  return {
    durationMs: parseDurationMs(warmup.duration),
    minRatio: (warmup.minimumPercent ?? 10) / 100,
    aggression: warmup.aggression ?? 1,
  };
}

/** Percents of a distribution become shares. */
export function localityPolicy(setting: LocalityLbSetting): LocalityPolicy {
  const { enabled = true, distribute, failover, failoverPriority } = setting;
  return {
    enabled,
    ...(distribute === undefined
      ? {}
      : { distribute: distribute.map(({ from, to }) => ({ from, to: sharesOf(to) })) }),
    ...(failover === undefined ? {} : { failover }),
    ...(failoverPriority === undefined ? {} : { failoverPriority }),
  };
}

function sharesOf(percents: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(percents).map(([locality, percent]) => [locality, percent / 100]),
  );
}

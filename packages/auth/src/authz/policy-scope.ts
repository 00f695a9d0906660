import type { Workload } from '@inmesh/core';

/** What policies are read against: whom they protect, and which names mean the same. */
export interface PolicyScope {
  readonly workload: Pick<Workload, 'namespace' | 'labels' | 'trustDomain'>;
  /** Policies of this namespace apply to all. @default 'istio-system' */
  readonly rootNamespace?: string;
  /** Former names of the trust domain, which policies may still use. @default [] */
  readonly trustDomainAliases?: readonly string[];
}

/** Istio's name for "the mesh's own trust domain", whatever that is called. */
const localTrustDomain = 'cluster.local';

/** A principal pattern of the mesh's own trust domain, under each of its names. */
export function underEveryTrustDomain(pattern: string, scope: PolicyScope): readonly string[] {
  const { trustDomain } = scope.workload;
  const names = new Set([trustDomain, localTrustDomain, ...(scope.trustDomainAliases ?? [])]);
  const slash = pattern.indexOf('/');
  if (slash < 0 || !names.has(pattern.slice(0, slash))) return [pattern];
  return [...names].map((name) => name + pattern.slice(slash));
}

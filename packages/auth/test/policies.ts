import type { AuthorizationPolicy } from '@inmesh/config';
import {
  type AuthorizationPolicySpec,
  type AuthorizationRule,
  defineResource,
} from '@inmesh/config';
import { createWorkload, type Identity } from '@inmesh/core';

export const workload = createWorkload({ service: 'ratings', labels: { app: 'ratings' } });
export const scope = { workload };

export function policy(
  name: string,
  spec: AuthorizationPolicySpec,
  metadata: { readonly namespace?: string; readonly annotations?: Record<string, string> } = {},
): AuthorizationPolicy {
  return defineResource({ kind: 'AuthorizationPolicy', metadata: { name, ...metadata }, spec });
}

export function allow(...rules: AuthorizationRule[]): AuthorizationPolicy {
  return policy('allow', { rules });
}

export function deny(...rules: AuthorizationRule[]): AuthorizationPolicy {
  return policy('deny', { action: 'DENY', rules });
}

export function peer(
  namespace: string,
  serviceAccount: string,
  trustDomain = 'cluster.local',
): Identity {
  const spiffeId = `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
  return { spiffeId, trustDomain, namespace, serviceAccount };
}

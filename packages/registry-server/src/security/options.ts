import { MeshError } from '@inmesh/core';
import { checkTrustDomain } from '@inmesh/identity';
import type { IntermediateFiles } from '../ca/intermediate-authority.ts';
import type { KubernetesProofOptions } from './kubernetes-proof.ts';

/** Authentication and TLS of a registry. With none of it everybody on this machine is an operator. */
export interface RegistrySecurityOptions {
  /** What the SPIFFE IDs of this mesh begin with. @default 'cluster.local' */
  readonly trustDomain?: string;
  /** Of a workload's certificate. 60,000 at least. @default 86_400_000 */
  readonly certificateLifeMs?: number;
  /** An authority below one of yours, instead of a root that the registry makes and keeps. */
  readonly intermediate?: IntermediateFiles;
  /**
   * Keeps the roots and the keys of service tokens in the store, encrypted (`parseStoreKey`), instead
   * of in the data directory: so servers that share a store have the same. The first key encrypts, all
   * of them decrypt. Needed with a `store`.
   * @default none
   */
  readonly storeKeys?: readonly Uint8Array[];
  /**
   * Which services a workload can find. `callable`: its own, and those that the AuthorizationPolicies
   * leave it some request to; the others do not exist for it, and go when a policy takes them away.
   * @default 'everything'
   */
  readonly visibility?: 'everything' | 'callable';
  /** Takes service accounts' tokens of a Kubernetes cluster as proof. @default not taken */
  readonly kubernetes?: KubernetesProofOptions;
  /**
   * Which services a workload may register besides the one that is named as its service account:
   * `{ 'prod/bookinfo': ['reviews', 'ratings'] }`, by namespace and account. The namespace is
   * always its own.
   * @default {}
   */
  readonly mayRegister?: Readonly<Record<string, readonly string[]>>;
}

export type ResolvedSecurity = Readonly<
  Required<
    Omit<RegistrySecurityOptions, 'intermediate' | 'kubernetes' | 'mayRegister' | 'storeKeys'>
  >
> &
  Pick<RegistrySecurityOptions, 'intermediate' | 'kubernetes' | 'storeKeys'> & {
    readonly mayRegister: ReadonlyMap<string, ReadonlySet<string>>;
  };

/**
 * Throws `invalid_argument`.
 * @param isShared Whether the store is one that several servers share.
 */
export function resolveSecurity(
  options: RegistrySecurityOptions,
  isShared: boolean,
): ResolvedSecurity {
  const { mayRegister = {} } = options;
  if (isShared && options.storeKeys === undefined) {
    throw new MeshError(
      'invalid_argument',
      'registry: servers that share a store share the keys that they sign with, encrypted there: give all of them one security.storeKeys (--store-key-file); `openssl rand -hex 32` makes one',
    );
  }
  for (const account of Object.keys(mayRegister)) {
    if (/^[^/]+\/[^/]+$/.test(account)) continue;
    throw new MeshError(
      'invalid_argument',
      `registry: security.mayRegister is by namespace/account, got ${JSON.stringify(account)}`,
    );
  }
  return Object.freeze({
    trustDomain: checkTrustDomain(options.trustDomain ?? 'cluster.local'),
    certificateLifeMs: options.certificateLifeMs ?? 24 * 3_600_000,
    visibility: options.visibility ?? 'everything',
    mayRegister: new Map(
      Object.entries(mayRegister).map(([account, services]) => [account, new Set(services)]),
    ),
    ...(options.intermediate === undefined ? {} : { intermediate: options.intermediate }),
    ...(options.storeKeys === undefined ? {} : { storeKeys: options.storeKeys }),
    ...(options.kubernetes === undefined ? {} : { kubernetes: options.kubernetes }),
  });
}

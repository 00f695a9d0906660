import type { WorkloadSelector } from './common.ts';
import type { ResourceOf } from './resource.ts';

/** Whether servers take plain text, mutual TLS or both. */
export type PeerAuthentication = ResourceOf<'PeerAuthentication', PeerAuthenticationSpec>;

export interface PeerAuthenticationSpec {
  readonly selector?: WorkloadSelector;
  readonly mtls?: MutualTls;
  /** By port of the workload; only with a selector. */
  readonly portLevelMtls?: Readonly<Record<string, MutualTls>>;
}

export interface MutualTls {
  /** UNSET inherits from namespace, then mesh; nothing anywhere is PERMISSIVE. */
  readonly mode?: 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';
}

import type { MeshError } from '@inmesh/core';
import type { IdentitySource, IdentityState } from '@inmesh/identity';
import type { Recorder } from '@inmesh/metrics';

/** How this process stands with its identity. */
export interface IdentityInspection {
  /** '' while there is none yet. */
  readonly spiffeId: string;
  readonly state: IdentityState['name'];
  /** Below 0 after the certificate has expired; `undefined` while there is none. */
  readonly expiresInMs: number | undefined;
  /** Of the certificate in use. */
  readonly serial: string;
  /** Why the last try to renew it failed; `undefined` once one succeeded. */
  readonly error: MeshError | undefined;
}

export function inspectIdentity(identity: IdentitySource): IdentityInspection {
  const credential = identity.tls();
  const { state, expiresInMs } = identity;
  return {
    spiffeId: credential?.identity.spiffeId ?? '',
    state: state.name,
    expiresInMs,
    serial: credential?.svid.serial ?? '',
    error: state.name === 'closed' ? undefined : state.error,
  };
}

/** An alert on it finds a rotation that stopped, days before anybody else does. */
export function showExpiry(identity: IdentitySource, recorder: Pick<Recorder, 'addGauge'>): void {
  recorder.addGauge({
    name: 'inmesh_identity_expires_seconds',
    help: 'Until the certificate of this process expires; below 0 after it has.',
    read(report) {
      const { expiresInMs } = identity;
      if (expiresInMs !== undefined) report(expiresInMs / 1_000);
    },
  });
}

import type { Identity } from '@inmesh/core';

/** Who asks, as far as it was proven. */
export type Principal =
  /** Nothing was shown: only what is open to everybody. */
  | { readonly kind: 'nobody' }
  /** A workload, by its client certificate of that serial. */
  | { readonly kind: 'service'; readonly identity: Identity; readonly serial: string }
  /** A person or a program of theirs, by a token or a session of the dashboard. `name` is for logs. */
  | { readonly kind: 'reader' | 'operator'; readonly name: string };

export const nobody: Principal = Object.freeze({ kind: 'nobody' });

/** Without authentication, on loopback, everybody may do everything. */
export const everybody: Principal = Object.freeze({ kind: 'operator', name: 'everybody' });

/** Names a principal in logs and in the audit: a SPIFFE ID, or `operator alice`. */
export function principalName(principal: Principal): string {
  if (principal.kind === 'service') return principal.identity.spiffeId;
  return principal.kind === 'nobody' ? 'nobody' : `${principal.kind} ${principal.name}`;
}

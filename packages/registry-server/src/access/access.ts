import type { Principal } from './principal.ts';

/**
 * Whom a route is for. Every route says it in its `config`: `open` is for everybody, also without
 * any proof; a `service` is a workload with a certificate; a `reader` sees everything and changes
 * nothing; an `operator` may do everything.
 */
export type Access = 'open' | 'service' | 'reader' | 'operator';

/** One of several is enough. */
export type RouteAccess = Access | readonly Access[];

/** Whether `principal` is one of those that `access` names. */
export function isAdmitted(principal: Principal, access: RouteAccess): boolean {
  if (principal.kind === 'operator') return true;
  const admitted = typeof access === 'string' ? [access] : access;
  return admitted.some((one) => one === 'open' || one === principal.kind);
}

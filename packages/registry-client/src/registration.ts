import { randomUUID } from 'node:crypto';
import { endpointOf, MeshError, type Registration, type WireRevision } from '@inmesh/core';
import { checkEndpoint, EndpointFault } from './endpoint-check.ts';

/** What a registration may change while it lasts: everything but whom it serves. */
export type RegistrationChange = Partial<Omit<Registration, 'service' | 'namespace'>>;

export type RegistrationState =
  /** Not told yet, or the registry is away: it will be. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'registered'; readonly revision: WireRevision }
  /** It was accepted once and is not any more; it is tried again. */
  | { readonly kind: 'refused'; readonly error: MeshError }
  | { readonly kind: 'deregistered' };

/**
 * One endpoint in the registry. Each method resolves when the registry has the change; while the
 * registry is away, or takes longer than `requestTimeoutMs`, it resolves with the change noted, to
 * be told as soon as possible. It rejects when the registry refuses the change, which is then undone.
 */
export interface RegistrationHandle {
  /** The endpoint's id: it stays the same over reconnects, sessions and servers. */
  readonly id: string;
  readonly state: RegistrationState;
  /** Throws `invalid_argument` for what cannot be, `closed` after `deregister()`. */
  update(change: RegistrationChange): Promise<void>;
  /** Takes no new calls from now on: the status becomes `draining`. */
  drain(): Promise<void>;
  /** Idempotent. */
  deregister(): Promise<void>;
}

/** A registration to make; without an id it gets one that no other has. */
export type NewRegistration = Registration & { readonly id?: string };

/** Splits off the id. Throws `invalid_argument` for what no registry would take. */
export function prepareRegistration(input: NewRegistration): {
  id: string;
  registration: Registration;
} {
  const { id = `${input.service}-${randomUUID()}`, ...registration } = input;
  checkRegistration(id, registration);
  return { id, registration: Object.freeze(registration) };
}

/** The registry checks more; this finds the plain mistakes also while it is away. Throws `invalid_argument`. */
export function checkRegistration(id: string, registration: Registration): void {
  const endpoint = endpointOf(id, registration);
  const { service } = endpoint;
  try {
    checkEndpoint(endpoint, service);
  } catch (error) {
    if (!(error instanceof EndpointFault)) throw error;
    throw new MeshError(
      'invalid_argument',
      `registration of ${service} (${JSON.stringify(id)}): ${error.message}`,
      { service, cause: error },
    );
  }
}

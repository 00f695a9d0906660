import type { EndpointSource } from '@inmesh/core';
import type { NewRegistration, RegistrationHandle } from './registration.ts';
import type { RegistryState } from './registry-link.ts';

/** A process' hold on whatever knows the mesh's endpoints: where it finds others, and is found. */
export interface Registry extends EndpointSource {
  readonly state: RegistryState;
  /** Connects. Rejects with `start_timeout`, and goes on trying: who can do without may ignore it, others `close()`. */
  start(): Promise<void>;
  /**
   * Registers an endpoint, and again whenever it was forgotten, until it is deregistered or this is
   * closed. Resolves when it is known, or at once while there is nobody to tell.
   * Throws `invalid_argument`, `conflict`, `forbidden`, `unauthenticated`; `closed` after `close()`.
   */
  register(registration: NewRegistration): Promise<RegistrationHandle>;
}

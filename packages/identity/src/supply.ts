import type { KeyObject } from 'node:crypto';
import type { Clock, CredentialSource, Logger, Random } from '@inmesh/core';
import type { SvidCredential } from './credential.ts';

/** What makes a credential, as it comes from outside. */
export interface Material {
  /** PEM, the leaf first. */
  readonly chain: string;
  readonly privateKey: KeyObject;
  /** The authorities of the leaf's trust domain: PEM, or SPIFFE's JWKS. */
  readonly bundle: string;
}

/** What a supply hands its material to. */
export interface Receiver extends CredentialSource {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly current: SvidCredential | undefined;
  /**
   * Checks it and puts it to use, all at once or not at all. Throws what is wrong with it.
   * @param spiffeId Whose it has to be; `undefined` takes whoever the first one was.
   */
  accept(material: Material, spiffeId: string | undefined): void;
  /** The material could not be had or was refused; what is in use stays. */
  failed(error: unknown): void;
}

/** Where certificates come from: an authority that is asked, or files that somebody else renews. */
export interface Supply {
  /** Gets material now, without waiting for its time. */
  renew(): void;
  /** Stops at once; nothing is handed over afterwards. Idempotent. */
  close(): void;
}

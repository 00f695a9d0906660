import type { ConnectionOptions, TLSSocket } from 'node:tls';
import {
  isMeshError,
  MeshError,
  type MeshEvent,
  setWallTimer,
  type Timer,
  type Unsubscribe,
} from '@inmesh/core';
import { clientTlsOptions, presentedChain } from './client-tls.ts';
import {
  type CredentialParts,
  checkFit,
  createCredential,
  readChain,
  type SvidCredential,
} from './credential.ts';
import { enrollFrom } from './enroll.ts';
import {
  type IdentityOptions,
  type ResolvedIdentityOptions,
  resolveIdentityOptions,
} from './identity-options.ts';
import type { IdentitySource, IdentityState } from './identity-source.ts';
import { validityFault } from './peer.ts';
import { alarmAt } from './renewal-schedule.ts';
import type { RevocationList } from './revocation-list.ts';
import type { Material, Receiver, Supply } from './supply.ts';
import { readSvid, type Svid } from './svid.ts';
import {
  parsePemBundle,
  parseSpiffeBundle,
  type TrustBundle,
  type TrustBundles,
} from './trust-bundle.ts';
import { watchFiles } from './watch-files.ts';

/** Starts to obtain an identity at once. Throws `invalid_argument` for options that cannot be. */
export function createIdentity(options: IdentityOptions): IdentitySource {
  return new KeptIdentity(resolveIdentityOptions(options));
}

class KeptIdentity implements IdentitySource, Receiver {
  readonly clock: Receiver['clock'];
  readonly random: Receiver['random'];
  readonly logger: Receiver['logger'];
  readonly revoked: RevocationList;
  current: SvidCredential | undefined;
  readonly #options: ResolvedIdentityOptions;
  readonly #supply: Supply;
  readonly #listeners = new Set<(credential: SvidCredential) => void>();
  /** Read once a connection: parsing a certificate costs more than a request. */
  readonly #peers = new WeakMap<TLSSocket, Svid>();
  readonly #waiting = new Set<(closed: MeshError | undefined) => void>();
  #trust: TrustBundles;
  #revisions = 0;
  #attempts = 0;
  #error: MeshError | undefined;
  #alarm: Timer | undefined;
  #closed = false;

  constructor(options: ResolvedIdentityOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.random = options.random;
    this.logger = options.logger;
    this.revoked = options.revoked;
    this.#trust = new Map(options.federated.map((bundle) => [bundle.trustDomain, bundle]));
    const { supply } = options;
    this.#supply =
      supply.kind === 'files'
        ? watchFiles(supply.files, this)
        : enrollFrom(supply.enroller, supply.spiffeId, this);
  }

  tls(): SvidCredential | undefined {
    return this.current;
  }

  token(audience: string): string | undefined {
    return this.#options.token(audience);
  }

  connectOptions(identities: readonly string[]): ConnectionOptions | undefined {
    const { current, clock, revoked } = this;
    if (current === undefined) return undefined;
    return clientTlsOptions(current, identities, { clock, revoked });
  }

  peerFault(socket: TLSSocket): string | undefined {
    let peer = this.#peers.get(socket);
    if (peer === undefined) {
      const [leaf] = presentedChain(socket.getPeerCertificate());
      if (leaf === undefined) return 'it has no certificate';
      peer = readSvid(leaf, ['server']);
      this.#peers.set(socket, peer);
    }
    return validityFault(peer, this);
  }

  get expiresInMs(): number | undefined {
    return this.current === undefined ? undefined : this.current.expiresAt - this.clock.wallNow();
  }

  get state(): IdentityState {
    if (this.#closed) return { name: 'closed' };
    const rest = { attempts: this.#attempts, error: this.#error };
    if (this.current === undefined) return { name: 'pending', ...rest };
    const now = this.clock.wallNow();
    if (now >= this.current.expiresAt) return { name: 'expired', ...rest };
    return { name: now >= alarmAt(this.current.svid) ? 'expiring' : 'valid', ...rest };
  }

  ready(timeoutMs = 30_000): Promise<SvidCredential> {
    if (this.current !== undefined) return Promise.resolve(this.current);
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const end = (error: MeshError | undefined): void => {
        timer.cancel();
        this.#waiting.delete(end);
        if (this.current !== undefined) resolve(this.current);
        else reject(error);
      };
      const timer = this.clock.setTimer(
        () => {
          const message = `no identity within ${timeoutMs} ms: ${this.#error?.message ?? 'no answer yet'}`;
          end(new MeshError('start_timeout', message, { cause: this.#error }));
        },
        timeoutMs,
        { keepAlive: true },
      );
      this.#waiting.add(end);
    });
  }

  onChange(listener: (credential: SvidCredential) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  renew(): void {
    if (!this.#closed) this.#supply.renew();
  }

  setTrustBundle(bundle: TrustBundle): void {
    if (this.#closed) return;
    this.#trust = new Map(this.#trust).set(bundle.trustDomain, bundle);
    if (this.current === undefined) return;
    const parts = { ...this.current, trust: this.#trust };
    this.#use(parts);
    try {
      checkFit(parts, this.clock.wallNow());
    } catch (error) {
      // Whoever follows the same bundle refuses us from now on.
      this.failed(error);
      this.#supply.renew();
    }
  }

  accept(material: Material, spiffeId: string | undefined): void {
    const { svid } = readChain(material.chain);
    const { trustDomain, spiffeId: found } = svid.identity;
    const expected = spiffeId ?? this.#options.spiffeId ?? this.current?.identity.spiffeId ?? found;
    if (found !== expected) {
      throw new MeshError(
        'unauthenticated',
        `the certificate is of ${found}, expected ${expected}`,
      );
    }
    const bundle = parseBundle(trustDomain, material.bundle);
    const trust = new Map(this.#trust).set(trustDomain, bundle);
    const { chain, privateKey } = material;
    const { minVersion } = this.#options;
    const parts: CredentialParts = { svid, chain, privateKey, trust, minVersion };
    checkFit(parts, this.clock.wallNow());
    this.#trust = trust;
    this.#attempts = 0;
    this.#error = undefined;
    const { identity, expiresAt, revision } = this.#use(parts);
    this.#watchExpiry();
    this.logger.info(
      {
        spiffeId: identity.spiffeId,
        serial: svid.serial,
        expiresAt: new Date(expiresAt).toISOString(),
      },
      'the identity has a new certificate',
    );
    this.#tell({ kind: 'identity-renewed', identity, revision, expiresAt });
  }

  failed(reason: unknown): void {
    const error = isMeshError(reason)
      ? reason
      : new MeshError('internal', `no certificate: ${String(reason)}`, { cause: reason });
    this.#attempts += 1;
    this.#error = error;
    const expiresInMs = this.expiresInMs;
    this.logger.warn({ err: error, attempts: this.#attempts, expiresInMs }, 'no new certificate');
    this.#tell({ kind: 'identity-renewal-failed', error, attempts: this.#attempts, expiresInMs });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#supply.close();
    this.#alarm?.cancel();
    for (const end of [...this.#waiting]) end(closedError());
    this.#listeners.clear();
  }

  #use(parts: CredentialParts): SvidCredential {
    this.#revisions += 1;
    const revision = `${parts.svid.serial}-${this.#revisions}`;
    const credential = createCredential(parts, revision);
    this.current = credential;
    for (const end of [...this.#waiting]) end(undefined);
    for (const listener of [...this.#listeners]) {
      try {
        listener(credential);
      } catch (err) {
        this.logger.error({ err }, 'a listener to a new certificate threw');
      }
    }
    return credential;
  }

  /** Once when a quarter of the life is left, and once when it is over. A renewal calls it off. */
  #watchExpiry(): void {
    const { current } = this;
    if (current === undefined) return;
    this.#alarm?.cancel();
    const sound = (): void => {
      const expiresInMs = current.expiresAt - this.clock.wallNow();
      const { identity } = current;
      this.logger.error(
        { spiffeId: identity.spiffeId, expiresInMs },
        'the certificate is not renewed',
      );
      this.#tell({ kind: 'identity-expiring', identity, expiresInMs, error: this.#error });
      if (expiresInMs > 0) this.#alarm = setWallTimer(this.clock, sound, current.expiresAt);
    };
    this.#alarm = setWallTimer(this.clock, sound, alarmAt(current.svid));
  }

  #tell(event: MeshEvent): void {
    try {
      this.#options.onEvent(event);
    } catch (err) {
      this.logger.error({ err, event: event.kind }, 'an observer threw');
    }
  }
}

function parseBundle(trustDomain: string, text: string): TrustBundle {
  const json = text.trimStart().startsWith('{');
  return json ? parseSpiffeBundle(trustDomain, text) : parsePemBundle(trustDomain, text);
}

function closedError(): MeshError {
  return new MeshError('closed', 'the identity was closed');
}

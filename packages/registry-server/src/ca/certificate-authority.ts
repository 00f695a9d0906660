import {
  type AuthorityStatus,
  type Clock,
  type Logger,
  MeshError,
  setWallTimer,
  silentLogger,
  systemClock,
  type Timer,
  type Unsubscribe,
} from '@inmesh/core';
import { createRoot, parsePemBundle, type SigningAuthority } from '@inmesh/identity';
import { createPassingSecret, type Secret } from '../secrets/secret.ts';
import { describeRoots } from './authority-roots.ts';
import {
  backdateMs,
  type CertificateSigner,
  createCertificateSigner,
} from './certificate-signer.ts';
import { openKeyRing } from './key-ring.ts';
import type { Root, RootSet } from './root-set.ts';
import { formatRoots, parseRoots } from './root-text.ts';
import { newSerial } from './signing-job.ts';
import { nextAfter, nextChange, signingAt, trustedAt } from './tenure.ts';

export interface CertificateAuthorityOptions {
  /** @default 'cluster.local' */
  readonly trustDomain?: string;
  /** Where the roots are kept. @default nowhere: they end with the process */
  readonly secret?: Secret;
  /** Of a workload's certificate. @default 86_400_000 */
  readonly lifeMs?: number;
  /** How long a new root is published before it signs. @default lifeMs: by then every certificate was renewed, and the bundle with it */
  readonly publishMs?: number;
  /** Requests that may wait to be signed. @default 1_000 */
  readonly maxWaiting?: number;
  /** See `SigningThreadOptions`. */
  readonly workerFile?: string;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default silentLogger */
  readonly logger?: Logger;
}

/** Signs the certificates of one trust domain. */
export interface CertificateAuthority extends CertificateSigner {
  readonly trustDomain: string;
  /** PEM of every root that is to be trusted now. */
  readonly bundle: string;
  /** SHA-256 of the root that signs now, as Node writes fingerprints. */
  readonly fingerprint: string;
  /** Of that root, and of the next one while it is being published: what new join tokens carry. */
  readonly fingerprints: readonly string[];
  status(): AuthorityStatus;
  /**
   * Begins to replace the root: the new one is published now, signs after `publishMs`, and the old
   * one is trusted until its last certificate has expired. Throws `conflict` while one is under way.
   * @param publishMs Shorter when the old root has to go. @default as the authority was made
   */
  rotate(publishMs?: number): Promise<void>;
  /** Tells every change of the bundle. */
  onBundle(listener: (bundle: string) => void): Unsubscribe;
}

const rootLifeMs = 10 * 365 * 24 * 3_600_000;
const longestLifeMs = 90 * 24 * 3_600_000;

/** Reads the roots, or makes the first one. Throws `invalid_argument` for what `secret` holds and for options that cannot be. */
export async function createCertificateAuthority(
  options: CertificateAuthorityOptions = {},
): Promise<CertificateAuthority> {
  const { trustDomain = 'cluster.local', lifeMs = 24 * 3_600_000, maxWaiting = 1_000 } = options;
  const { clock = systemClock, logger = silentLogger, publishMs = lifeMs } = options;
  checkDuration('lifeMs', lifeMs, 60_000);
  checkDuration('publishMs', publishMs, 0);
  const listeners = new Set<(bundle: string) => void>();
  let timer: Timer | undefined;
  let rotating = false;

  const ring = await openKeyRing<SigningAuthority>({
    what: 'certificate authority',
    secret: options.secret ?? createPassingSecret(),
    newKey() {
      const now = clock.wallNow();
      const name = `Inmesh ${trustDomain} ${new Date(now).toISOString().slice(0, 10)}`;
      const validity = { notBefore: now - backdateMs, notAfter: now + rootLifeMs };
      return createRoot(trustDomain, name, newSerial(), validity);
    },
    format: formatRoots,
    parse: parseRoots,
    clock,
    logger,
  });
  // A root names its trust domain: one of another would sign what nobody accepts.
  parsePemBundle(trustDomain, pemOf(ring.keys));

  const signer = (): Root => {
    const root = signingAt(ring.keys, clock.wallNow());
    if (root !== undefined) return root;
    throw new MeshError(
      'internal',
      `certificate authority: ${trustDomain} has no root that may sign`,
    );
  };
  const bundle = (): string => pemOf(trustedAt(ring.keys, clock.wallNow()));
  const publish = (): void => {
    for (const listener of listeners) listener(bundle());
    watchChange();
  };
  const watchChange = (): void => {
    timer?.cancel();
    const at = nextChange(ring.keys, clock.wallNow());
    timer = Number.isFinite(at) ? setWallTimer(clock, publish, at) : undefined;
  };
  watchChange();
  ring.onChange(publish);
  const certificates = createCertificateSigner({
    ...options,
    trustDomain,
    lifeMs,
    maxWaiting,
    clock,
    logger,
    authority: signer,
    intermediates: '',
    bundle,
  });

  return {
    trustDomain,
    get bundle() {
      return bundle();
    },
    get fingerprint() {
      return signer().certificate.fingerprint256;
    },
    get fingerprints() {
      const next = nextAfter(ring.keys, clock.wallNow());
      return [signer(), ...(next === undefined ? [] : [next])].map(
        ({ certificate }) => certificate.fingerprint256,
      );
    },
    issue: certificates.issue,
    status: () => ({
      trustDomain,
      certificateLifeMs: lifeMs,
      intermediate: false,
      roots: describeRoots(ring.keys, clock.wallNow()),
    }),
    async rotate(publishForMs = publishMs) {
      if (rotating || nextAfter(ring.keys, clock.wallNow()) !== undefined) {
        throw new MeshError(
          'conflict',
          'certificate authority: a new root is being published already',
        );
      }
      rotating = true;
      try {
        await ring.succeed(publishForMs, lifeMs);
      } finally {
        rotating = false;
      }
    },
    onBundle(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      timer?.cancel();
      ring.close();
      listeners.clear();
      return certificates.close();
    },
  };
}

function pemOf(roots: RootSet): string {
  return roots.map(({ certificate }) => certificate.toString()).join('');
}

function checkDuration(name: string, value: number, least: number): void {
  if (value >= least && value <= longestLifeMs) return;
  throw new MeshError(
    'invalid_argument',
    `${name} must be within ${least}..${longestLifeMs}, got ${value}`,
  );
}

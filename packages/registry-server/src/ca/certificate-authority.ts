import {
  type Clock,
  type Logger,
  MeshError,
  setWallTimer,
  silentLogger,
  systemClock,
  type Timer,
  type Unsubscribe,
} from '@inmesh/core';
import { createRoot, parsePemBundle } from '@inmesh/identity';
import {
  backdateMs,
  createCertificateSigner,
  type IssuedCertificate,
  type IssueRequest,
  newSerial,
} from './certificate-signer.ts';
import { RootFile } from './root-file.ts';
import type { Root, RootSet } from './root-set.ts';
import { nextAfter, nextChange, signingAt, trustedAt, withSuccessor } from './tenure.ts';

export interface CertificateAuthorityOptions {
  /** @default 'cluster.local' */
  readonly trustDomain?: string;
  /** Where the roots are kept, in a file `authority.json` of mode 0600. @default nowhere: they end with the process */
  readonly dataDir?: string;
  /** Of a workload's certificate. @default 86_400_000 */
  readonly lifeMs?: number;
  /** How long a new root is published before it signs. @default lifeMs: by then every certificate was renewed, and the bundle with it */
  readonly publishMs?: number;
  /** Requests that may wait to be signed. @default 1_000 */
  readonly maxWaiting?: number;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default silentLogger */
  readonly logger?: Logger;
}

/** Signs the certificates of one trust domain. */
export interface CertificateAuthority {
  readonly trustDomain: string;
  /** PEM of every root that is to be trusted now. */
  readonly bundle: string;
  /** SHA-256 of the root that signs now, as Node writes fingerprints. */
  readonly fingerprint: string;
  /** Of that root, and of the next one while it is being published: what new join tokens carry. */
  readonly fingerprints: readonly string[];
  /**
   * Throws `invalid_argument` for a request that is none, `forbidden` for one that asks for somebody
   * else's name, `overloaded` when too many wait.
   */
  issue(request: IssueRequest): Promise<IssuedCertificate>;
  /**
   * Begins to replace the root: the new one is published now, signs after `publishMs`, and the old
   * one is trusted until its last certificate has expired. Throws `conflict` while one is under way.
   */
  rotate(): Promise<void>;
  /** Tells every change of the bundle. */
  onBundle(listener: (bundle: string) => void): Unsubscribe;
  /** Idempotent. */
  close(): void;
}

const rootLifeMs = 10 * 365 * 24 * 3_600_000;
const longestLifeMs = 90 * 24 * 3_600_000;

/** Reads the roots, or makes the first one. Throws `invalid_argument` for what `dataDir` holds and for options that cannot be. */
export async function createCertificateAuthority(
  options: CertificateAuthorityOptions = {},
): Promise<CertificateAuthority> {
  const { trustDomain = 'cluster.local', lifeMs = 24 * 3_600_000, maxWaiting = 1_000 } = options;
  const { clock = systemClock, logger = silentLogger, publishMs = lifeMs } = options;
  checkDuration('lifeMs', lifeMs, 60_000);
  checkDuration('publishMs', publishMs, 0);
  const file = options.dataDir === undefined ? undefined : new RootFile(options.dataDir);
  const listeners = new Set<(bundle: string) => void>();
  let timer: Timer | undefined;
  let rotating = false;

  const newRoot = (): ReturnType<typeof createRoot> => {
    const now = clock.wallNow();
    const name = `Inmesh ${trustDomain} ${new Date(now).toISOString().slice(0, 10)}`;
    const validity = { notBefore: now - backdateMs, notAfter: now + rootLifeMs };
    return createRoot(trustDomain, name, newSerial(), validity);
  };
  const firstRoot = async (): Promise<RootSet> => {
    const first = await newRoot();
    const roots = [
      { ...first, signsFrom: clock.wallNow(), trustedUntil: Number.POSITIVE_INFINITY },
    ];
    await file?.save(roots);
    logger.info({ trustDomain, fingerprint: first.certificate.fingerprint256 }, 'made a new root');
    return roots;
  };
  let roots = (await file?.load()) ?? (await firstRoot());
  // A root names its trust domain: one of another would sign what nobody accepts.
  parsePemBundle(trustDomain, pemOf(roots));

  const signer = (): Root => {
    const root = signingAt(roots, clock.wallNow());
    if (root !== undefined) return root;
    throw new MeshError(
      'internal',
      `certificate authority: ${trustDomain} has no root that may sign`,
    );
  };
  const bundle = (): string => pemOf(trustedAt(roots, clock.wallNow()));
  const publish = (): void => {
    for (const listener of listeners) listener(bundle());
    watchChange();
  };
  const watchChange = (): void => {
    timer?.cancel();
    const at = nextChange(roots, clock.wallNow());
    timer = Number.isFinite(at) ? setWallTimer(clock, publish, at) : undefined;
  };
  watchChange();

  return {
    trustDomain,
    get bundle() {
      return bundle();
    },
    get fingerprint() {
      return signer().certificate.fingerprint256;
    },
    get fingerprints() {
      const next = nextAfter(roots, clock.wallNow());
      return [signer(), ...(next === undefined ? [] : [next])].map(
        ({ certificate }) => certificate.fingerprint256,
      );
    },
    issue: createCertificateSigner({
      trustDomain,
      lifeMs,
      maxWaiting,
      clock,
      logger,
      authority: signer,
      intermediates: '',
      bundle,
    }),
    async rotate() {
      if (rotating || nextAfter(roots, clock.wallNow()) !== undefined) {
        throw new MeshError(
          'conflict',
          'certificate authority: a new root is being published already',
        );
      }
      rotating = true;
      try {
        const next = withSuccessor(roots, await newRoot(), clock.wallNow(), publishMs, lifeMs);
        // On disk before anybody is told: who trusts a root that is lost trusts nobody.
        await file?.save(next);
        roots = next;
        publish();
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
      listeners.clear();
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

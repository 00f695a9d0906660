import { type Clock, isMeshError, type Logger, MeshError } from '@inmesh/core';
import { parseSpiffeId, type SigningAuthority } from '@inmesh/identity';
import type { SigningJob } from './signing-job.ts';
import { createSigningThread } from './signing-thread.ts';

type IssueRequest = Pick<SigningJob, 'csr' | 'spiffeId' | 'renews' | 'hosts'>;

interface IssuedCertificate {
  /** PEM, the leaf first. */
  readonly chain: string;
  /** PEM: whom to trust. */
  readonly bundle: string;
  /** Lower-case hexadecimal. */
  readonly serial: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

export interface CertificateSignerOptions {
  readonly trustDomain: string;
  readonly lifeMs: number;
  /** Requests that may be under way or wait; more are refused. */
  readonly maxWaiting: number;
  /** The thread that signs, compiled. @default beside its sources' own output */
  readonly workerFile?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who signs now; asked for each certificate. */
  readonly authority: () => SigningAuthority;
  /** PEM of the certificates between the leaf and the roots, the lowest first; '' for none. */
  readonly intermediates: string;
  readonly bundle: () => string;
}

export interface CertificateSigner {
  /**
   * Throws `invalid_argument` for a request that is none, `forbidden` for one that asks for somebody
   * else's name, `overloaded` when too many wait, `registry_unavailable` when the thread died.
   */
  issue(request: IssueRequest): Promise<IssuedCertificate>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Clocks differ: a certificate that is not valid yet where it is used first is refused. */
export const backdateMs = 60_000;

/** Decides what is signed, and for how long; requests are read, verified and signed on a thread of their own, in order. */
export function createCertificateSigner(options: CertificateSignerOptions): CertificateSigner {
  const { trustDomain, lifeMs, maxWaiting, clock, logger, authority, bundle } = options;
  const thread = createSigningThread(options);
  let waiting = 0;

  const sign = async (request: IssueRequest): Promise<IssuedCertificate> => {
    const now = clock.wallNow();
    const signing = authority();
    const notAfter = Math.min(now + lifeMs, Date.parse(signing.certificate.validTo));
    const validity = { notBefore: now - backdateMs, notAfter };
    const job: SigningJob = { ...request, ...validity, authority: signing };
    const { leaf, serial } = await thread.sign(job);
    return { chain: leaf + options.intermediates, bundle: bundle(), serial, expiresAt: notAfter };
  };

  return {
    async issue(request) {
      const { spiffeId } = request;
      if (parseSpiffeId(spiffeId).trustDomain !== trustDomain) {
        throw new MeshError('forbidden', `${spiffeId} is not of trust domain ${trustDomain}`);
      }
      if (waiting >= maxWaiting) {
        const message = `certificate authority: ${maxWaiting} requests wait already; try again later`;
        throw new MeshError('overloaded', message, { maybeProcessed: false });
      }
      waiting += 1;
      try {
        return await sign(request);
      } catch (err) {
        if (isMeshError(err, 'forbidden')) logger.warn({ err, spiffeId }, 'refused a certificate');
        throw err;
      } finally {
        waiting -= 1;
      }
    },
    close: () => thread.close(),
  };
}

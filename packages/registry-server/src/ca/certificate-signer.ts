import { randomBytes } from 'node:crypto';
import { type Clock, type Logger, MeshError } from '@inmesh/core';
import { parseSpiffeId, readCsr, type SigningAuthority, signSvid } from '@inmesh/identity';
import { createBoundedQueue } from './bounded-queue.ts';

export interface IssueRequest {
  /** PKCS#10 in PEM. */
  readonly csr: string;
  /** Who has proven to ask: the certificate is for it, whatever the request says. */
  readonly spiffeId: string;
  /** Host names and addresses besides, for clients outside the mesh. @default [] */
  readonly hosts?: readonly string[];
}

export interface IssuedCertificate {
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
  /** Requests that may wait to be signed. */
  readonly maxWaiting: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who signs now; asked for each certificate. */
  readonly authority: () => SigningAuthority;
  /** PEM of the certificates between the leaf and the roots, the lowest first; '' for none. */
  readonly intermediates: string;
  readonly bundle: () => string;
}

/** Clocks differ: a certificate that is not valid yet where it is used first is refused. */
export const backdateMs = 60_000;
/** Signatures under way on libuv's four threads, which file access and DNS share. */
const concurrentSignatures = 2;

/**
 * Signs requests one after the other, off this thread. Throws `invalid_argument` for a request that
 * is none, `forbidden` for one that asks for somebody else's name, `overloaded` when too many wait.
 */
export function createCertificateSigner(
  options: CertificateSignerOptions,
): (request: IssueRequest) => Promise<IssuedCertificate> {
  const { trustDomain, lifeMs, clock, logger, authority, intermediates, bundle } = options;
  const queue = createBoundedQueue(
    'certificate authority',
    concurrentSignatures,
    options.maxWaiting,
  );
  const sign = async ({ csr, spiffeId, hosts }: IssueRequest): Promise<IssuedCertificate> => {
    if (parseSpiffeId(spiffeId).trustDomain !== trustDomain) {
      throw new MeshError('forbidden', `${spiffeId} is not of trust domain ${trustDomain}`);
    }
    const { publicKey, uris } = await readCsr(csr);
    if (uris.some((uri) => uri !== spiffeId)) {
      logger.warn(
        { spiffeId, uris: uris.slice(0, 4) },
        'a certificate for another name was asked for',
      );
      throw new MeshError('forbidden', `${spiffeId} may not have a certificate for another name`);
    }
    const now = clock.wallNow();
    const signing = authority();
    const serial = newSerial();
    const notAfter = Math.min(now + lifeMs, Date.parse(signing.certificate.validTo));
    const validity = { notBefore: now - backdateMs, notAfter };
    const names = hosts === undefined ? {} : { hosts };
    const leaf = await signSvid({ ...validity, spiffeId, publicKey, serial, ...names }, signing);
    return {
      chain: leaf + intermediates,
      bundle: bundle(),
      serial: serial.toString('hex'),
      expiresAt: notAfter,
    };
  };
  return (request) => queue.run(() => sign(request));
}

/** 127 random bits, never negative and never with leading zeros. */
export function newSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  return serial;
}

import { randomBytes } from 'node:crypto';
import { MeshError } from '@inmesh/core';
import { lineOf, readCsr, type SigningAuthority, signSvid, type Validity } from '@inmesh/identity';

/** What is asked for and who signs it, in a form that goes to another thread: keys are handed over as handles. */
export interface SigningJob extends Validity {
  /** PKCS#10 in PEM. */
  readonly csr: string;
  /** Who has proven to ask: the certificate is for it, whatever the request says. */
  readonly spiffeId: string;
  /** The serial of the certificate that is renewed: the new one goes on in its line. @default a line of its own */
  readonly renews?: string;
  /** Host names and addresses besides, for clients outside the mesh. @default [] */
  readonly hosts?: readonly string[];
  readonly authority: SigningAuthority;
}

export interface SignedLeaf {
  /** PEM. */
  readonly leaf: string;
  /** Lower-case hexadecimal. */
  readonly serial: string;
}

/** Throws `invalid_argument` for a request that is none, `forbidden` for one that asks for somebody else's name. */
export function signJob(job: SigningJob): SignedLeaf {
  const { csr, spiffeId, renews, authority } = job;
  const { publicKey, uris } = readCsr(csr);
  const foreign = uris.find((uri) => uri !== spiffeId);
  if (foreign !== undefined) {
    const name = JSON.stringify(foreign.slice(0, 200));
    throw new MeshError('forbidden', `${spiffeId} may not have a certificate for ${name}`);
  }
  const serial = newSerial(renews);
  const leaf = signSvid({ ...job, publicKey, serial }, authority);
  return { leaf, serial: serial.toString('hex') };
}

/**
 * 126 random bits, never negative and never with leading zeros. One that `renews` another begins
 * with its half, its line, so that revoking either refuses both.
 */
export function newSerial(renews = ''): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  const line = Buffer.from(lineOf(renews) ?? '', 'hex');
  // Another authority's serial may have any bits; then a line begins here.
  if (((line[0] ?? 0) & 0xc0) === 0x40) line.copy(serial);
  return serial;
}

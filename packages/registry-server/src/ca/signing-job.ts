import { randomBytes } from 'node:crypto';
import { MeshError } from '@inmesh/core';
import { readCsr, type SigningAuthority, signSvid, type Validity } from '@inmesh/identity';

/** What is asked for and who signs it, in a form that goes to another thread: keys are handed over as handles. */
export interface SigningJob extends Validity {
  /** PKCS#10 in PEM. */
  readonly csr: string;
  /** Who has proven to ask: the certificate is for it, whatever the request says. */
  readonly spiffeId: string;
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
  const { csr, spiffeId, authority } = job;
  const { publicKey, uris } = readCsr(csr);
  const foreign = uris.find((uri) => uri !== spiffeId);
  if (foreign !== undefined) {
    const name = JSON.stringify(foreign.slice(0, 200));
    throw new MeshError('forbidden', `${spiffeId} may not have a certificate for ${name}`);
  }
  const serial = newSerial();
  const leaf = signSvid({ ...job, publicKey, serial }, authority);
  return { leaf, serial: serial.toString('hex') };
}

/** 127 random bits, never negative and never with leading zeros. */
export function newSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  return serial;
}

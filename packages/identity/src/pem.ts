import { X509Certificate } from 'node:crypto';
import { MeshError } from '@inmesh/core';

/** A chain or bundle is a few KiB; this keeps a wrong file or a hostile answer from being parsed. */
export const maxPemLength: number = 1024 * 1024;
/** Certificates in one chain or bundle. */
export const maxCertificates = 100;

const block = /-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----/g;

export function pemEncode(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/**
 * The certificates of a PEM text, in order; text around the blocks is comment. Throws
 * `invalid_argument` when there is none, or one that cannot be read.
 * @param what Names the text in the error.
 */
export function parseCertificates(pem: string, what: string): X509Certificate[] {
  if (pem.length > maxPemLength) throw fault(what, `has more than ${maxPemLength} characters`);
  const begun = pem.split('-----BEGIN CERTIFICATE-----').length - 1;
  const blocks = [...pem.matchAll(block)];
  // A block that was cut is a file that is being written: half a bundle must not pass for a whole.
  if (blocks.length !== begun) throw fault(what, 'has a certificate that is cut or not base64');
  if (begun === 0) throw fault(what, 'has no certificate');
  if (begun > maxCertificates) throw fault(what, `has more than ${maxCertificates} certificates`);
  return blocks.map(([, base64 = ''], index) =>
    readCertificate(Buffer.from(base64, 'base64'), `${what}, certificate ${index + 1}`),
  );
}

/** Throws `invalid_argument` for what is no certificate. */
export function readCertificate(der: Buffer, what: string): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new MeshError('invalid_argument', `${what} is no X.509 certificate`, { cause });
  }
}

function fault(what: string, problem: string): MeshError {
  return new MeshError('invalid_argument', `${what} ${problem}`);
}

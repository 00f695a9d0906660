import type { KeyObject } from 'node:crypto';
import { derBitString, derOid, derSequence } from './der-writer.ts';

const p256 = derSequence(derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7'));
/** Both coordinates follow, in full. */
const uncompressed = Buffer.from([4]);

/**
 * A public key as certificates have it (SubjectPublicKeyInfo), in DER. Of P-256, which nearly all
 * keys of a mesh are, it is put together here: OpenSSL's encoder takes a quarter of a millisecond for
 * it, as long as everything else that is signed and written for a certificate.
 */
export function publicKeyInfo(key: KeyObject): Buffer {
  const {
    crv,
    x = '',
    y = '',
  } = key.asymmetricKeyType === 'ec' ? key.export({ format: 'jwk' }) : {};
  if (crv !== 'P-256') return key.export({ type: 'spki', format: 'der' });
  const point = [x, y].map((coordinate) => Buffer.from(coordinate, 'base64url'));
  return derSequence(p256, derBitString(Buffer.concat([uncompressed, ...point])));
}

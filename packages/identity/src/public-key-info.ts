/**
 * Public keys as certificates have them (SubjectPublicKeyInfo), in DER. P-256, of which nearly all
 * keys of a mesh are, is read and written here by its coordinates: OpenSSL's decoder and encoder,
 * which try every kind of key, take half of the time in which a certificate is made.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { derBitString, derOid, derSequence } from './der-writer.ts';

const p256 = derSequence(derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7'));
const coordinateBytes = 32;
/** An uncompressed point: both coordinates follow, in full. */
const uncompressed = 4;

const infoOf = (x: Buffer, y: Buffer): Buffer =>
  derSequence(p256, derBitString(Buffer.concat([Buffer.of(uncompressed), x, y])));
/** The same before the coordinates of every key. */
const empty = Buffer.alloc(coordinateBytes);
const length = infoOf(empty, empty).length;
const prefix = infoOf(empty, empty).subarray(0, length - 2 * coordinateBytes);

export function writePublicKey(key: KeyObject): Buffer {
  const isElliptic = key.asymmetricKeyType === 'ec';
  const { crv, x = '', y = '' } = isElliptic ? key.export({ format: 'jwk' }) : {};
  if (crv !== 'P-256') return key.export({ type: 'spki', format: 'der' });
  return infoOf(Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url'));
}

/** Throws what OpenSSL says of bytes that are no key, or of a point that is not on its curve. */
export function readPublicKey(info: Buffer): KeyObject {
  if (info.length !== length || !info.subarray(0, prefix.length).equals(prefix)) {
    return createPublicKey({ key: info, format: 'der', type: 'spki' });
  }
  const [x, y] = [
    info.subarray(-2 * coordinateBytes, -coordinateBytes),
    info.subarray(-coordinateBytes),
  ];
  const key = { kty: 'EC', crv: 'P-256', x: x.toString('base64url'), y: y.toString('base64url') };
  return createPublicKey({ key, format: 'jwk' });
}

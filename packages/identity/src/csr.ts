import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { contextTag, derBitString, derElement, derOid, derSequence, derTag } from './der-writer.ts';
import { pemEncode } from './pem.ts';
import { writePublicKey } from './public-key-info.ts';
import { parseSpiffeId } from './spiffe-id.ts';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** A fresh P-256 key, in this process' memory only. Takes well under a millisecond. */
export function generateKey(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

const ecdsaWithSha256 = derOid('1.2.840.10045.4.3.2');
const extensionRequest = derOid('1.2.840.113549.1.9.14');
const subjectAltName = derOid('2.5.29.17');
const uriName = contextTag(6, false);
const version0 = derElement(derTag.integer, Buffer.from([0]));
const critical = derElement(derTag.boolean, Buffer.from([0xff]));
const emptyName = derSequence();

/**
 * A PKCS#10 certificate request (RFC 2986) for one SPIFFE ID, signed with the P-256 key, as PEM.
 * The subject is empty, so the name is in a critical subjectAltName. Whatever it asks for, an
 * authority goes by whom it has authenticated. Throws `invalid_argument` for what is no SPIFFE ID.
 */
export function createCsr({ privateKey, publicKey }: KeyPair, spiffeId: string): string {
  const { uri } = parseSpiffeId(spiffeId);
  const names = derSequence(derElement(uriName, Buffer.from(uri, 'ascii')));
  const extensions = derSequence(
    derSequence(subjectAltName, critical, derElement(derTag.octetString, names)),
  );
  const attribute = derSequence(extensionRequest, derElement(derTag.set, extensions));
  const info = derSequence(
    version0,
    emptyName,
    writePublicKey(publicKey),
    derElement(contextTag(0, true), attribute),
  );
  const signature = sign('sha256', info, privateKey);
  const request = derSequence(info, derSequence(ecdsaWithSha256), derBitString(signature));
  return pemEncode('CERTIFICATE REQUEST', request);
}

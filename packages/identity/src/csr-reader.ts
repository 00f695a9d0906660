import { type KeyObject, verify } from 'node:crypto';
import { MeshError } from '@inmesh/core';
import { type Extension, readExtensions, readUris, subjectAltName } from './certificate.ts';
import { type DerElement, readDer, readOne } from './der-reader.ts';
import { contextTag, derElement, derOid, derSequence, derTag } from './der-writer.ts';
import { isStrongKey, strongKeys } from './key-strength.ts';
import { readPublicKey } from './public-key-info.ts';

/** A certificate request whose sender holds the key. What it asks for is a wish. */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
  /** The URIs that it would like to be certified. */
  readonly uris: readonly string[];
}

/** A request with an RSA key of 4,096 bits has 1.7 kB. */
const maxCsrLength = 16_384;
const block =
  /^\s*-----BEGIN CERTIFICATE REQUEST-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE REQUEST-----\s*$/;
const extensionRequest = derOid('1.2.840.113549.1.9.14').toString('hex');
const attributesTag = contextTag(0, true);

const none = derElement(derTag.null);
const algorithmName = (oid: string, ...parameters: Buffer[]): string =>
  derSequence(derOid(oid), ...parameters).toString('hex');
/** The digest of each signature algorithm that is taken; `null` where the algorithm has its own. */
const digests: ReadonlyMap<string, string | null> = new Map([
  [algorithmName('1.2.840.10045.4.3.2'), 'sha256'],
  [algorithmName('1.2.840.10045.4.3.3'), 'sha384'],
  [algorithmName('1.2.840.10045.4.3.4'), 'sha512'],
  [algorithmName('1.2.840.113549.1.1.11', none), 'sha256'],
  [algorithmName('1.2.840.113549.1.1.12', none), 'sha384'],
  [algorithmName('1.2.840.113549.1.1.13', none), 'sha512'],
  [algorithmName('1.3.101.112'), null],
]);

/**
 * Reads a PKCS#10 request (RFC 2986) in PEM and verifies that its key has signed it: up to half a
 * millisecond. Strict: nothing before or behind it, nothing that is not understood. Throws
 * `invalid_argument`.
 */
export function readCsr(pem: string): CertificateRequest {
  if (pem.length > maxCsrLength) throw fault(`it has more than ${maxCsrLength} characters`);
  const base64 = block.exec(pem)?.[1];
  if (base64 === undefined) throw fault('it is not one block of PEM');
  const [info, algorithm, signature, ...rest] = readDer(
    readOne(Buffer.from(base64, 'base64'), derTag.sequence),
  );
  if (info === undefined || algorithm === undefined || signature === undefined || rest.length > 0) {
    throw fault('it has not three parts');
  }
  const publicKey = readKey(info);
  const digest = digests.get(algorithm.bytes.toString('hex'));
  if (digest === undefined) throw fault('its signature algorithm is not taken');
  const [unusedBits, ...signed] = readOne(signature.bytes, derTag.bitString);
  if (unusedBits !== 0 || !hasSigned(publicKey, digest, info.bytes, Buffer.from(signed))) {
    throw fault('its key has not signed it');
  }
  return { publicKey, uris: readUris(requestedExtensions(info).get(subjectAltName)) };
}

function hasSigned(
  key: KeyObject,
  digest: string | null,
  data: Buffer,
  signature: Buffer,
): boolean {
  try {
    return verify(digest, data, key, signature);
  } catch {
    return false; // it is not even of the key's form
  }
}

/** version · subject · key · attributes [0] */
function readKey(info: DerElement): KeyObject {
  const key = readDer(info.content)[2];
  if (key === undefined) throw fault('it has no key');
  let publicKey: KeyObject;
  try {
    publicKey = readPublicKey(key.bytes);
  } catch (cause) {
    throw fault('its key cannot be read', cause);
  }
  if (!isStrongKey(publicKey)) throw fault(`its key is not ${strongKeys}`);
  return publicKey;
}

function requestedExtensions(info: DerElement): Map<string, Extension> {
  const attributes = readDer(info.content).find(({ tag }) => tag === attributesTag);
  const requests = readDer(attributes?.content ?? Buffer.alloc(0))
    .map(({ content }) => readDer(content))
    .filter(([type]) => type?.bytes.toString('hex') === extensionRequest);
  if (requests.length > 1) throw fault('it asks for extensions twice');
  const values = requests[0]?.[1];
  return values === undefined ? new Map() : readExtensions(values.content);
}

function fault(problem: string, cause?: unknown): MeshError {
  return new MeshError('invalid_argument', `the certificate request is refused: ${problem}`, {
    cause,
  });
}

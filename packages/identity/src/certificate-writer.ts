import { createHash, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { keyIdOf, subjectOf } from './certificate.ts';
import { generateKey, type KeyPair } from './csr.ts';
import { contextTag, derBitString, derElement, derOid, derSequence, derTag } from './der-writer.ts';
import { pemEncode } from './pem.ts';
import { writePublicKey } from './public-key-info.ts';
import { checkTrustDomain, parseSpiffeId } from './spiffe-id.ts';

/** Times are in milliseconds since the Unix epoch. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Who signs: an authority's certificate and the P-256 key that belongs to it. */
export interface SigningAuthority {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

export interface SvidRequest extends Validity {
  readonly spiffeId: string;
  readonly publicKey: KeyObject;
  /** Up to 20 bytes, the first above 0 and below 0x80. */
  readonly serial: Buffer;
  /**
   * DNS names and IP addresses besides, for clients outside the mesh (browsers, scrapers) that know
   * no SPIFFE. Within the mesh they do not count.
   * @default []
   */
  readonly hosts?: readonly string[];
}

const ecdsaWithSha256 = derSequence(derOid('1.2.840.10045.4.3.2'));
const commonName = derOid('2.5.4.3');
const yes = derElement(derTag.boolean, Buffer.from([0xff]));
const version3 = derElement(contextTag(0, true), integer(Buffer.from([2])));
const emptyName = derSequence();
/** Bits are counted from the highest; the first byte says how many at the end are unused. */
const digitalSignature = derElement(derTag.bitString, Buffer.from([7, 0x80]));
const signsCertificatesAndLists = derElement(derTag.bitString, Buffer.from([1, 0x06]));
/** What every SVID may be used for, and that it is no authority. */
const uses: readonly Buffer[] = [
  extension('2.5.29.15', true, digitalSignature),
  extension(
    '2.5.29.37',
    false,
    derSequence(derOid('1.3.6.1.5.5.7.3.1'), derOid('1.3.6.1.5.5.7.3.2')),
  ),
  extension('2.5.29.19', true, derSequence()),
];

/** Signs an X.509-SVID and returns it as PEM. Throws `invalid_argument` for what is no SPIFFE ID. */
export function signSvid(request: SvidRequest, authority: SigningAuthority): string {
  const { uri } = parseSpiffeId(request.spiffeId);
  const keyId = keyIdOf(authority.certificate);
  return signCertificate(
    { ...request, issuer: subjectOf(authority.certificate), subject: emptyName },
    [
      ...uses,
      ...(keyId === undefined
        ? []
        : [extension('2.5.29.35', false, derSequence(derElement(contextTag(0, false), keyId)))]),
      extension(
        '2.5.29.17',
        true,
        derSequence(uriName(uri), ...(request.hosts ?? []).map(hostName)),
      ),
    ],
    authority.privateKey,
  );
}

/** Makes the self-signed root of a trust domain, with a P-256 key of its own. */
export function createRoot(
  trustDomain: string,
  name: string,
  serial: Buffer,
  validity: Validity,
): SigningAuthority {
  const { privateKey, publicKey }: KeyPair = generateKey();
  const id = parseSpiffeId(`spiffe://${checkTrustDomain(trustDomain)}`);
  const text = derElement(0x0c, Buffer.from(name, 'utf8'));
  const subject = derSequence(derElement(derTag.set, derSequence(commonName, text)));
  const pem = signCertificate(
    { ...validity, serial, publicKey, issuer: subject, subject },
    [
      extension('2.5.29.15', true, signsCertificatesAndLists),
      extension('2.5.29.19', true, derSequence(yes)),
      extension('2.5.29.14', false, derElement(derTag.octetString, newKeyId(publicKey))),
      extension('2.5.29.17', false, derSequence(uriName(id.uri))),
    ],
    privateKey,
  );
  return { certificate: new X509Certificate(pem), privateKey };
}

interface CertificateFields extends Validity {
  readonly serial: Buffer;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
}

function signCertificate(
  fields: CertificateFields,
  extensions: readonly Buffer[],
  privateKey: KeyObject,
): string {
  const signed = derSequence(
    version3,
    integer(fields.serial),
    ecdsaWithSha256,
    fields.issuer,
    derSequence(time(fields.notBefore), time(fields.notAfter)),
    fields.subject,
    writePublicKey(fields.publicKey),
    derElement(contextTag(3, true), derSequence(...extensions)),
  );
  const signature = sign('sha256', signed, privateKey);
  const certificate = derSequence(signed, ecdsaWithSha256, derBitString(signature));
  return pemEncode('CERTIFICATE', certificate);
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  const content = derElement(derTag.octetString, value);
  return critical ? derSequence(derOid(oid), yes, content) : derSequence(derOid(oid), content);
}

function uriName(uri: string): Buffer {
  return derElement(contextTag(6, false), Buffer.from(uri, 'ascii'));
}

/** An IP address becomes its bytes, all else a DNS name. */
function hostName(host: string): Buffer {
  if (isIP(host) === 0) return derElement(contextTag(2, false), Buffer.from(host, 'ascii'));
  return derElement(contextTag(7, false), addressBytes(host));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes every spelling of an address in one: at most one `::`, no dots.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const after = tail === undefined ? [] : groups(tail);
  const before = groups(head);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Buffer.from(
    [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''),
    'hex',
  );
}

/** Any value serves that is the same on both sides (RFC 5280, 4.2.1.2). */
function newKeyId(publicKey: KeyObject): Buffer {
  return createHash('sha256').update(writePublicKey(publicKey)).digest().subarray(0, 20);
}

function integer(bytes: Buffer): Buffer {
  return derElement(derTag.integer, bytes);
}

/** Whole seconds; two digits of the year until 2049, as RFC 5280 wants it. */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '');
  const short = Number(digits.slice(0, 4)) < 2050;
  return derElement(short ? 0x17 : 0x18, Buffer.from(short ? digits.slice(2) : digits, 'ascii'));
}

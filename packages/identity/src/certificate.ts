import type { X509Certificate } from 'node:crypto';
import { MeshError } from '@inmesh/core';
import { type DerElement, readDer, readOne } from './der-reader.ts';
import { contextTag, derOid, derTag } from './der-writer.ts';

/**
 * What Inmesh decides by that Node does not tell of a certificate: `X509Certificate` has no key
 * usage, no criticality, and its subjectAltName is a text in which names can pretend to be two.
 */
export interface CertificateFacts {
  /** The URIs of the subjectAltName, byte for byte as Latin-1. */
  readonly uris: readonly string[];
  readonly subjectIsEmpty: boolean;
  readonly subjectAltNameCritical: boolean;
  readonly isAuthority: boolean;
  /** How many authorities may follow below; `Infinity` when it does not say. */
  readonly maxPathLength: number;
  /** `undefined` without the extension. */
  readonly keyUsage: KeyUsage | undefined;
  /** Object identifiers, dotted as Node tells them; `undefined` without the extension. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** Whether an extension that must be understood is not one of the above. */
  readonly hasUnknownCritical: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number;
  /** Milliseconds since the Unix epoch. */
  readonly notAfter: number;
}

interface KeyUsage {
  readonly critical: boolean;
  readonly digitalSignature: boolean;
  readonly keyCertSign: boolean;
  readonly crlSign: boolean;
}

export interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
}

const oid = (dotted: string): string => readOne(derOid(dotted), derTag.oid).toString('hex');
const basicConstraints = oid('2.5.29.19');
const keyUsage = oid('2.5.29.15');
const subjectKeyId = oid('2.5.29.14');
const extendedKeyUsage = oid('2.5.29.37');
/** By which `readExtensions` knows it. */
export const subjectAltName: string = oid('2.5.29.17');
const understood = new Set([basicConstraints, keyUsage, extendedKeyUsage, subjectAltName]);

const uriName = contextTag(6, false);
const versionTag = contextTag(0, true);
const extensionsTag = contextTag(3, true);

/** Reads a certificate's extensions strictly. Throws `invalid_argument` when they are malformed or doubled. */
export function readFacts(certificate: X509Certificate): CertificateFacts {
  const fields = signedFields(certificate);
  // version [0] · serial · signature · issuer · validity · subject · key · … · extensions [3]
  const first = fields[0]?.tag === versionTag ? 1 : 0;
  const subject = fields[first + 4]?.content;
  const extensions = extensionsOf(fields);
  const constraints = readBasicConstraints(extensions.get(basicConstraints));
  return {
    uris: readUris(extensions.get(subjectAltName)),
    subjectIsEmpty: subject === undefined || subject.length === 0,
    subjectAltNameCritical: extensions.get(subjectAltName)?.critical ?? false,
    isAuthority: constraints.isAuthority,
    maxPathLength: constraints.maxPathLength,
    keyUsage: readKeyUsage(extensions.get(keyUsage)),
    // Node's `keyUsage` is the extended one.
    extendedKeyUsage: extensions.has(extendedKeyUsage) ? (certificate.keyUsage ?? []) : undefined,
    hasUnknownCritical: [...extensions].some(
      ([id, { critical }]) => critical && !understood.has(id),
    ),
    notBefore: time(certificate.validFrom),
    notAfter: time(certificate.validTo),
  };
}

/** The subject, as DER: what it signs names it by these bytes. */
export function subjectOf(certificate: X509Certificate): Buffer {
  const fields = signedFields(certificate);
  const subject = fields[(fields[0]?.tag === versionTag ? 1 : 0) + 4];
  if (subject === undefined) throw malformed('it has no subject');
  return subject.bytes;
}

/** What an authority says its key is called; `undefined` when it does not. */
export function keyIdOf(certificate: X509Certificate): Buffer | undefined {
  const extension = extensionsOf(signedFields(certificate)).get(subjectKeyId);
  return extension === undefined ? undefined : readOne(extension.value, derTag.octetString);
}

function extensionsOf(fields: readonly DerElement[]): Map<string, Extension> {
  const wrapped = fields.find((field) => field.tag === extensionsTag);
  return wrapped === undefined ? new Map() : readExtensions(wrapped.content);
}

/** The fields of the part that is signed. */
function signedFields(certificate: X509Certificate): DerElement[] {
  const [signed] = readDer(readOne(certificate.raw, derTag.sequence));
  if (signed?.tag !== derTag.sequence) throw malformed('it is empty');
  return readDer(signed.content);
}

/** @param content One SEQUENCE of extensions. */
export function readExtensions(content: Buffer): Map<string, Extension> {
  const found = new Map<string, Extension>();
  for (const { content: one } of readDer(readOne(content, derTag.sequence))) {
    const [id, ...rest] = readDer(one);
    const value = rest.pop();
    if (id?.tag !== derTag.oid || value?.tag !== derTag.octetString || rest.length > 1) {
      throw malformed('an extension is none');
    }
    const key = id.content.toString('hex');
    // RFC 5280 forbids it; readers that take the first and the last would disagree.
    if (found.has(key)) throw malformed('an extension comes twice');
    found.set(key, { critical: rest[0]?.content[0] === 0xff, value: value.content });
  }
  return found;
}

/** The URIs of a subjectAltName. */
export function readUris(extension: Extension | undefined): string[] {
  if (extension === undefined) return [];
  return readDer(readOne(extension.value, derTag.sequence))
    .filter((name) => name.tag === uriName)
    .map((name) => name.content.toString('latin1'));
}

function readBasicConstraints(extension: Extension | undefined): {
  isAuthority: boolean;
  maxPathLength: number;
} {
  const fields = extension === undefined ? [] : readDer(readOne(extension.value, derTag.sequence));
  const isAuthority = fields[0]?.tag === derTag.boolean && fields[0].content[0] === 0xff;
  const length = fields.find((field) => field.tag === derTag.integer)?.content;
  if (length === undefined) return { isAuthority, maxPathLength: Number.POSITIVE_INFINITY };
  if (length.length !== 1 || (length[0] as number) > 127) throw malformed('a path length is none');
  return { isAuthority, maxPathLength: length[0] as number };
}

function readKeyUsage(extension: Extension | undefined): KeyUsage | undefined {
  if (extension === undefined) return undefined;
  // The first byte counts the unused bits; bit 0 of the usage is the highest of the second.
  const bits = readOne(extension.value, derTag.bitString)[1] ?? 0;
  return {
    critical: extension.critical,
    digitalSignature: (bits & 0x80) !== 0,
    keyCertSign: (bits & 0x04) !== 0,
    crlSign: (bits & 0x02) !== 0,
  };
}

function time(text: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw malformed(`${JSON.stringify(text)} is no date`);
  return at;
}

function malformed(problem: string): MeshError {
  return new MeshError('invalid_argument', `malformed certificate: ${problem}`);
}

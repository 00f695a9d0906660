import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import type { Enroller } from '@inmesh/core';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  type PublicKeyType,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

// From here, so that `reflect-metadata` is loaded before it.
export {
  Extension,
  KeyUsageFlags,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509';

// Another implementation than ours on purpose: what it reads and writes is what others do.
cryptoProvider.set(webcrypto as never);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const purposes = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

type Keys = Awaited<ReturnType<typeof webcrypto.subtle.generateKey>> & {
  publicKey: webcrypto.CryptoKey;
  privateKey: webcrypto.CryptoKey;
};

/** What a leaf is made of; what is left out is as an SVID should be. */
export interface LeafOptions {
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly subject?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly authority?: boolean;
  /** `undefined` leaves the extension out. */
  readonly usages?: number | undefined;
  readonly usagesCritical?: boolean;
  readonly purposes?: readonly string[] | undefined;
  readonly subjectAltNameCritical?: boolean;
  readonly extra?: readonly Extension[];
  readonly serial?: string;
}

export interface Issued {
  /** PEM, the leaf first, then the authorities below the root. */
  readonly chain: string;
  /** PKCS#8 PEM. */
  readonly key: string;
  readonly serial: string;
}

export interface TestAuthority {
  /** PEM of its own certificate. */
  readonly pem: string;
  /** PKCS#8 PEM of its own key. */
  key(): Promise<string>;
  issue(uri: string, options?: LeafOptions): Promise<Issued>;
  /** Signs the key of a request, for `uri`, whatever it asks for. */
  sign(csr: string, uri: string, options?: LeafOptions): Promise<string>;
  intermediate(options?: { maxPathLength?: number }): Promise<TestAuthority>;
}

let serials = 0;
const day = 24 * 3_600_000;

export async function createAuthority(name = 'test root'): Promise<TestAuthority> {
  const keys = await generate();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: nextSerial(),
    subject: `CN=${name}`,
    issuer: `CN=${name}`,
    notBefore: new Date(Date.now() - 10 * day),
    notAfter: new Date(Date.now() + 3650 * day),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: authorityExtensions(),
  });
  return authority(certificate, keys, '');
}

export interface TestEnroller extends Enroller {
  requests: number;
  /** Requests that have no answer yet. */
  pending: number;
}

/** An enroller over `signer()` whose certificates live for `lifeMs` from `now()`. */
export function testEnroller(
  signer: () => TestAuthority,
  uri: string,
  options: { now: () => number; lifeMs: number; bundle?: () => string },
): TestEnroller {
  const enroller = {
    requests: 0,
    pending: 0,
    async enroll(csr: string) {
      enroller.requests += 1;
      enroller.pending += 1;
      const chain = await signer().sign(csr, uri, {
        notBefore: new Date(options.now() - 1_000),
        notAfter: new Date(options.now() + options.lifeMs),
      });
      enroller.pending -= 1;
      return { chain, bundle: options.bundle?.() ?? signer().pem };
    },
  };
  return enroller;
}

function authority(certificate: X509Certificate, keys: Keys, above: string): TestAuthority {
  const signLeaf = async (
    publicKey: PublicKeyType,
    uri: string,
    options: LeafOptions,
  ): Promise<X509Certificate> =>
    X509CertificateGenerator.create({
      serialNumber: options.serial ?? nextSerial(),
      subject: options.subject ?? '',
      issuer: certificate.subjectName,
      notBefore: options.notBefore ?? new Date(Date.now() - 60_000),
      notAfter: options.notAfter ?? new Date(Date.now() + day),
      publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: leafExtensions(uri, options),
    });
  return {
    pem: `${certificate.toString('pem')}\n`,
    key: () => pemKey(keys),
    async issue(uri, options = {}) {
      const own = await generate();
      const leaf = await signLeaf(own.publicKey, uri, options);
      return {
        chain: `${leaf.toString('pem')}\n${above}`,
        key: await pemKey(own),
        serial: leaf.serialNumber,
      };
    },
    async sign(csr, uri, options = {}) {
      const request = new Pkcs10CertificateRequest(csr);
      if (!(await request.verify())) throw new Error('the request is not signed by its key');
      const leaf = await signLeaf(request.publicKey, uri, options);
      return `${leaf.toString('pem')}\n${above}`;
    },
    async intermediate({ maxPathLength } = {}) {
      const own = await generate();
      const below = await X509CertificateGenerator.create({
        serialNumber: nextSerial(),
        subject: `CN=below ${certificate.subject} ${serials}`,
        issuer: certificate.subjectName,
        notBefore: new Date(Date.now() - 10 * day),
        notAfter: new Date(Date.now() + 365 * day),
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: authorityExtensions(maxPathLength),
      });
      return authority(below, own, `${below.toString('pem')}\n${above}`);
    },
  };
}

function leafExtensions(uri: string, options: LeafOptions): Extension[] {
  const names = [
    ...(options.uris ?? [uri]).map((value) => ({ type: 'url' as const, value })),
    ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
  ];
  const usages = 'usages' in options ? options.usages : KeyUsageFlags.digitalSignature;
  const wanted = 'purposes' in options ? options.purposes : purposes;
  return [
    new BasicConstraintsExtension(options.authority ?? false, undefined, true),
    ...(usages === undefined
      ? []
      : [new KeyUsagesExtension(usages, options.usagesCritical ?? true)]),
    ...(wanted === undefined ? [] : [new ExtendedKeyUsageExtension([...wanted])]),
    ...(names.length === 0
      ? []
      : [new SubjectAlternativeNameExtension(names, options.subjectAltNameCritical ?? true)]),
    ...(options.extra ?? []),
  ];
}

function authorityExtensions(maxPathLength?: number): Extension[] {
  return [
    new BasicConstraintsExtension(true, maxPathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

async function pemKey({ privateKey }: Keys): Promise<string> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', privateKey);
  const base64 = Buffer.from(pkcs8).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`;
}

async function generate(): Promise<Keys> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as Keys;
}

function nextSerial(): string {
  serials += 1;
  return (0x10000 + serials).toString(16).padStart(6, '0');
}

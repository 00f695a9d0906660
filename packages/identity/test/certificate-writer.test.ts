import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import {
  createCsr,
  createRoot,
  generateKey,
  parsePemBundle,
  readCsr,
  readSvid,
  type SigningAuthority,
  signSvid,
} from '@inmesh/identity';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { verifyPath } from '../src/chain.ts';
import { orders } from './mutual-tls-fixture.ts';
import { createAuthority } from './test-authority.ts';

const now = Date.now();
const validity = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
const root = (): SigningAuthority =>
  createRoot('cluster.local', 'Inmesh', Buffer.from([0x40, 1]), {
    notBefore: now - 60_000,
    notAfter: Date.UTC(2061, 1, 3, 4, 5, 6),
  });

test('a certificate that is signed here is an SVID, and its path leads to the root', () => {
  const authority = root();
  const { publicKey } = generateKey();
  const serial = Buffer.from('7f00000000000000000000000000ff', 'hex');
  const pem = signSvid({ ...validity, spiffeId: orders, publicKey, serial }, authority);
  const svid = readSvid(new X509Certificate(pem));
  expect(svid.identity.spiffeId).toBe(orders);
  expect(svid.serial).toBe('7f00000000000000000000000000ff');
  expect(Math.abs(svid.expiresAt - validity.notAfter)).toBeLessThan(1_000);
  expect(svid.certificate.publicKey.equals(publicKey)).toBe(true);
  expect(verifyPath(svid, [], [authority.certificate], now)).toBe(svid.expiresAt);
});

test('a root is an authority of its trust domain, and lives beyond 2049', () => {
  const { certificate } = root();
  const bundle = parsePemBundle('cluster.local', certificate.toString());
  expect(bundle.authorities).toHaveLength(1);
  expect(() => parsePemBundle('other', certificate.toString())).toThrow(/is of cluster.local/);
  expect(Date.parse(certificate.validTo)).toBe(Date.UTC(2061, 1, 3, 4, 5, 6));
  expect(certificate.verify(certificate.publicKey)).toBe(true);
});

test('an authority that another implementation made may sign too', async () => {
  const other = await createAuthority();
  const certificate = new X509Certificate(other.pem);
  const { privateKey } = generateKey();
  const { publicKey } = generateKey();
  const serial = Buffer.from([0x21]);
  const pem = signSvid(
    { ...validity, spiffeId: orders, publicKey, serial },
    { certificate, privateKey },
  );
  // Only the name is looked at: the key is not the authority's.
  expect(new X509Certificate(pem).checkIssued(certificate)).toBe(true);
  expect(new X509Certificate(pem).verify(certificate.publicKey)).toBe(false);
});

test('a request is read: its key, and what it asks for', () => {
  const key = generateKey();
  const request = readCsr(createCsr(key, orders));
  expect(request.uris).toEqual([orders]);
  expect(request.publicKey.equals(key.publicKey)).toBe(true);
});

test('a request that another key has signed is refused', () => {
  const { publicKey } = generateKey();
  const { privateKey } = generateKey();
  expect(() => readCsr(createCsr({ publicKey, privateKey }, orders))).toThrow(
    /its key has not signed it/,
  );
});

test('a request for a weak key is refused', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  expect(() => readCsr(createCsr(weak, orders))).toThrow(/its key is not P-256/);
});

test.each([
  ['nothing', ''],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
  ['text before it', `x\n${createCsr(generateKey(), orders)}`],
  ['two of them', createCsr(generateKey(), orders).repeat(2)],
  ['an empty one', '-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----'],
  ['16 KiB', ' '.repeat(16_385)],
])('a request that is %s is refused', (_what, pem) => {
  expect(() => readCsr(pem)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
});

test('a request with any byte changed is refused, and never fails otherwise', () => {
  const pem = createCsr(generateKey(), orders);
  const der = Buffer.from(pem.replaceAll(/-----.*-----/g, ''), 'base64');
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(der);
      changed[at] = (changed[at] as number) ^ flip;
      const text = `-----BEGIN CERTIFICATE REQUEST-----\n${changed.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
      expect(() => readCsr(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }),
    { numRuns: 500 },
  );
});

test('a certificate names hosts too, for clients that know no SPIFFE', () => {
  const hosts = [
    'registry.test',
    '127.0.0.1',
    '::1',
    '2001:db8::1:0:2',
    '::ffff:10.1.2.3',
    'fd00::',
  ];
  const { publicKey } = generateKey();
  const pem = signSvid(
    { ...validity, spiffeId: orders, publicKey, serial: Buffer.from([0x21]), hosts },
    root(),
  );
  const certificate = new X509Certificate(pem);
  expect(readSvid(certificate).identity.spiffeId).toBe(orders);
  expect(certificate.checkHost('registry.test')).toBe('registry.test');
  for (const address of hosts.slice(1))
    expect([address, certificate.checkIP(address)]).toEqual([address, address]);
  expect(certificate.checkIP('127.0.0.2')).toBeUndefined();
});

import { X509Certificate } from 'node:crypto';
import { readSvid } from '@inmesh/identity';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFacts } from '../src/certificate.ts';
import { verifyPath } from '../src/chain.ts';
import { readDer } from '../src/der-reader.ts';
import {
  createAuthority,
  Extension,
  KeyUsageFlags,
  type LeafOptions,
  type TestAuthority,
} from './test-authority.ts';

const uri = 'spiffe://cluster.local/ns/prod/sa/orders';
const certificates = (pem: string): X509Certificate[] =>
  pem.split(/(?=-----BEGIN)/).map((one) => new X509Certificate(one));

let root: TestAuthority;
beforeAll(async () => {
  root = await createAuthority();
});

const leaf = async (options: LeafOptions = {}): Promise<X509Certificate> => {
  const { chain } = await root.issue(uri, options);
  return certificates(chain)[0] as X509Certificate;
};

test('an SVID tells who, which one and until when', async () => {
  const notAfter = new Date('2040-01-01T00:00:00Z');
  const svid = readSvid(await leaf({ serial: '00ab12', notAfter }));
  expect(svid.identity).toMatchObject({
    spiffeId: uri,
    namespace: 'prod',
    serviceAccount: 'orders',
  });
  expect(svid.serial).toBe('ab12');
  expect(svid.expiresAt).toBe(notAfter.getTime());
});

test('other names beside the one URI do no harm, and no purposes are all purposes', async () => {
  const svid = readSvid(await leaf({ dnsNames: ['orders.example.com'], purposes: undefined }));
  expect(svid.identity.spiffeId).toBe(uri);
});

const { digitalSignature, keyCertSign, cRLSign, keyEncipherment } = KeyUsageFlags;

describe('case 41: what is no SVID is refused', () => {
  const cases: readonly (readonly [string, LeafOptions, RegExp])[] = [
    ['two URIs', { uris: [uri, 'spiffe://cluster.local/ns/prod/sa/admin'] }, /names 2 URIs/],
    ['the same URI twice', { uris: [uri, uri] }, /names 2 URIs/],
    ['no name at all', { uris: [] }, /names no URI/],
    ['only a DNS name that looks like an ID', { uris: [], dnsNames: [uri] }, /names no URI/],
    [
      'an ID without a path',
      { uris: ['spiffe://cluster.local'] },
      /not the SPIFFE ID of a workload/,
    ],
    ['another scheme', { uris: ['https://cluster.local/ns/prod/sa/orders'] }, /not the SPIFFE ID/],
    ['an authority', { authority: true }, /authority/],
    ['keyCertSign', { usages: digitalSignature | keyCertSign }, /keyCertSign/],
    ['cRLSign', { usages: digitalSignature | cRLSign }, /cRLSign/],
    ['no key usage', { usages: undefined }, /no key usage/],
    ['a key usage that is not critical', { usagesCritical: false }, /not critical/],
    ['a key usage without digitalSignature', { usages: keyEncipherment }, /lacks digitalSignature/],
    ['an empty subject and names not critical', { subjectAltNameCritical: false }, /not critical/],
    ['no clientAuth', { purposes: ['1.3.6.1.5.5.7.3.1'] }, /lacks clientAuth/],
    ['no serverAuth', { purposes: ['1.3.6.1.5.5.7.3.2'] }, /lacks serverAuth/],
    ['another purpose only', { purposes: ['1.3.6.1.5.5.7.3.3'] }, /lacks clientAuth/],
    [
      'a critical extension that nobody knows',
      { extra: [new Extension('1.2.3.4', true, new Uint8Array([5, 0]))] },
      /critical extension/,
    ],
  ];
  test.each(cases)('%s', async (_what, options, reason) => {
    const certificate = await leaf(options);
    expect(() => readSvid(certificate)).toThrow(
      expect.objectContaining({ code: 'unauthenticated' }) as unknown as Error,
    );
    expect(() => readSvid(certificate)).toThrow(reason);
  });

  test('an extension that is not critical may be unknown', async () => {
    const extra = [new Extension('1.2.3.4', false, new Uint8Array([5, 0]))];
    expect(readSvid(await leaf({ extra })).identity.spiffeId).toBe(uri);
  });

  test('a subject that is not empty needs no critical name', async () => {
    const certificate = await leaf({ subject: 'O=SPIRE', subjectAltNameCritical: false });
    expect(readSvid(certificate).identity.spiffeId).toBe(uri);
  });
});

describe('case 35: names that pretend', () => {
  test.each([
    ['a NUL ends nothing', `${uri}\0.evil.example`],
    ['a comma makes no second name', `${uri}, URI:spiffe://cluster.local/ns/prod/sa/admin`],
    ['a wildcard stands for nobody', 'spiffe://*.example.com/ns/prod/sa/orders'],
    ['a wildcard in the path stands for nobody', 'spiffe://cluster.local/ns/prod/sa/*'],
  ])('%s', async (_what, name) => {
    const certificate = await leaf({ uris: [name] });
    expect(() => readSvid(certificate)).toThrow(/not the SPIFFE ID of a workload/);
  });
});

describe('the path to a trusted authority', () => {
  const now = Date.now();
  const verify = (chain: string, anchors: readonly TestAuthority[], at = now): number => {
    const [first, ...above] = certificates(chain) as [X509Certificate, ...X509Certificate[]];
    const trusted = anchors.flatMap(({ pem }) => certificates(pem));
    return verifyPath(readSvid(first), above, trusted, at);
  };

  test('leads over authorities that came along', async () => {
    const below = await (await root.intermediate()).intermediate();
    const { chain } = await below.issue(uri);
    expect(verify(chain, [await createAuthority('another'), root])).toBeGreaterThan(now);
  });

  test('leads over a trusted authority that has not signed itself, and does not end there', async () => {
    const below = await root.intermediate();
    const { chain } = await below.issue(uri);
    const [alone = ''] = chain.split(/(?=-----BEGIN)/);
    expect(verify(alone, [below, root])).toBeGreaterThan(now);
    expect(() => verify(chain, [below])).toThrow(/no trusted authority/);
  });

  test('holds as long as its shortest-lived part', async () => {
    const below = await root.intermediate();
    const { chain } = await below.issue(uri, { notAfter: new Date(now + 3650 * 86_400_000) });
    expect(verify(chain, [root])).toBeLessThan(now + 366 * 86_400_000);
  });

  test('is not there when the signer is not trusted, though it has a trusted name', async () => {
    const { chain } = await (await createAuthority()).issue(uri);
    expect(() => verify(chain, [root])).toThrow(/no trusted authority of cluster.local/);
  });

  test('is not there without the authority in between', async () => {
    const { chain } = await (await root.intermediate()).issue(uri);
    const [alone = ''] = chain.split(/(?=-----BEGIN)/);
    expect(() => verify(alone, [root])).toThrow(/no trusted authority/);
  });

  test('is not there when nobody is trusted', async () => {
    const { chain } = await root.issue(uri);
    expect(() => verify(chain, [])).toThrow(/no trusted authority/);
  });

  test('does not lead over an authority that may have none below it', async () => {
    const narrow = await root.intermediate({ maxPathLength: 0 });
    expect(verify((await narrow.issue(uri)).chain, [root])).toBeGreaterThan(now);
    const { chain } = await (await narrow.intermediate()).issue(uri);
    expect(() => verify(chain, [root])).toThrow(/allows 0 authorities below it/);
  });

  test('holds neither before nor after its time', async () => {
    const notBefore = new Date(now - 1_000);
    const notAfter = new Date(now + 60_000);
    const { chain } = await root.issue(uri, { notBefore, notAfter });
    expect(() => verify(chain, [root], now - 5_000)).toThrow(/not valid before .* the clock says/);
    expect(() => verify(chain, [root], now + 61_000)).toThrow(/expired at/);
  });
});

test('bytes that were changed give a refusal or a certificate, never another failure', async () => {
  const { raw } = await leaf();
  fc.assert(
    fc.property(fc.nat(raw.length - 1), fc.nat(255), (at, byte) => {
      const changed = Buffer.from(raw);
      changed[at] = byte;
      let certificate: X509Certificate;
      try {
        certificate = new X509Certificate(changed);
      } catch {
        return;
      }
      try {
        readFacts(certificate);
        readSvid(certificate);
      } catch (error) {
        expect(error).toMatchObject({ name: 'MeshError' });
      }
    }),
    { numRuns: 2_000 },
  );
});

describe('DER is read strictly', () => {
  test.each([
    ['an indefinite length', '3080020101'],
    ['a length that could be shorter', '308103020101'],
    ['a length beyond the end', '3004020101'],
    ['a length of four bytes', '308400000003020101'],
    ['a tag without a length', '30'],
    ['a tag of two bytes', '1f810100'],
  ])('%s is refused', (_what, hex) => {
    expect(() => readDer(Buffer.from(hex, 'hex'))).toThrow(/malformed DER/);
  });

  test('any bytes give elements or a refusal', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          const elements = readDer(Buffer.from(bytes));
          const read = elements.reduce((sum, { content }) => sum + content.length, 0);
          expect(read).toBeLessThanOrEqual(bytes.length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_argument' });
        }
      }),
    );
  });
});

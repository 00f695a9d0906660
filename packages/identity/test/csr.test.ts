import { createCsr, generateKey } from '@inmesh/identity';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { derOid } from '../src/der-writer.ts';
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from './test-authority.ts';

/** @peculiar/x509 keeps the extensions of a request raw. */
function namesIn(request: Pkcs10CertificateRequest): { critical: boolean; names: unknown } {
  const raw = request.extensions.find((one) => one.type === '2.5.29.17');
  if (raw === undefined) throw new Error('the request names nobody');
  const read = new SubjectAlternativeNameExtension(raw.rawData);
  return { critical: read.critical, names: read.names.toJSON() };
}

const uri = 'spiffe://cluster.local/ns/prod/sa/orders';

test('another implementation reads the request: its name, its key, its signature', async () => {
  const key = generateKey();
  const request = new Pkcs10CertificateRequest(createCsr(key, uri));
  await expect(request.verify()).resolves.toBe(true);
  expect(request.subject).toBe('');
  expect(namesIn(request)).toEqual({ critical: true, names: [{ type: 'url', value: uri }] });
  const spki = key.publicKey.export({ type: 'spki', format: 'der' });
  expect(Buffer.from(request.publicKey.rawData).equals(spki)).toBe(true);
});

test('a long name makes long lengths, which are read all the same', async () => {
  const key = generateKey();
  for (const length of [90, 100, 200, 300, 2000]) {
    const long = `spiffe://td/${'a'.repeat(length)}`;
    const request = new Pkcs10CertificateRequest(createCsr(key, long));
    await expect(request.verify()).resolves.toBe(true);
    expect(namesIn(request).names).toEqual([{ type: 'url', value: long }]);
  }
});

test('what is no SPIFFE ID gets no request', () => {
  const key = generateKey();
  expect(() => createCsr(key, 'https://td/a')).toThrow(/SPIFFE ID/);
});

test('two keys are never the same', () => {
  const [one, other] = [generateKey(), generateKey()];
  expect(one.publicKey.equals(other.publicKey)).toBe(false);
});

test('object identifiers are written in base 128', () => {
  expect(derOid('1.2.840.10045.4.3.2').toString('hex')).toBe('06082a8648ce3d040302');
  fc.assert(
    fc.property(fc.array(fc.nat(2 ** 30), { minLength: 1, maxLength: 6 }), (arcs) => {
      const [, length = 0, , ...bytes] = derOid(`1.3.${arcs.join('.')}`);
      expect(bytes).toHaveLength(length - 1);
      const read: number[] = [];
      let value = 0;
      for (const byte of bytes) {
        value = value * 128 + (byte & 0x7f);
        if (byte < 0x80) {
          read.push(value);
          value = 0;
        }
      }
      expect(read).toEqual(arcs);
    }),
  );
});

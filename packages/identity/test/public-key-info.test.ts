import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { readPublicKey, writePublicKey } from '../src/public-key-info.ts';

test('a public key of P-256 is written and read as by OpenSSL, zeros in front of a coordinate too', () => {
  // One in 128 has a coordinate that begins with a zero byte.
  for (let i = 0; i < 1_000; i += 1) {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const info = publicKey.export({ type: 'spki', format: 'der' });
    expect(writePublicKey(publicKey).equals(info)).toBe(true);
    expect(readPublicKey(info).equals(publicKey)).toBe(true);
  }
});

test.each([
  ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['Ed25519', generateKeyPairSync('ed25519')],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2_048 })],
])('a public key of %s is written and read as by OpenSSL', (_kind, { publicKey }) => {
  const info = publicKey.export({ type: 'spki', format: 'der' });
  expect(writePublicKey(publicKey).equals(info)).toBe(true);
  expect(readPublicKey(info).equals(publicKey)).toBe(true);
});

test('a point that is not on the curve is no key, whoever reads it', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const info = publicKey.export({ type: 'spki', format: 'der' });
  for (const coordinates of [Buffer.alloc(64), Buffer.alloc(64, 0xff), Buffer.alloc(64, 1)]) {
    const changed = Buffer.concat([info.subarray(0, -64), coordinates]);
    expect(() => createPublicKey({ key: changed, format: 'der', type: 'spki' })).toThrow();
    expect(() => readPublicKey(changed)).toThrow();
  }
  expect(() => readPublicKey(info.subarray(0, -1))).toThrow();
});

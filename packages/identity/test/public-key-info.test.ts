import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { publicKeyInfo } from '../src/public-key-info.ts';

test('a public key of P-256 is written as OpenSSL writes it, zeros in front of a coordinate too', () => {
  // One in 128 has a coordinate that begins with a zero byte.
  for (let i = 0; i < 1_000; i += 1) {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const bySsl = publicKey.export({ type: 'spki', format: 'der' });
    expect(publicKeyInfo(publicKey).equals(bySsl)).toBe(true);
  }
});

test.each([
  ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['Ed25519', generateKeyPairSync('ed25519')],
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2_048 })],
])('a public key of %s is written as OpenSSL writes it', (_kind, { publicKey }) => {
  const bySsl = publicKey.export({ type: 'spki', format: 'der' });
  expect(publicKeyInfo(publicKey).equals(bySsl)).toBe(true);
});

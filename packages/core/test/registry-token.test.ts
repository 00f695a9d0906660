import { formatRegistryToken, isMeshError, parseRegistryToken } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

const base64url = (length: number): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[A-Za-z0-9_-]{${length}}$`));
const fingerprint = fc.stringMatching(/^[0-9a-f]{64}$/);
const token = fc.record({
  kind: fc.constantFrom('join' as const, 'reader' as const, 'operator' as const),
  id: base64url(12),
  secret: base64url(43),
  fingerprints: fc.array(fingerprint, { minLength: 1, maxLength: 2 }),
});

test('a token is read as it was written, with the line break that a file ends in', () => {
  fc.assert(
    fc.property(token, (one) => {
      expect(parseRegistryToken(`${formatRegistryToken(one)}\n`)).toEqual(one);
    }),
  );
});

test('what is no token is refused, and never quoted', () => {
  const almost = fc
    .tuple(token, fc.nat(120), fc.string({ maxLength: 3 }))
    .map(([one, at, text]) => {
      const good = formatRegistryToken(one);
      return good.slice(0, at) + text + good.slice(at + 1);
    });
  fc.assert(
    fc.property(fc.oneof(fc.string(), almost), (text) => {
      try {
        expect(formatRegistryToken(parseRegistryToken(text))).toBe(text.trim());
      } catch (error) {
        if (!isMeshError(error, 'unauthenticated')) throw error;
        expect(error.message).toBe(
          'this is no token of a registry (inmesh-join.…, inmesh-reader.…, inmesh-operator.…)',
        );
      }
    }),
  );
});

import { formatSpiffeId, identityOf, parseSpiffeId } from '@inmesh/identity';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

describe('what is no SPIFFE ID', () => {
  test.each([
    ['without a trust domain', 'spiffe://'],
    ['with a root path', 'spiffe://td/'],
    ['with an empty first segment', 'spiffe://td//a'],
    ['with a trailing slash', 'spiffe://td/a/'],
    ['with percent-encoding', 'spiffe://td/%61'],
    ['with user info', 'spiffe://u@td/a'],
    ['with a port', 'spiffe://td:80/a'],
    ['with an empty port', 'spiffe://td:/a'],
    ['with a query', 'spiffe://td/a?x'],
    ['with an empty query', 'spiffe://td?'],
    ['with a fragment', 'spiffe://td/a#x'],
    ['with a parent segment', 'spiffe://td/../a'],
    ['with a dot segment', 'spiffe://td/a/.'],
    ['of another scheme', 'http://td/a'],
    ['of a scheme that only begins so', 'spiffes://td/a'],
    ['with one slash', 'spiffe:/td/a'],
    ['with an IPv6 trust domain', 'spiffe://[::1]/a'],
    ['with a letter outside ASCII', 'spiffe://tд/a'],
    ['with a letter that lower-cases into ASCII', 'spiffe://\u212aeks/a'],
    ['with a NUL', 'spiffe://td/a\0b'],
    ['with a line break at the end', 'spiffe://td/a\n'],
    ['with a space', 'spiffe://td/a b'],
    ['with a backslash', 'spiffe://td\\a'],
    ['with a wildcard', 'spiffe://td/*'],
    ['that is empty', ''],
    ['with a trust domain of 256 bytes', `spiffe://${'a'.repeat(256)}/a`],
    ['of 2,049 bytes', `spiffe://td/${'a'.repeat(2049 - 12)}`],
  ])('an ID %s is refused', (_what, text) => {
    expect(() => parseSpiffeId(text)).toThrow(
      expect.objectContaining({ name: 'MeshError', code: 'invalid_argument' }) as unknown as Error,
    );
  });
});

test('scheme and trust domain are lower-cased, the path is not', () => {
  expect(parseSpiffeId('SPIFFE://Cluster.LOCAL/ns/A/sa/b')).toEqual({
    uri: 'spiffe://cluster.local/ns/A/sa/b',
    trustDomain: 'cluster.local',
    path: '/ns/A/sa/b',
  });
});

test('an ID may name a trust domain, and an IPv4 literal may be one', () => {
  expect(parseSpiffeId('spiffe://127.0.0.1').path).toBe('');
  expect(parseSpiffeId('spiffe://a_b-c.d').trustDomain).toBe('a_b-c.d');
});

test('an ID of 2,048 bytes is read', () => {
  expect(parseSpiffeId(`spiffe://td/${'a'.repeat(2048 - 12)}`).uri).toHaveLength(2048);
});

test('the identity of an ID in the form of Istio has namespace and service account', () => {
  expect(identityOf(parseSpiffeId('spiffe://cluster.local/ns/prod/sa/orders'))).toEqual({
    spiffeId: 'spiffe://cluster.local/ns/prod/sa/orders',
    trustDomain: 'cluster.local',
    namespace: 'prod',
    serviceAccount: 'orders',
  });
});

test.each([
  '/orders',
  '/ns/prod',
  '/ns/prod/sa/orders/x',
  '/sa/prod/ns/orders',
  '/NS/prod/sa/orders',
])('the path %s gives neither namespace nor service account', (path) => {
  const identity = identityOf(parseSpiffeId(`spiffe://td${path}`));
  expect([identity.namespace, identity.serviceAccount]).toEqual(['', '']);
});

test('an ID without a path is no identity', () => {
  expect(() => identityOf(parseSpiffeId('spiffe://td'))).toThrow(/names no workload/);
});

test.each([
  { trustDomain: 'td', namespace: 'a/sa/b', serviceAccount: 'c' },
  { trustDomain: 'td', namespace: '', serviceAccount: 'c' },
  { trustDomain: 'TD', namespace: 'a', serviceAccount: 'c' },
  { trustDomain: 'td/ns/x', namespace: 'a', serviceAccount: 'c' },
])('parts that would move the borders of an ID are refused: %j', (parts) => {
  expect(() => formatSpiffeId(parts)).toThrow(/SPIFFE ID/);
});

test('whatever is read is read the same again, and holds no character that is not allowed', () => {
  const nearly = fc
    .tuple(
      fc.constantFrom('spiffe://', 'SPIFFE://', 'spiffe:/', ''),
      fc.string({
        unit: fc.constantFrom('a', 'B', '.', '/', '%', '@', ':', '?', '-', '_', '\0'),
        maxLength: 12,
      }),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string(), fc.webUrl()), (text) => {
      let uri: string;
      try {
        uri = parseSpiffeId(text).uri;
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_argument' });
        return;
      }
      expect(parseSpiffeId(uri).uri).toBe(uri);
      expect(uri).toMatch(/^spiffe:\/\/[a-z0-9._-]+(\/[a-zA-Z0-9._-]+)*$/);
      expect(new URL(uri).pathname).toBe(parseSpiffeId(text).path);
    }),
    { numRuns: 2_000 },
  );
});

test('every ID that is put together from valid parts is taken apart into them', () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
  fc.assert(
    fc.property(label, label, label, (trustDomain, namespace, serviceAccount) => {
      const parts = { trustDomain, namespace, serviceAccount };
      expect(identityOf(parseSpiffeId(formatSpiffeId(parts)))).toMatchObject(parts);
    }),
  );
});

import { X509Certificate } from 'node:crypto';
import { formatPemBundle, parsePemBundle, parseSpiffeBundle } from '@inmesh/identity';
import { beforeAll, expect, test } from '@jest/globals';
import { createAuthority, type TestAuthority } from './test-authority.ts';

let old: TestAuthority;
let fresh: TestAuthority;
beforeAll(async () => {
  [old, fresh] = await Promise.all([createAuthority('old'), createAuthority('new')]);
});

const entry = ({ pem }: TestAuthority, more: object = {}): object => ({
  kty: 'EC',
  crv: 'P-256',
  use: 'x509-svid',
  x5c: [new X509Certificate(pem).raw.toString('base64')],
  ...more,
});
const bundle = (...keys: unknown[]): string => JSON.stringify({ spiffe_sequence: 1, keys });

test('a PEM bundle holds each authority once, comments or not', () => {
  const read = parsePemBundle('td', `# old\n${old.pem}# new\n${fresh.pem}${old.pem}`);
  expect(read.authorities.map((one) => one.subject)).toEqual(['CN=old', 'CN=new']);
  expect(parsePemBundle('td', formatPemBundle(read)).authorities).toHaveLength(2);
});

test('a PEM bundle that was cut off is refused, not half taken', () => {
  const cut = `${old.pem}${fresh.pem.slice(0, 200)}`;
  expect(() => parsePemBundle('td', cut)).toThrow(/cut/);
  expect(() => parsePemBundle('td', '')).toThrow(/has no certificate/);
});

test('a bundle of a megabyte, or of thousands, is not read', () => {
  expect(() => parsePemBundle('td', ' '.repeat(2 ** 20 + 1))).toThrow(/more than 1048576/);
  expect(() => parsePemBundle('td', old.pem.repeat(101))).toThrow(/more than 100/);
  expect(() => parseSpiffeBundle('td', ' '.repeat(2 ** 20 + 1))).toThrow(/more than 1048576/);
});

test('a workload is no authority', async () => {
  const { chain } = await old.issue('spiffe://td/a');
  expect(() => parsePemBundle('td', chain)).toThrow(/is no authority/);
});

test('an authority of another trust domain, or named as a workload, is refused', async () => {
  const named = async (uri: string): Promise<string> =>
    (await old.issue(uri, { authority: true, subject: 'CN=named' })).chain;
  expect(parsePemBundle('td', await named('spiffe://td')).authorities).toHaveLength(1);
  const other = await named('spiffe://other');
  expect(() => parsePemBundle('td', other)).toThrow(/is of other/);
  const workload = await named('spiffe://td/ns/a/sa/b');
  expect(() => parsePemBundle('td', workload)).toThrow(/names the workload/);
});

test('the JWKS of SPIFFE: X.509 authorities are taken, what is unknown is left out', () => {
  const json = bundle(
    entry(old),
    { kty: 'EC', crv: 'P-256', use: 'jwt-svid', kid: 'k', x: 'x', y: 'y' },
    entry(fresh, { use: undefined }),
    entry(fresh, { use: 'later' }),
    entry(fresh, { kty: 'later' }),
    null,
    7,
  );
  const { authorities } = parseSpiffeBundle('td', json);
  expect(authorities.map((one) => one.subject)).toEqual(['CN=old']);
});

test('a JWKS without keys trusts nobody', () => {
  expect(parseSpiffeBundle('td', bundle()).authorities).toEqual([]);
});

test.each([
  ['no JSON', '{'],
  ['no object', '[]'],
  ['null', 'null'],
  ['no keys', '{}'],
  ['keys that are no list', '{"keys":{}}'],
  ['an entry without a certificate', '{"keys":[{"kty":"EC","use":"x509-svid"}]}'],
  ['an entry that holds none', '{"keys":[{"kty":"EC","use":"x509-svid","x5c":["AAAA"]}]}'],
])('a JWKS that is %s is refused', (_what, json) => {
  expect(() => parseSpiffeBundle('td', json)).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }) as unknown as Error,
  );
});

test('a JWKS entry with two certificates is refused', () => {
  const two = bundle(
    entry(old, {
      x5c: [old, fresh].map(({ pem }) => new X509Certificate(pem).raw.toString('base64')),
    }),
  );
  expect(() => parseSpiffeBundle('td', two)).toThrow(/exactly one certificate/);
});

test('a trust domain that is none has no bundle', () => {
  expect(() => parsePemBundle('spiffe://td', old.pem)).toThrow(/trust domain/);
});

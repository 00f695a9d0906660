import { type AuthenticateOptions, createAuthentication } from '@inmesh/auth';
import { authenticate as expressAuthenticate } from '@inmesh/auth/express';
import { send, sendRaw, startUpstream } from '@inmesh/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { frameworks, type GuardedApp } from './guarded-apps.ts';
import {
  audience,
  base64,
  ecKey,
  goodClaims,
  hmac,
  issuer,
  keySet,
  mint,
  rsaKey,
} from './token-maker.ts';

const rsa = rsaKey('rsa');
const ec = ecKey('ec');
const ec384 = ecKey('ec-384', 'P-384');
const encrypting = rsaKey('encrypting');
const wrapping = rsaKey('wrapping');
const pinned = rsaKey('pinned');
const short = rsaKey('short', 1024);
const jwks = keySet(
  rsa.jwk,
  ec.jwk,
  ec384.jwk,
  { ...encrypting.jwk, use: 'enc' },
  { ...wrapping.jwk, key_ops: ['encrypt', 'wrapKey'] },
  { ...pinned.jwk, alg: 'PS256' },
  short.jwk,
  { kty: 'oct', kid: 'shared', k: base64('0'.repeat(32)) },
);
const options: AuthenticateOptions = {
  issuers: [{ issuer, audiences: [audience, 'other-name'], jwks, type: 'at+jwt' }],
};
const typed = { typ: 'at+jwt' };
const token = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
  mint(rsa, { header: { ...typed, ...header }, payload: { ...goodClaims(), ...claims } });
const now = Math.floor(Date.now() / 1000);
const without = (name: string): string => {
  const claims = goodClaims();
  delete claims[name];
  return mint(rsa, { header: typed, payload: claims });
};
const rawPayload = (payload: string): string => mint(rsa, { header: typed, payload });
const unsigned = (alg: string): string =>
  `${base64(JSON.stringify({ ...typed, alg }))}.${base64(JSON.stringify(goodClaims()))}`;
/** Sets the lowest bit of the last character, which no byte uses. */
const otherSpelling = (text: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(text.at(-1) as string);
  return text.slice(0, -1) + alphabet[last ^ 1];
};

const hostile: readonly (readonly [string, string])[] = [
  ['1: alg none with an empty signature', `${unsigned('none')}.`],
  ['1: alg NONE', `${unsigned('NONE')}.`],
  ['1: alg nOnE with a signature', `${unsigned('nOnE')}.${base64('x')}`],
  ['1: RS256 without a signature', `${unsigned('RS256')}.`],
  [
    '2: HS256 signed with the public PEM',
    mint(rsa, {
      header: { ...typed, alg: 'HS256' },
      signature: hmac(rsa.publicKey.export({ type: 'spki', format: 'pem' })),
    }),
  ],
  [
    '2: HS256 signed with a secret published in the key set',
    mint(rsa, {
      header: { ...typed, alg: 'HS256', kid: 'shared' },
      signature: hmac('0'.repeat(32)),
    }),
  ],
  ['3: ES256 with an RSA key', mint(ec, { header: { ...typed, kid: 'rsa' } })],
  ['3: ES256 with a P-384 key', mint(ec384, { header: typed })],
  ['3: RS256 with a key pinned to PS256', mint(pinned, { header: typed })],
  ['3: an RSA key of 1024 bits', mint(short, { header: typed })],
  ['4: a key of use enc', mint(encrypting, { header: typed })],
  ['4: a key whose key_ops do not verify', mint(wrapping, { header: typed })],
  ['6: kid ../../dev/null', token({}, { kid: '../../dev/null' })],
  ['6: kid with SQL', token({}, { kid: "' UNION SELECT 'key" })],
  ['6: kid with a NUL', token({}, { kid: 'rsa\0' })],
  ['6: kid of 5 kB', token({}, { kid: 'k'.repeat(5_000) })],
  ['6: kid that is no text', token({}, { kid: ['rsa'] })],
  ['6: kid __proto__', token({}, { kid: '__proto__' })],
  ['7: unknown crit', token({}, { crit: ['exp'], exp: 1 })],
  ['7: an empty crit', token({}, { crit: [] })],
  ['7: b64 false', token({}, { b64: false })],
  ['8: no exp', without('exp')],
  ['8: exp 1e400', rawPayload(JSON.stringify(goodClaims()).replace(/"exp":\d+/, '"exp":1e400'))],
  ['8: exp null', token({ exp: null })],
  ['9: exp as a text', token({ exp: String(now + 3600) })],
  ['9: nbf in the future', token({ nbf: now + 600 })],
  ['9: expired for longer than the skew', token({ exp: now - 120 })],
  ['10: iat far in the future', token({ iat: now + 86_400, exp: now + 90_000 })],
  ['11: no iss', without('iss')],
  ['11: iss of somebody else', token({ iss: 'https://evil.example.com' })],
  ['11: iss as a list', token({ iss: [issuer] })],
  ['11: no aud', without('aud')],
  ['11: aud as an object', token({ aud: { shop: true } })],
  ['12: the payload is a list', rawPayload(`[${JSON.stringify(goodClaims())}]`)],
  ['12: the payload is a text', rawPayload('"ada"')],
  ['12: the payload is null', rawPayload('null')],
  [
    '13: sub is claimed twice',
    rawPayload(JSON.stringify(goodClaims()).replace('{', '{"sub":"root",')),
  ],
  [
    '13: sub is claimed twice, once escaped',
    rawPayload(JSON.stringify(goodClaims()).replace('{', '{"s\\u0075b":"root",')),
  ],
  [
    '13: a nested claim is given twice',
    rawPayload(JSON.stringify(goodClaims()).replace('{', '{"a":{"b":1,"b":2},')),
  ],
  [
    '13: alg is given twice',
    mint(rsa, { header: '{"alg":"none","alg":"RS256","kid":"rsa","typ":"at+jwt"}' }),
  ],
  ['16: 5 kB over the cap', token({ pad: 'x'.repeat(10_000) })],
  ['16: deep JSON', rawPayload(`{"a":${'['.repeat(2_000)}${']'.repeat(2_000)}}`)],
  ['17: padding', `${token()}=`],
  [
    '17: the other alphabet',
    token({ name: '???>>>~~~' }).replaceAll('_', '/').replaceAll('-', '+'),
  ],
  ['17: stray bits in the signature', otherSpelling(token())],
  ['17: invalid UTF-8 in the payload', badUtf8()],
  ['18: typ of another use', token({}, { typ: 'id+jwt' })],
  ['18: no typ', mint(rsa)],
  ['19: ECDSA r=s=0', mint(ec, { header: typed, signature: () => Buffer.alloc(64) })],
  [
    '19: ECDSA of the wrong length',
    mint(ec, { header: typed, signature: () => Buffer.alloc(63, 1) }),
  ],
  [
    '20: the JSON form',
    JSON.stringify({ payload: base64(JSON.stringify(goodClaims())), signatures: [] }),
  ],
  ['20: four segments', `${token()}.${base64('x')}`],
  ['20: five segments', `${token()}.a.b`],
  ['20: two segments', token().split('.').slice(0, 2).join('.')],
  [
    '25: a token of an unlisted issuer',
    mint(rsaKey('rsa'), { header: typed, payload: { ...goodClaims(), iss: 'https://other' } }),
  ],
  ['25: garbage where a token should be', 'garbage'],
];

function badUtf8(): string {
  const [before = '', after = ''] = JSON.stringify(goodClaims()).split('ada');
  return mint(rsa, {
    header: typed,
    payload: Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)]),
  });
}

/** By the case's number: refused for the right reason, not by a mistake in the test's own token. */
const reasons: Readonly<Record<string, RegExp>> = {
  1: /three segments|algorithm/,
  2: /no key of its issuer fits/,
  3: /no key of its issuer fits/,
  4: /no key of its issuer fits/,
  6: /no key of its issuer fits|key id/,
  7: /extension/,
  8: /never expires|strict JSON|not a number/,
  9: /not a number|not valid yet|has expired/,
  10: /issued in the future/,
  11: /issuer that is not accepted|audience|its aud/,
  12: /claims are not a strict JSON object/,
  13: /not a strict JSON object/,
  16: /longer than 8192 bytes|strict JSON/,
  17: /canonical base64url|strict JSON/,
  18: /another type/,
  19: /signature is wrong/,
  20: /three segments/,
  25: /issuer that is not accepted|three segments/,
};

describe.each(frameworks)('%s', (_name, start) => {
  let app: GuardedApp;
  beforeAll(async () => {
    app = await start({ authenticate: options, guardAdmin: true });
  });
  afterAll(() => app.close());
  const me = (authorization: string) => send(`${app.url}/me`, { headers: { authorization } });

  test('a good token gives its user, and is taken out of the request', async () => {
    const { status, text } = await me(`Bearer ${token({ roles: ['admin'] })}`);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      identity: { principal: `${issuer}/ada`, claims: { sub: 'ada', roles: ['admin'] } },
    });
    expect(JSON.parse(text).headers.authorization).toBeUndefined();
  });

  test('no token passes without identity', async () => {
    const { status, text } = await send(`${app.url}/me`);
    expect({ status, identity: JSON.parse(text).identity }).toEqual({ status: 200 });
  });

  test.each(hostile)('case %s is 401', async (name, bad) => {
    const { status, headers } = await me(`Bearer ${bad}`);
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toMatch(/^Bearer error="invalid_token"/);
    expect(headers['www-authenticate']).toMatch(reasons[Number.parseInt(name, 10)] as RegExp);
    // Not worse than no token either: it never passes as anonymous.
    expect(
      (await send(`${app.url}/open`, { headers: { authorization: `bearer ${bad}` } })).status,
    ).toBe(401);
  });

  test('case 11: a good token for another audience is 403', async () => {
    expect((await me(`Bearer ${token({ aud: 'somebody-else' })}`)).status).toBe(403);
    expect((await me(`Bearer ${token({ aud: ['x', 'other-name'] })}`)).status).toBe(200);
  });

  test('case 9: a clock 60 s off is forgiven, and no more', async () => {
    expect((await me(`Bearer ${token({ exp: now - 20 })}`)).status).toBe(200);
    expect((await me(`Bearer ${token({ nbf: now + 50 })}`)).status).toBe(200);
    expect((await me(`Bearer ${token({ exp: now - 61 })}`)).status).toBe(401);
  });

  test('case 5: embedded jwk, jku, x5u and x5c are ignored and nothing is fetched', async () => {
    const trap = await startUpstream();
    const evil = rsaKey('rsa');
    const embedded = {
      jwk: evil.jwk,
      jku: `${trap.url}/keys`,
      x5u: `${trap.url}/cert`,
      x5c: ['AAAA'],
    };
    const forged = mint(evil, { header: { ...typed, ...embedded } });
    expect((await me(`Bearer ${forged}`)).status).toBe(401);
    expect((await me(`Bearer ${token({}, embedded)}`)).status).toBe(200);
    expect(trap.requests).toBe(0);
    await trap.close();
  });

  test('case 14: a claim named __proto__ stays a claim', async () => {
    const payload = JSON.stringify(goodClaims()).replace(
      '{',
      '{"__proto__":{"roles":["admin"],"admin":true},',
    );
    const evil = `Bearer ${rawPayload(payload)}`;
    expect((await me(evil)).status).toBe(200);
    expect((await send(`${app.url}/admin`, { headers: { authorization: evil } })).status).toBe(403);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  test('case 16: a token of 15 kB in the query is refused, and nothing else happens', async () => {
    const big = `GET /me?access_token=${'x'.repeat(15_000)} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`;
    expect(await sendRaw(app.port, big)).toMatch(/^HTTP\/1\.1 401 /);
    expect((await send(`${app.url}/open`)).status).toBe(200);
  });

  test.each([
    [
      'two authorization headers',
      [`authorization: Bearer ${token()}`, `Authorization: Bearer ${token()}`],
    ],
    ['one Bearer and one Basic', [`authorization: Bearer ${token()}`, 'authorization: Basic YTpi']],
  ])('case 20: %s are 401', async (_case, lines) => {
    const answer = await sendRaw(
      app.port,
      `GET /me HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${lines.join('\r\n')}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });

  test('case 20: a scheme without a token is 401', async () => {
    expect((await me('Bearer')).status).toBe(401);
    expect((await me('Bearer  ')).status).toBe(401);
    expect((await me('Bearers x')).status).toBe(200);
  });

  test('a token in ?access_token= counts, twice it is 401', async () => {
    expect((await send(`${app.url}/me?access_token=${token()}`)).status).toBe(200);
    expect((await send(`${app.url}/me?access%5Ftoken=garbage`)).status).toBe(401);
    expect(
      (await send(`${app.url}/me?access_token=${token()}&access_token=${token()}`)).status,
    ).toBe(401);
  });

  test('case 36: x-forwarded-* of an untrusted peer never reaches the app', async () => {
    const { text } = await send(`${app.url}/me`, {
      headers: {
        'x-forwarded-for': '10.0.0.1',
        'X-Forwarded-Host': 'evil',
        forwarded: 'for=1',
        'x-real-ip': '1.2.3.4',
      },
    });
    expect(Object.keys(JSON.parse(text).headers).sort()).toEqual(['connection', 'host']);
  });

  test('requireRole lets the role through, refuses others with 403 and nobody with 401', async () => {
    const before = app.adminCalls();
    const admin = (authorization?: string) =>
      send(`${app.url}/admin`, authorization === undefined ? {} : { headers: { authorization } });
    expect((await admin()).status).toBe(401);
    expect((await admin(`Bearer ${token({ roles: ['editor', 'administrator'] })}`)).status).toBe(
      403,
    );
    expect(app.adminCalls()).toBe(before);
    expect((await admin(`Bearer ${token({ roles: ['editor', 'admin'] })}`)).status).toBe(200);
    expect(app.adminCalls()).toBe(before + 1);
  });
});

describe('case 15: a secret that can be guessed', () => {
  const secretOptions = (secret: string) => ({
    issuers: [{ issuer, audiences: [audience], secret }],
  });
  test.each(['', 'x', 'x'.repeat(31)])('%j is a configuration error', (secret) => {
    expect(() => createAuthentication(secretOptions(secret))).toThrow(
      /secret must be at least 32 bytes for HS256/,
    );
  });
  test('32 bytes are enough for HS256 and not for HS512', async () => {
    createAuthentication(secretOptions('x'.repeat(32))).pipeline.close();
    const [rule] = secretOptions('x'.repeat(32)).issuers;
    expect(() =>
      createAuthentication({ issuers: [{ ...rule, secretAlgorithm: 'HS512' } as never] }),
    ).toThrow(/64 bytes/);
  });
  test('a good HS256 token passes', async () => {
    const [, start] = frameworks[1] as (typeof frameworks)[number];
    const secret = 'x'.repeat(32);
    const app = await start({ authenticate: secretOptions(secret) });
    const good = mint(rsa, { header: { alg: 'HS256' }, signature: hmac(secret) });
    const { status } = await send(`${app.url}/me`, {
      headers: { authorization: `Bearer ${good}` },
    });
    expect(status).toBe(200);
    await app.close();
  });
});

describe('cases 11 and 37: what is not configured does not start', () => {
  test.each([
    ['no issuers', {}],
    ['an empty list of issuers', { issuers: [] }],
    ['an issuer without a name', { issuers: [{ issuer: '', audiences: ['a'], jwks }] }],
    ['no audiences', { issuers: [{ issuer, audiences: [], jwks }] }],
    ['audiences left out', { issuers: [{ issuer, jwks }] }],
    ['an issuer that is no URL, and no keys', { issuers: [{ issuer: 'me', audiences: ['a'] }] }],
    ['a key set without keys', { issuers: [{ issuer, audiences: ['a'], jwks: '{"keys":[]}' }] }],
    [
      'jwks beside a secret',
      { issuers: [{ issuer, audiences: ['a'], jwks, secret: 'x'.repeat(32) }] },
    ],
  ])('%s', (_case, bad) => {
    expect(() => expressAuthenticate(bad as never)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });

  test.each([
    'x-user',
    'x-forwarded-user',
    'serverIdentity',
    'nacos',
    'inmesh-peer',
    'x-auth-request-user',
  ])('case 37: the header %s makes nobody known', async (name) => {
    const [, start] = frameworks[2] as (typeof frameworks)[number];
    const app = await start({ authenticate: options, guardAdmin: true });
    const { status } = await send(`${app.url}/admin`, { headers: { [name]: 'admin' } });
    expect(status).toBe(401);
    await app.close();
  });
});

test('case 37: there is no signing key that is known to everybody', async () => {
  const [, start] = frameworks[1] as (typeof frameworks)[number];
  const app = await start({ authenticate: options });
  for (const secret of [
    '',
    'secret',
    'kiali',
    'SecretKey012345678901234567890123456789012345678901234567890123456789',
  ]) {
    const forged = mint(rsa, {
      header: { ...typed, alg: 'HS256', kid: undefined },
      signature: hmac(secret),
    });
    const { status } = await send(`${app.url}/me`, {
      headers: { authorization: `Bearer ${forged}` },
    });
    expect(status).toBe(401);
  }
  await app.close();
});

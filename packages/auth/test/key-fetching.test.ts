import { setImmediate as nextTurn } from 'node:timers/promises';
import { createAuthentication, type TokenOptions } from '@inmesh/auth';
import { createFakeClock, type FakeClock, startUpstream, type Upstream } from '@inmesh/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { refusedAddress } from '../src/jwt/address-policy.ts';
import { checkKeyUrl } from '../src/jwt/document-fetch.ts';
import {
  audience,
  ecKey,
  goodClaims,
  issuer,
  keySet,
  mint,
  rsaKey,
  type TestKey,
} from './token-maker.ts';
import { verdictOf } from './verdict-of.ts';

const first = rsaKey('first');
const second = ecKey('second');
let clock: FakeClock;
let provider: Upstream;
let published: string;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  clock = createFakeClock();
  published = keySet(first.jwk);
  provider = await startUpstream((request, response) => {
    if (request.url === '/.well-known/openid-configuration') {
      response.end(JSON.stringify({ issuer: provider.url, jwks_uri: `${provider.url}/keys` }));
    } else if (request.url === '/moved') response.writeHead(302, { location: '/keys' }).end();
    else if (request.url === '/huge') response.end(`{"keys":[],"pad":"${'x'.repeat(400_000)}"}`);
    else response.end(published);
  });
  cleanups.push(() => provider.close());
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Asks an app that trusts the provider about a token; gives the status, 200 when it passes. */
function asker(options: Partial<TokenOptions> & { path?: string; from?: 'discovery' } = {}) {
  const { path = '/keys', from, ...tokens } = options;
  const own = from === 'discovery' ? provider.url : issuer;
  const place = from === 'discovery' ? {} : { jwksUri: provider.url + path };
  const { pipeline } = createAuthentication({
    issuers: [{ issuer: own, audiences: [audience], timeoutMs: 2_000, ...place }],
    privateHosts: ['127.0.0.1'],
    clock,
    ...tokens,
  });
  cleanups.push(() => pipeline.close());
  const ask = (token: string) => verdictOf(pipeline, { authorization: `Bearer ${token}` });
  const tokenOf = (key: TestKey, claims: object = {}) =>
    mint(key, {
      payload: { ...goodClaims(Math.floor(clock.wallNow() / 1000)), iss: own, exp: 4e9, ...claims },
    });
  return { ask, tokenOf };
}

test('keys are fetched once, for the first token, and not for a token of another issuer', async () => {
  const { ask, tokenOf } = asker();
  expect(await ask(tokenOf(first, { iss: 'https://other' }))).toBe(401);
  expect(provider.requests).toBe(0);
  expect(
    await Promise.all(Array.from({ length: 20 }, (_, i) => ask(tokenOf(first, { jti: `${i}` })))),
  ).toEqual(Array(20).fill(200));
  expect(provider.requests).toBe(1);
});

test('keys are found by discovery, in a document that names this very issuer', async () => {
  const { ask, tokenOf } = asker({ from: 'discovery' });
  expect(await ask(tokenOf(first))).toBe(200);
  expect(provider.requests).toBe(2);
});

test('a discovery document of another issuer gives no keys', async () => {
  const impostor = await startUpstream((_request, response) => {
    response.end(JSON.stringify({ issuer, jwks_uri: `${provider.url}/keys` }));
  });
  cleanups.push(() => impostor.close());
  const { pipeline } = createAuthentication({
    issuers: [{ issuer: impostor.url, audiences: 'any' }],
    privateHosts: ['127.0.0.1'],
    clock,
  });
  cleanups.push(() => pipeline.close());
  const token = mint(first, { payload: { ...goodClaims(), iss: impostor.url, exp: 4e9 } });
  expect(await verdictOf(pipeline, { authorization: `Bearer ${token}` })).toBe(503);
  expect(provider.requests).toBe(0);
});

describe('case 21: unknown kids', () => {
  test('10,000 of them cause one fetch a window, and known kids go on working', async () => {
    const { ask, tokenOf } = asker();
    expect(await ask(tokenOf(first))).toBe(200);
    clock.advance(31_000);
    const forged = tokenOf(first).split('.');
    for (let i = 0; i < 10_000; i += 1) {
      const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: `random-${i}` })).toString(
        'base64url',
      );
      expect(await ask([header, forged[1], forged[2]].join('.'))).toBe(401);
    }
    expect(provider.requests).toBe(2);
    expect(await ask(tokenOf(first, { jti: 'new' }))).toBe(200);
  });

  test('a key that was added is used as soon as the cool-down is over', async () => {
    const { ask, tokenOf } = asker();
    expect(await ask(tokenOf(first))).toBe(200);
    published = keySet(first.jwk, second.jwk);
    expect(await ask(tokenOf(second))).toBe(401);
    clock.advance(30_000);
    expect(await Promise.all([ask(tokenOf(second)), ask(tokenOf(second))])).toEqual([200, 200]);
    expect(provider.requests).toBe(2);
  });
});

describe('case 22: the issuer is away', () => {
  test('the last good keys serve until the stale limit, then 503, and it heals', async () => {
    const { ask, tokenOf } = asker();
    const token = tokenOf(first);
    expect(await ask(token)).toBe(200);
    provider.fault = { kind: 'reset' };
    clock.advance(301_000);
    expect(await ask(token)).toBe(200);
    expect(await ask(tokenOf(first, { jti: 'new' }))).toBe(200);
    clock.advance(3_600_000);
    expect(await ask(token)).toBe(503);
    expect(await ask(tokenOf(first, { jti: 'newer' }))).toBe(503);
    provider.fault = undefined;
    clock.advance(30_000);
    expect(await ask(token)).toBe(200);
  });

  test('with no keys yet a token is 503, never accepted, and retries back off', async () => {
    provider.fault = { kind: 'reset' };
    const { ask, tokenOf } = asker();
    for (let second = 0; second < 60; second += 1) {
      expect(await ask(tokenOf(first))).toBe(503);
      clock.advance(1_000);
    }
    expect(provider.requests).toBeLessThan(10);
  });

  test.each(['/huge', '/moved'])('%s gives no keys: too large, or a redirect', async (path) => {
    const { ask, tokenOf } = asker({ path });
    expect(await ask(tokenOf(first))).toBe(503);
    expect(provider.requests).toBe(1);
  });
});

describe('case 23: a key that was taken back', () => {
  test('is refused within the refresh bound, also where its token was verified before', async () => {
    const { ask, tokenOf } = asker();
    const token = tokenOf(first);
    expect(await ask(token)).toBe(200);
    published = keySet(second.jwk);
    clock.advance(300_000);
    expect(await ask(token)).toBe(401);
    expect(await ask(tokenOf(second))).toBe(200);
  });

  test.each([
    ['before they were too old', 60_000],
    ['long ago', 400_000],
  ])(
    'is refused at once when the issuer is back that was away %s',
    async (_when, failedAfterMs) => {
      const { ask, tokenOf } = asker();
      const token = tokenOf(first);
      expect(await ask(token)).toBe(200);
      provider.fault = { kind: 'reset' };
      clock.advance(failedAfterMs);
      expect(await ask(tokenOf(second))).toBe(401);
      provider.fault = undefined;
      published = keySet(second.jwk);
      clock.advance(600_000);
      expect(await Promise.all([ask(token), ask(token)])).toEqual([401, 401]);
    },
  );

  test('an empty set takes back every key', async () => {
    const { ask, tokenOf } = asker();
    expect(await ask(tokenOf(first))).toBe(200);
    published = keySet();
    clock.advance(300_000);
    expect(await ask(tokenOf(first))).toBe(401);
  });

  test('is refused once a renewal beside the requests has told so', async () => {
    const { ask, tokenOf } = asker();
    const token = tokenOf(first);
    expect(await ask(token)).toBe(200);
    published = keySet(second.jwk);
    clock.advance(250_000);
    // This one starts the renewal and does not wait for it.
    expect(await ask(token)).toBe(200);
    while (provider.requests < 2 || (await ask(tokenOf(second))) !== 200) await nextTurn();
    expect(await ask(token)).toBe(401);
  });

  test('a renewal beside the requests keeps verified tokens whose key stays', async () => {
    const { ask, tokenOf } = asker();
    const token = tokenOf(first);
    expect(await ask(token)).toBe(200);
    published = keySet(second.jwk, first.jwk);
    clock.advance(250_000);
    expect(await ask(token)).toBe(200);
    while (provider.requests < 2) await nextTurn();
    expect(await ask(token)).toBe(200);
  });
});

test('case 24: a set that holds a kid twice is refused whole', async () => {
  const { ask, tokenOf } = asker();
  published = keySet(first.jwk, { ...second.jwk, kid: 'first' });
  expect(await ask(tokenOf(first))).toBe(503);
  expect(() =>
    createAuthentication({ issuers: [{ issuer, audiences: 'any', jwks: published }] }),
  ).toThrow(/two keys of one kid/);
});

test('a verified token is forgotten when it expires, whatever the cache holds', async () => {
  const { ask, tokenOf } = asker();
  const exp = Math.floor(clock.wallNow() / 1000) + 100;
  const token = tokenOf(first, { exp });
  expect(await ask(token)).toBe(200);
  clock.advance(100_000 + 59_000);
  expect(await ask(token)).toBe(200);
  clock.advance(1_000);
  expect(await ask(token)).toBe(401);
});

describe('case 26: where keys are never fetched', () => {
  test.each([
    ['http://169.254.169.254/latest/meta-data', 'link-local'],
    ['https://169.254.169.254/keys', 'linkLocal'],
    ['https://[fe80::1]/keys', 'linkLocal'],
    ['https://[::ffff:169.254.169.254]/keys', 'linkLocal'],
    ['https://[64:ff9b::a9fe:a9fe]/keys', 'rfc6052'],
    ['https://[fd00:ec2::254]/keys', 'metadata'],
    ['https://2852039166/keys', 'linkLocal'],
    ['https://0xa9fea9fe/keys', 'linkLocal'],
    ['https://127.1/keys', 'loopback'],
    ['https://10.0.0.1/keys', 'private'],
    ['https://0.0.0.0/keys', 'unspecified'],
    ['file:///etc/passwd', 'https'],
    ['ftp://issuer.example.com/', 'https'],
    ['https://user@issuer.example.com/', 'password'],
    ['http://issuer.example.com/keys', 'https'],
  ])('%s does not start', (jwksUri) => {
    expect(() =>
      createAuthentication({ issuers: [{ issuer, audiences: 'any', jwksUri }] }),
    ).toThrow();
  });

  test('link-local and metadata stay refused for a host that may be private', () => {
    expect(refusedAddress('10.0.0.1', true)).toBeUndefined();
    expect(refusedAddress('127.0.0.1', true)).toBeUndefined();
    expect(refusedAddress('::ffff:10.0.0.1', true)).toBeUndefined();
    for (const address of [
      '169.254.169.254',
      '::ffff:169.254.1.1',
      'fe80::1',
      'fd00:ec2::254',
      '100.100.100.200',
    ]) {
      expect(refusedAddress(address, true)).toBeDefined();
    }
    expect(refusedAddress('8.8.8.8', false)).toBeUndefined();
    expect(refusedAddress('not an address', true)).toBe('no IP address');
    expect(() => checkKeyUrl('http://169.254.169.254/', new Set(['169.254.169.254']))).toThrow(
      /not fetched/,
    );
  });

  test('a name is held against its addresses when the connection is made', async () => {
    // `localhost` is a name that means a private address: only by name is it allowed.
    const jwksUri = provider.url.replace('127.0.0.1', 'localhost');
    const lenient = createAuthentication({
      issuers: [{ issuer, audiences: [audience], jwksUri }],
      privateHosts: ['LOCALHOST'],
    });
    const strict = createAuthentication({
      issuers: [{ issuer, audiences: [audience], jwksUri: jwksUri.replace('http:', 'https:') }],
    });
    cleanups.push(
      () => lenient.pipeline.close(),
      () => strict.pipeline.close(),
    );
    const headers = { authorization: `Bearer ${mint(first)}` };
    expect(await verdictOf(lenient.pipeline, headers)).toBe(200);
    const connections = provider.connections;
    expect(await verdictOf(strict.pipeline, headers)).toBe(503);
    expect(provider.connections).toBe(connections);
  });
});

import {
  createFakeClock,
  type FakeClock,
  send,
  startUpstream,
  type Upstream,
} from '@inmesh/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { frameworks, type GuardedApp } from './guarded-apps.ts';
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

const first = rsaKey('first');
const second = ecKey('second');

describe.each(frameworks)('%s', (_name, start) => {
  let clock: FakeClock;
  let provider: Upstream;
  let published: string;
  let app: GuardedApp;

  beforeEach(async () => {
    clock = createFakeClock();
    published = keySet(first.jwk);
    provider = await startUpstream((_request, response) => response.end(published));
    app = await start({
      authenticate: {
        issuers: [{ issuer, audiences: [audience], jwksUri: `${provider.url}/keys` }],
        privateHosts: ['127.0.0.1'],
        clock,
      },
    });
  });
  afterEach(async () => {
    await app.close();
    await provider.close();
  });
  const tokenOf = (key: TestKey, header: object = {}): string =>
    mint(key, {
      header: { ...header },
      payload: { ...goodClaims(clock.wallNow() / 1000), exp: 4e9 },
    });
  const ask = async (token: string): Promise<number> =>
    (await send(`${app.url}/me`, { headers: { authorization: `Bearer ${token}` } })).status;

  test('case 21: random kids cause one fetch a window, and known ones go on working', async () => {
    expect(await ask(tokenOf(first))).toBe(200);
    clock.advance(31_000);
    const kids = Array.from({ length: 200 }, (_, i) => tokenOf(first, { kid: `random-${i}` }));
    expect(new Set(await Promise.all(kids.map(ask)))).toEqual(new Set([401]));
    expect(provider.requests).toBe(2);
    expect(await ask(tokenOf(first))).toBe(200);
  });

  test('case 22: last good keys while the issuer is away, then 503', async () => {
    const token = tokenOf(first);
    expect(await ask(token)).toBe(200);
    await provider.close();
    clock.advance(1_000_000);
    expect(await ask(token)).toBe(200);
    clock.advance(3_600_000);
    expect(await ask(token)).toBe(503);
  });

  test('case 23: a key that was taken back is refused within five minutes', async () => {
    const token = tokenOf(first);
    expect(await ask(token)).toBe(200);
    published = keySet(second.jwk);
    clock.advance(300_000);
    expect(await ask(token)).toBe(401);
  });

  test("case 24: a kid that is there twice is nobody's", async () => {
    published = keySet(first.jwk, { ...second.jwk, kid: 'first' });
    expect(await ask(tokenOf(first))).toBe(503);
  });

  test('case 26: keys at a link-local address, or in a file, are never fetched', async () => {
    for (const jwksUri of ['https://169.254.169.254/keys', 'file:///etc/passwd']) {
      const authenticate = { issuers: [{ issuer, audiences: [audience], jwksUri }] };
      await expect(start({ authenticate })).rejects.toThrow();
    }
  });
});

import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIssuerVerifier } from '@inmesh/auth';
import { silentLogger } from '@inmesh/core';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { createFileSecret } from '../src/secrets/secret.ts';
import { createServiceTokenIssuer, issuerOf } from '../src/security/service-token-issuer.ts';
import { onEnd } from './registry-fixture.ts';
import { idOf, startSecureRegistry } from './secure-fixture.ts';

const day = 24 * 3_600_000;

function clockOfToday(): FakeClock {
  const clock = createFakeClock();
  clock.jumpWall(Date.now() - clock.wallNow());
  return clock;
}

test('a workload gets a token for one service, which that one verifies by the published keys', async () => {
  const registry = await startSecureRegistry();
  const identity = await registry.workload('orders');
  const body = { audience: 'reviews.default' };
  const { status, json, headers } = await registry.send(
    'POST',
    '/v1/service-tokens',
    { identity },
    body,
  );
  expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
  const { json: jwks } = await registry.send('GET', '/v1/jwks');
  expect(JSON.stringify(jwks)).not.toContain('"d"');
  const verifier = (audience: string) =>
    createIssuerVerifier({ issuer: issuerOf('cluster.local'), audiences: [audience], jwks }, {});
  expect(await verifier('reviews.default').verify(json.token)).toMatchObject({
    kind: 'verified',
    claims: { sub: idOf('orders') },
  });
  expect(await verifier('ratings.default').verify(json.token)).toMatchObject({ kind: 'audience' });
});

test('only workloads get them', async () => {
  const registry = await startSecureRegistry();
  const body = { audience: 'reviews.default' };
  const ask = async (shown: object): Promise<number> =>
    (await registry.send('POST', '/v1/service-tokens', shown, body)).status;
  expect([await ask({}), await ask({ token: registry.operator })]).toEqual([401, 403]);
});

test('the key is replaced each month: published an hour before it signs, and believed until its last token has expired', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'inmesh-tokens-'));
  onEnd(() => rm(dataDir, { recursive: true }));
  const path = join(dataDir, 'service-token-keys.json');
  const clock = clockOfToday();
  const make = () =>
    createServiceTokenIssuer({
      trustDomain: 'cluster.local',
      secret: createFileSecret(path),
      clock,
      logger: silentLogger,
    });
  const issuer = await make();
  onEnd(() => issuer.close());
  const kidOf = (): string =>
    JSON.parse(
      Buffer.from(
        issuer.issue(idOf('orders'), 'a.b').token.split('.')[0] ?? '',
        'base64url',
      ).toString(),
    ).kid;
  const kids = (): unknown[] => issuer.jwks().keys.map((key) => Reflect.get(key, 'kid'));
  const first = kidOf();
  await clock.advanceAsync(30 * day);
  while (kids().length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(kidOf()).toBe(first);
  await clock.advanceAsync(3_600_000);
  const second = kidOf();
  expect(kids()).toEqual([first, second]);
  await clock.advanceAsync(360_000);
  expect(kids()).toEqual([second]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(path, 'utf8')).keys).toHaveLength(2);
  const again = await make();
  onEnd(() => again.close());
  expect(again.jwks()).toEqual(issuer.jwks());
});

import type { IncomingMessage } from 'node:http';
import { type Identity, MeshError, silentLogger } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import type { Access, RouteAccess } from '../src/access/access.ts';
import { networkOf } from '../src/access/admission.ts';
import { nobody, type Principal } from '../src/access/principal.ts';
import type { App } from '../src/http/app.ts';
import { createApp } from '../src/http/create-app.ts';
import { onEnd } from './registry-fixture.ts';

const identity: Identity = {
  spiffeId: 'spiffe://cluster.local/ns/default/sa/orders',
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount: 'orders',
};
const principals: Record<string, Principal> = {
  nobody,
  service: { kind: 'service', identity, serial: '4a' },
  reader: { kind: 'reader', name: 'grafana' },
  operator: { kind: 'operator', name: 'alice' },
};

/** An app whose requests say themselves who they are; a route for each access. */
async function appWith(accesses: readonly RouteAccess[]): Promise<App> {
  const app = await createApp({
    bodyBytes: 1_000,
    headerTimeoutMs: 1_000,
    guard: () => undefined,
    authenticate: ({ headers }: IncomingMessage) => {
      const principal = principals[String(headers['x-who'] ?? 'nobody')];
      if (principal === undefined) throw new MeshError('unauthenticated', 'no such token');
      return principal;
    },
    early: () => false,
    logger: silentLogger,
  });
  onEnd(() => app.close());
  for (const access of accesses) {
    app.get(
      `/${[access].flat().join('-')}`,
      { config: { access } },
      async ({ principal }) => principal,
    );
  }
  return app;
}

async function statusOf(app: App, path: string, who: string): Promise<number> {
  return (await app.inject({ url: path, headers: { 'x-who': who } })).statusCode;
}

test.each<[Access, Record<string, number>]>([
  ['open', { nobody: 200, service: 200, reader: 200, operator: 200 }],
  ['service', { nobody: 401, service: 200, reader: 403, operator: 200 }],
  ['reader', { nobody: 401, service: 403, reader: 200, operator: 200 }],
  ['operator', { nobody: 401, service: 403, reader: 403, operator: 200 }],
])('a route for %s admits %j', async (access, expected) => {
  const app = await appWith([access]);
  for (const [who, status] of Object.entries(expected)) {
    expect([who, await statusOf(app, `/${access}`, who)]).toEqual([who, status]);
  }
});

test('one access of several is enough', async () => {
  const app = await appWith([['service', 'reader']]);
  expect(await statusOf(app, '/service-reader', 'service')).toBe(200);
  expect(await statusOf(app, '/service-reader', 'reader')).toBe(200);
  expect(await statusOf(app, '/service-reader', 'nobody')).toBe(401);
});

test('a proof that does not hold is refused, also where none is needed', async () => {
  const app = await appWith(['open', 'reader']);
  const answer = await app.inject({ url: '/open', headers: { 'x-who': 'forged' } });
  expect(answer.statusCode).toBe(401);
  expect(answer.headers['www-authenticate']).toBe('Bearer realm="registry"');
  expect(answer.json()).toMatchObject({ code: 'unauthenticated', detail: 'no such token' });
  expect(await statusOf(app, '/reader', 'forged')).toBe(401);
});

test('a route that declares no access is refused when it is made', async () => {
  const app = await appWith([]);
  expect(() => app.get('/forgotten', async () => 'secret')).toThrow(
    'registry: route GET /forgotten declares no access',
  );
});

test('what does not exist is not found, whoever asks', async () => {
  const app = await appWith([]);
  expect(await statusOf(app, '/nowhere', 'forged')).toBe(404);
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '::ffff:192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['', ''],
])('who comes from %s counts as %s: of IPv6 everybody has 2^64 addresses', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

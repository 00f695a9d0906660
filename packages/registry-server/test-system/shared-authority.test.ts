import { randomBytes, type X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuthorityStatus, TrustBundleAnswer } from '@inmesh/core';
import { createIdentity, type IdentitySource, parsePemBundle } from '@inmesh/identity';
import {
  createRegistryClient,
  createRegistryEnroller,
  type RegistryClient,
  tlsByToken,
} from '@inmesh/registry-client';
import { createEtcdStore } from '@inmesh/registry-server';
import { type EtcdCluster, eventually, startEtcd } from '@inmesh/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { type RegistryProcess, startRegistryProcess } from './support/registry-process.ts';

const storeKey = randomBytes(32).toString('hex');
const ends: (() => unknown)[] = [];

let etcd: EtcdCluster;
let dataDir: string;
let first: RegistryProcess;
let second: RegistryProcess;
let operator: string;

function start(name: string, more: object = {}): Promise<RegistryProcess> {
  const settings = { port: 0, sessionTtlMs: 4_000, serverLeaseMs: 2_000, etcd: etcd.address };
  return startRegistryProcess({ ...settings, name, storeKey, ...more });
}

beforeAll(async () => {
  etcd = await startEtcd();
  ends.push(() => etcd.close());
  dataDir = await mkdtemp(join(tmpdir(), 'inmesh-shared-'));
  ends.push(() => rm(dataDir, { recursive: true }));
  // The first server makes the root, and a token for the first operator.
  first = await start('first', { dataDir });
  ends.push(() => first.kill());
  second = await start('second');
  ends.push(() => second.kill());
  operator = (await readFile(join(dataDir, 'operator-token'), 'utf8')).trim();
}, 120_000);
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end();
}, 60_000);

async function ask<T>(server: RegistryProcess, method: string, path: string, body?: object) {
  const tls = await tlsByToken(server.url, operator, AbortSignal.timeout(30_000));
  const agent = new Agent({ connect: tls as object });
  try {
    const answer = await request(server.url + path, {
      method: method as 'GET',
      dispatcher: agent,
      headers: {
        authorization: `Bearer ${operator}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: answer.statusCode, json: (await answer.body.json()) as T };
  } finally {
    await agent.close();
  }
}

/** A workload that was let in by `server`. */
async function enroll(server: RegistryProcess, serviceAccount: string): Promise<IdentitySource> {
  const wanted = { kind: 'join', name: 'test', serviceAccount };
  const { json } = await ask<{ token: string }>(server, 'POST', '/v1/tokens', wanted);
  const identity = createIdentity({
    spiffeId: `spiffe://cluster.local/ns/default/sa/${serviceAccount}`,
    enroller: createRegistryEnroller({ servers: server.url, joinToken: json.token }),
  });
  ends.push(() => identity.close());
  await identity.ready();
  return identity;
}

async function connect(servers: string, credentials: IdentitySource): Promise<RegistryClient> {
  const client = createRegistryClient({ servers, credentials, startTimeoutMs: 30_000 });
  ends.push(() => client.close());
  client.trust.onChange(({ bundle }) => {
    credentials.setTrustBundle(parsePemBundle('cluster.local', bundle));
  });
  await client.start();
  return client;
}

test('a service that one server let in is known by the other, also when the first is killed', async () => {
  const trust = await Promise.all(
    [first, second].map((one) => ask<TrustBundleAnswer>(one, 'GET', '/v1/trust-bundle')),
  );
  expect(trust[0]?.json).toEqual(trust[1]?.json);
  const orders = await enroll(first, 'orders');
  const client = await connect(second.url, orders);
  await client.register({
    service: 'orders',
    address: '127.0.0.1',
    ports: [{ name: 'http', port: 8_080 }],
    serviceAccount: 'orders',
  });

  await first.kill();
  // Signed by the one that is left, for the certificate that the dead one gave.
  const before = orders.tls()?.svid.serial;
  const renewed = createIdentity({
    spiffeId: 'spiffe://cluster.local/ns/default/sa/orders',
    enroller: {
      enroll: (csr, signal) =>
        createRegistryEnroller({
          servers: [first.url, second.url],
          fingerprint: trust[0]?.json.fingerprint as string,
        }).enroll(csr, signal, orders),
    },
  });
  ends.push(() => renewed.close());
  const { svid } = await renewed.ready();
  expect(svid.serial).not.toBe(before);
  expect(client.state.kind).toBe('connected');
});

test('a rotation at one server is seen at the other, and by those who are connected to it', async () => {
  first = await start('first', { dataDir });
  ends.push(() => first.kill());
  const web = await enroll(second, 'web');
  await connect(second.url, web);
  const roots = async (server: RegistryProcess): Promise<string[]> => {
    const { json } = await ask<AuthorityStatus>(server, 'GET', '/v1/authority');
    return json.roots.map(({ state, fingerprint }) => `${state} ${fingerprint}`);
  };
  const [signing] = await roots(second);
  const path = '/v1/trust-bundle/rotation?publishMs=2000';
  expect((await ask(first, 'POST', path)).status).toBe(202);
  expect((await ask(second, 'POST', path)).status).toBe(409);
  // Tokens pin the roots that are known when they are made: from now on the next one, too.
  const wanted = { kind: 'operator', name: 'after' };
  const { json: made } = await ask<{ token: string }>(first, 'POST', '/v1/tokens', wanted);
  operator = made.token;
  await eventually(async () => (await roots(second)).length === 2, 30_000);
  expect((await roots(second))[0]).toBe(signing);
  await eventually(() => web.tls()?.trust.get('cluster.local')?.authorities.length === 2, 30_000);
  // When its time has come it signs at both.
  await eventually(async () => (await roots(second))[1]?.startsWith('signing') === true, 30_000);
  expect(await roots(first)).toEqual(await roots(second));
  const late = await enroll(second, 'late');
  const { json } = await ask<TrustBundleAnswer>(first, 'GET', '/v1/trust-bundle');
  const leaf = late.tls()?.svid.certificate as X509Certificate;
  const signer = parsePemBundle('cluster.local', json.bundle).authorities.find((root) =>
    leaf.verify(root.publicKey),
  );
  expect(signer?.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(json.fingerprint);
  // Both are trusted: who has a certificate of the old root is let in by the new one, and back.
  await connect(first.url, web);
  await connect(first.url, late);
});

test("nothing in etcd tells the keys, and another operator's key starts no server", async () => {
  const store = createEtcdStore({ address: etcd.address });
  ends.push(() => store.close());
  const { entries } = await store.list('secrets/');
  expect(entries.map(({ key }) => key)).toEqual([
    'secrets/authority',
    'secrets/service-token-keys',
  ]);
  for (const { value } of entries) expect(value).not.toMatch(/PRIVATE|CERTIFICATE/);
  const other = { storeKey: randomBytes(32).toString('hex') };
  await expect(start('third', other)).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining('was not encrypted with any of the keys given'),
  });
});

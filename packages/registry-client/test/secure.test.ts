import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CredentialSource,
  type Enroller,
  registryIdentity,
  type TrustState,
} from '@inmesh/core';
import {
  createCsr,
  createIdentity,
  createRevocationList,
  formatSpiffeId,
  generateKey,
  type IdentitySource,
  parsePemBundle,
} from '@inmesh/identity';
import {
  createRegistryServer,
  type RegistryServer,
  type RegistryServerOptions,
} from '@inmesh/registry-server';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  createRegistryClient,
  createRegistryEnroller,
  type RegistryClient,
  type RegistryEnrollerOptions,
} from '../src/index.ts';
import { until } from './fake/setting.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const nothing: CredentialSource = { tls: () => undefined, token: () => undefined };
const orders = formatSpiffeId({
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount: 'orders',
});

interface Secure {
  readonly server: RegistryServer;
  readonly url: string;
  joinToken(serviceAccount: string, uses?: number): Promise<string>;
}

async function serve(options: RegistryServerOptions = {}): Promise<Secure> {
  const server = createRegistryServer({ port: 0, security: {}, keepAliveMs: 100, ...options });
  ends.push(() => server.close());
  const { url } = await server.listen();
  return {
    server,
    url,
    async joinToken(serviceAccount, uses = 1) {
      return (await server.createToken({ kind: 'join', name: 'test', serviceAccount, uses })).token;
    },
  };
}

async function identityAt(
  { url, joinToken }: Secure,
  serviceAccount: string,
  options: Partial<RegistryEnrollerOptions> = {},
): Promise<IdentitySource> {
  const enroller = createRegistryEnroller({
    servers: url,
    joinToken: await joinToken(serviceAccount),
    ...options,
  });
  const spiffeId = orders.replace('orders', serviceAccount);
  const identity = createIdentity({ enroller, spiffeId, revoked: createRevocationList() });
  ends.push(() => identity.close());
  await identity.ready();
  return identity;
}

async function clientAt(url: string, credentials: CredentialSource): Promise<RegistryClient> {
  const client = createRegistryClient({ servers: url, credentials, startTimeoutMs: 20_000 });
  ends.push(() => client.close());
  await client.start();
  return client;
}

/** A server with a certificate of its own making, and what it was sent. */
async function impostor(bundle: (own: string) => string): Promise<{ url: string; sent: string[] }> {
  const own = createRegistryServer({ port: 0, security: {} });
  ends.push(() => own.close());
  const { url } = await own.listen();
  const { token } = await own.createToken({
    kind: 'join',
    name: 'x',
    serviceAccount: 'orders',
    uses: 10,
  });
  const enroller = createRegistryEnroller({ servers: url, joinToken: token });
  const key = generateKey();
  const { chain, bundle: roots } = await enroller.enroll(
    createCsr(key, orders),
    AbortSignal.timeout(10_000),
    nothing,
  );
  const sent: string[] = [];
  const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const server = createServer({ cert: chain, key: pem }, (request, response) => {
    sent.push(`${request.method} ${request.url}`);
    request.resume();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ bundle: bundle(roots) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, sent };
}

const enroll = (enroller: Enroller): Promise<{ chain: string; bundle: string }> =>
  enroller.enroll(createCsr(generateKey(), orders), AbortSignal.timeout(10_000), nothing);

describe('a first certificate', () => {
  test('comes for a join token, which says whom to trust', async () => {
    const registry = await serve();
    const identity = await identityAt(registry, 'orders');
    expect(identity.tls()?.identity.spiffeId).toBe(orders);
  });

  test('comes by one of two fingerprints that are given while a root is replaced', async () => {
    const registry = await serve();
    const joinToken = await registry.joinToken('orders');
    const pinned = joinToken.split('.')[3] as string;
    const fingerprint = `${'0'.repeat(64)}, ${pinned.toUpperCase()}`;
    await enroll(createRegistryEnroller({ servers: registry.url, joinToken, fingerprint }));
    const wrong = { servers: registry.url, joinToken, fingerprint: `${pinned},nonsense` };
    expect(() => createRegistryEnroller(wrong)).toThrow(/got "nonsense"/);
  });

  test('comes by a root that is given', async () => {
    const registry = await serve();
    const joinToken = await registry.joinToken('orders', 2);
    const { bundle } = await enroll(createRegistryEnroller({ servers: registry.url, joinToken }));
    await enroll(createRegistryEnroller({ servers: registry.url, joinToken, bundle }));
  });

  test('is not asked of a server with another root, which never sees the token', async () => {
    const registry = await serve();
    const { url, sent } = await impostor((own) => own);
    const joinToken = await registry.joinToken('orders');
    await expect(enroll(createRegistryEnroller({ servers: url, joinToken }))).rejects.toMatchObject(
      {
        code: 'unauthenticated',
      },
    );
    expect(sent).toEqual(['GET /v1/trust-bundle']);
    // It has not been used up.
    await enroll(createRegistryEnroller({ servers: registry.url, joinToken }));
  });

  test('is not asked of a server that shows the right root and has another certificate', async () => {
    const registry = await serve();
    const joinToken = await registry.joinToken('orders', 2);
    const { bundle } = await enroll(createRegistryEnroller({ servers: registry.url, joinToken }));
    const { url, sent } = await impostor((own) => own + bundle);
    await expect(enroll(createRegistryEnroller({ servers: url, joinToken }))).rejects.toMatchObject(
      {
        code: 'registry_unavailable',
      },
    );
    expect(sent).toEqual(['GET /v1/trust-bundle']);
  });

  test('is not asked of another workload of the mesh', async () => {
    const { url, sent } = await impostor((own) => own);
    // It has a good certificate of the root that is trusted, and is not the registry.
    const { bundle } = await fetchBundle(url);
    const { joinToken } = await serve();
    const token = await joinToken('orders');
    sent.length = 0;
    const enroller = createRegistryEnroller({ servers: url, joinToken: token, bundle });
    await expect(enroll(enroller)).rejects.toMatchObject({
      message: expect.stringContaining(registryIdentity('cluster.local')),
    });
    expect(sent).toEqual([]);
  });

  test('is had from the next server when one is away', async () => {
    const registry = await serve();
    const servers = ['https://127.0.0.1:1', registry.url];
    for (const random of [() => 0, () => 0.9]) {
      const joinToken = await registry.joinToken('orders');
      await enroll(createRegistryEnroller({ servers, joinToken, random }));
    }
  });

  test.each([
    ['plain text', { servers: 'http://127.0.0.1:1' }, /must be https/],
    ['nobody to trust', { joinToken: undefined, kubernetesTokenFile: '/x' }, /whom to trust/],
    ['two proofs', { kubernetesTokenFile: '/x' }, /one of/],
    ['a fingerprint that is none', { fingerprint: 'abc' }, /fingerprint/],
    ['a token that is none', { joinToken: 'nonsense' }, /no token/],
  ])('is refused with %s, before anything is sent', async (_what, change, message) => {
    const joinToken = `inmesh-join.${'a'.repeat(12)}.${'b'.repeat(43)}.${'c'.repeat(64)}`;
    const options = { servers: 'https://127.0.0.1:1', joinToken, ...change };
    expect(() => createRegistryEnroller(options as RegistryEnrollerOptions)).toThrow(message);
  });

  test('comes for a Kubernetes token, read anew each time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-enroll-'));
    ends.push(() => rm(folder, { recursive: true }));
    const registry = await serve();
    const kubernetesTokenFile = join(folder, 'token');
    await writeFile(kubernetesTokenFile, 'a.b.c\n');
    const [, , , fingerprint = ''] = (await registry.joinToken('orders')).split('.');
    const enroller = createRegistryEnroller({
      servers: registry.url,
      kubernetesTokenFile,
      fingerprint,
    });
    // This registry takes none; that it says so shows that it was asked.
    await expect(enroll(enroller)).rejects.toMatchObject({
      code: 'unauthenticated',
      message: expect.stringContaining('Kubernetes'),
    });
  });
});

async function fetchBundle(url: string): Promise<{ bundle: string }> {
  const { request, Agent } = await import('undici');
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  ends.push(() => dispatcher.close());
  const { body } = await request(`${url}/v1/trust-bundle`, { dispatcher });
  return (await body.json()) as { bundle: string };
}

describe('a process with a certificate', () => {
  test('renews it by itself, without the token', async () => {
    const registry = await serve();
    const identity = await identityAt(registry, 'orders');
    const first = identity.tls();
    identity.renew();
    await until(() => identity.tls() !== first);
    expect(identity.tls()?.identity.spiffeId).toBe(orders);
  });

  test('registers, follows and finds, all by its certificate', async () => {
    const registry = await serve();
    const provider = await clientAt(registry.url, await identityAt(registry, 'orders'));
    const consumer = await clientAt(registry.url, await identityAt(registry, 'web'));
    await provider.register({
      service: 'orders',
      address: '127.0.0.1',
      ports: [{ name: 'http', port: 8080 }],
      serviceAccount: 'orders',
    });
    const list = await consumer.ready('orders.default', 10_000);
    expect(list.endpoints).toHaveLength(1);
  });

  test('cannot register as somebody else (hostile case 44)', async () => {
    const registry = await serve();
    const client = await clientAt(registry.url, await identityAt(registry, 'orders'));
    const registration = client.register({
      service: 'web',
      address: '127.0.0.1',
      ports: [{ name: 'http', port: 8080 }],
      serviceAccount: 'orders',
    });
    await expect(registration).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('is told whom to trust, of a new root and of revocations', async () => {
    const registry = await serve();
    const identity = await identityAt(registry, 'orders');
    const web = await identityAt(registry, 'web');
    const client = await clientAt(registry.url, identity);
    await until(() => client.trust.current !== undefined);
    const told: TrustState[] = [];
    client.trust.onChange((trust) => {
      told.push(trust);
      identity.setTrustBundle(parsePemBundle('cluster.local', trust.bundle));
      identity.revoked.replace(trust.revoked);
    });
    const serial = web.tls()?.svid.serial ?? '';
    await operate(registry, 'POST', '/v1/revocations', { serial });
    await until(() => told.length === 1);
    expect(told[0]?.revoked).toEqual([serial]);
    expect(identity.revoked.has(serial)).toBe(true);
    await operate(registry, 'POST', '/v1/trust-bundle/rotation');
    await until(() => told.length === 2);
    expect(told[1]?.bundle.match(/BEGIN/g)).toHaveLength(2);
    expect(client.state.kind).toBe('connected');
  });

  test('loses the registry with its certificate', async () => {
    const registry = await serve();
    const identity = await identityAt(registry, 'orders');
    const client = await clientAt(registry.url, identity);
    await operate(registry, 'POST', '/v1/revocations', { serial: identity.tls()?.svid.serial });
    await until(() => client.state.kind === 'lost', 'the loss', 30_000);
  });

  test('has service tokens at hand, one for each service', async () => {
    const registry = await serve();
    const client = await clientAt(registry.url, await identityAt(registry, 'orders'));
    expect(client.serviceTokens.token('reviews.default')).toBeUndefined();
    await until(() => client.serviceTokens.token('reviews.default') !== undefined);
    const token = client.serviceTokens.token('reviews.default') ?? '';
    const [, payload = ''] = token.split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      iss: 'spiffe://cluster.local',
      sub: orders,
      aud: ['reviews.default'],
    });
  });
});

test('without a certificate a client is not let in, and without credentials it trusts the public web only', async () => {
  const registry = await serve();
  const failureOf = async (credentials: CredentialSource | undefined): Promise<string> => {
    const client = createRegistryClient({
      servers: registry.url,
      ...(credentials === undefined ? {} : { credentials }),
    });
    ends.push(() => client.close());
    client.start().catch(() => {}); // it goes on trying
    await until(() => client.state.kind === 'lost', 'the loss', 30_000);
    return client.state.kind === 'lost' ? client.state.error.message : '';
  };
  expect(await failureOf(nothing)).toMatch(/no certificate yet/);
  expect(await failureOf(undefined)).toMatch(/self-signed|unable to/);
});

async function operate(
  { server, url }: Secure,
  method: 'POST',
  path: string,
  body?: unknown,
): Promise<void> {
  const { token } = await server.createToken({ kind: 'operator', name: 'test' });
  const { request, Agent } = await import('undici');
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  ends.push(() => dispatcher.close());
  const { statusCode, body: answer } = await request(url + path, {
    dispatcher,
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  await answer.dump();
  expect(statusCode).toBeLessThan(300);
}

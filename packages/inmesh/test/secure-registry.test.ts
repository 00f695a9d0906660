import { identityOf } from '@inmesh/auth';
import type { AuthorityStatus } from '@inmesh/core';
import { createRegistryServer, type RegistryServer } from '@inmesh/registry-server';
import { eventually } from '@inmesh/testing';
import { beforeEach, expect, test } from '@jest/globals';
import type { Mesh, MeshOptions } from 'inmesh';
import { Agent, request } from 'undici';
import { join, onEnd, quick } from './support/in-mesh.ts';

let registry: RegistryServer;
let url: string;
beforeEach(async () => {
  registry = createRegistryServer({ port: 0, settleMs: 0, keepAliveMs: 100, security: {} });
  onEnd(() => registry.close());
  ({ url } = await registry.listen());
});

/** Joins with a token that the registry has made for this account. */
async function joined(service: string, options: MeshOptions = {}): Promise<Mesh> {
  const { token } = await registry.createToken({
    kind: 'join',
    name: 'a test',
    serviceAccount: service,
  });
  const identity = { joinToken: token };
  return join({ service, serviceAccount: service, registry: url, identity, ...options });
}

const tellPeer = (request: object): string => identityOf(request)?.peer?.spiffeId ?? 'nobody';

test('a join token is all that it takes: certificate, registry and calls between services', async () => {
  const reviews = await joined('reviews');
  await reviews.listen((request, response) => response.end(tellPeer(request)), quick);
  const orders = await joined('orders', { minTls: 'mutual' });
  expect((await orders.request('http://reviews/')).body.toString()).toBe(
    'spiffe://cluster.local/ns/default/sa/orders',
  );
  expect(orders.inspect().registry?.kind).toBe('connected');
});

test('a revoked service gets no answer any more, over connections that are open neither', async () => {
  const reviews = await joined('reviews');
  await reviews.listen((request, response) => response.end(tellPeer(request)), quick);
  const orders = await joined('orders', { retry: { maxRetries: 0 } });
  await orders.request('http://reviews/');
  const serial = orders.inspect().identity?.serial as string;
  await operator('POST', '/v1/revocations', { serial, reason: 'a test' });
  await eventually(async () => {
    const answer = await orders.request('http://reviews/').catch((error: unknown) => error);
    return answer instanceof Error;
  }, 15_000);
  expect(reviews.inspect().refusals[0]).toMatchObject({
    kind: 'connection',
    reason: expect.stringContaining('is revoked'),
  });
});

test('where TLS ends before the service, a service token proves who calls', async () => {
  const reviews = await joined('reviews', { serviceTokens: true });
  // As behind a proxy: the port itself is plain, by this process' own resource.
  const plain = await joined('ratings', {
    serviceTokens: true,
    resources: [
      {
        kind: 'PeerAuthentication',
        metadata: { name: 'plain' },
        spec: { mtls: { mode: 'DISABLE' } },
      },
    ],
  });
  await plain.listen((request, response) => response.end(tellPeer(request)), quick);
  await reviews.ready('ratings');
  await eventually(async () => {
    const { body } = await reviews.request('http://ratings/');
    return body.toString() === 'spiffe://cluster.local/ns/default/sa/reviews';
  }, 15_000);
});

test('a join token of another account gives no certificate, and the start says so', async () => {
  const { token } = await registry.createToken({
    kind: 'join',
    name: 'a test',
    serviceAccount: 'reviews',
  });
  const starting = join({
    service: 'orders',
    serviceAccount: 'orders',
    registry: url,
    identity: { joinToken: token },
    startTimeoutMs: 2_000,
  });
  await expect(starting).rejects.toMatchObject({ code: 'start_timeout' });
});

test('the root is replaced under calls: who joins before, between and after speaks to everybody', async () => {
  const serve = async (mesh: Mesh): Promise<void> => {
    await mesh.listen((request, response) => response.end(tellPeer(request)), quick);
  };
  await serve(await joined('reviews'));
  const orders = await joined('orders', { retry: { maxRetries: 0 }, minTls: 'mutual' });
  let running = true;
  let answered = 0;
  const failures: unknown[] = [];
  const caller = async (): Promise<void> => {
    try {
      for (; running; answered += 1) await orders.request('http://reviews/');
    } catch (error) {
      failures.push(error);
    }
  };
  const callers = Array.from({ length: 4 }, caller);
  await operator('POST', '/v1/trust-bundle/rotation?publishMs=1000');
  await serve(await joined('ratings'));
  const states = async (): Promise<string[]> => {
    const { roots } = (await operator('GET', '/v1/authority')) as AuthorityStatus;
    return roots.map(({ state }) => state);
  };
  expect(await states()).toEqual(['signing', 'next']);
  await eventually(async () => (await states())[1] === 'signing', 30_000);
  expect(await states()).toEqual(['retiring', 'signing']);
  // Its certificate is the new root's: the old ones take it, and it takes them.
  const details = await joined('details', { minTls: 'mutual' });
  await serve(details);
  for (const service of ['reviews', 'ratings']) await details.request(`http://${service}/`);
  const before = answered;
  for (const service of ['details', 'ratings']) await orders.request(`http://${service}/`);
  await eventually(() => answered > before + 10 || failures.length > 0, 30_000);
  running = false;
  await Promise.all(callers);
  expect(failures).toEqual([]);
}, 60_000);

/** As an operator with a token of the registry's would. */
async function operator(method: string, path: string, body?: object): Promise<unknown> {
  const { token } = await registry.createToken({ kind: 'operator', name: 'a test' });
  // Whom an operator's tools trust is the registry's own tests' business.
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  const answer = await request(url + path, {
    method: method as 'POST',
    dispatcher,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const json = await answer.body.json();
  await dispatcher.close();
  expect(answer.statusCode).toBeLessThan(300);
  return json;
}

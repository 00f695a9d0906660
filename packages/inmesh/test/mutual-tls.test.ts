import { request as plainRequest } from 'node:http';
import { identityOf } from '@inmesh/auth';
import { prometheusText } from '@inmesh/metrics';
import { eventually } from '@inmesh/testing';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Mesh, MeshOptions } from 'inmesh';
import { type LocalAuthority, localAuthority } from './support/authority.ts';
import { configured, join, post, quick, startRegistry } from './support/in-mesh.ts';

let authority: LocalAuthority;
beforeAll(async () => {
  authority = localAuthority();
});

/** Joins with an account of its own name, certified. */
function certified(registry: string, service: string, options: MeshOptions = {}): Promise<Mesh> {
  const identity = { enroller: authority.enroller() };
  return join({ service, serviceAccount: service, registry, identity, ...options });
}

/** Answers with who calls, as far as it was proven. */
async function serve(mesh: Mesh): Promise<number> {
  const { port } = await mesh.listen((request, response) => {
    response.end(identityOf(request)?.peer?.spiffeId ?? 'nobody');
  }, quick);
  return port;
}

function peerAuthentication(mode: string, name = 'default') {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name },
    spec: { mtls: { mode } },
  } as never;
}

/** A request past the mesh, in plain text. */
function plain(port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const request = plainRequest({ host: '127.0.0.1', port, agent: false });
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? ''));
    request.end();
  });
}

describe('with an identity on both sides', () => {
  test('calls are mutual TLS by themselves, and the callee knows who calls', async () => {
    const { url } = await startRegistry();
    const reviews = await certified(url, 'reviews');
    await serve(reviews);
    const orders = await certified(url, 'orders');
    const { body } = await orders.request('http://reviews/');
    expect(body.toString()).toBe('spiffe://cluster.local/ns/default/sa/orders');
    expect(reviews.inspect().servers[0]).toMatchObject({ tls: 'permissive' });
    expect(orders.inspect().identity).toMatchObject({
      spiffeId: 'spiffe://cluster.local/ns/default/sa/orders',
      state: 'valid',
    });
    expect(await metrics(orders)).toMatch(/inmesh_identity_expires_seconds 3[56]\d\d/);
    expect(await metrics(reviews)).toMatch(/connection_security_policy="mutual_tls"/);
  });

  test('whoever has no identity is served in plain text while the mode is PERMISSIVE', async () => {
    const { url } = await startRegistry();
    const port = await serve(await certified(url, 'reviews'));
    const orders = await join({ service: 'orders', registry: url });
    expect((await orders.request('http://reviews/')).body.toString()).toBe('nobody');
    expect(await plain(port)).toBe(200);
  });

  test('an endpoint that is another account than its registration says is not spoken to', async () => {
    const { url } = await startRegistry();
    const identity = { enroller: authority.enroller() };
    // Certified as `evil`, registered as `reviews`: what a poisoned registration would be.
    const evil = await join({
      service: 'reviews',
      serviceAccount: 'evil',
      registry: url,
      identity,
    });
    await serve(evil);
    const orders = await certified(url, 'orders', {
      endpoints: {
        trusted: [{ port: evilPort(evil), serviceAccount: 'reviews', tls: 'permissive' }],
      },
      retry: { maxRetries: 0 },
    });
    await expect(orders.request('http://trusted/')).rejects.toMatchObject({
      code: 'unauthenticated',
      message: expect.stringContaining('the server is spiffe://cluster.local/ns/default/sa/evil'),
      maybeProcessed: false,
    });
  });
});

function evilPort(mesh: Mesh): number {
  return Number(new URL(mesh.inspect().servers[0]?.url as string).port);
}

describe('PeerAuthentication', () => {
  test('STRICT shuts plain text out and DISABLE lets nothing else in, as soon as it is applied', async () => {
    const { url } = await startRegistry();
    const reviews = await certified(url, 'reviews');
    const port = await serve(reviews);
    const orders = await certified(url, 'orders');
    const guest = await join({ service: 'guest', registry: url, retry: { maxRetries: 0 } });
    await orders.ready('reviews');
    await guest.ready('reviews');

    const strict = await post(url, peerAuthentication('STRICT'));
    await configured(reviews, strict.revision);
    expect(await plain(port)).toBe('ECONNRESET');
    expect((await orders.request('http://reviews/')).status).toBe(200);
    await eventually(() => tlsOf(guest) === 'strict', 10_000);
    await expect(guest.request('http://reviews/')).rejects.toMatchObject({
      code: 'unauthenticated',
      message: expect.stringContaining('takes mutual TLS only'),
    });
    expect(reviews.inspect().refusals).toEqual([
      expect.objectContaining({ kind: 'connection', code: 'unauthenticated' }),
    ]);
    expect(await metrics(reviews)).toContain('inmesh_refusals_total{code="unauthenticated"} 1');

    const disabled = await post(url, peerAuthentication('DISABLE'));
    await configured(reviews, disabled.revision);
    await eventually(() => tlsOf(orders) === 'none', 10_000);
    expect((await orders.request('http://reviews/')).body.toString()).toBe('nobody');
  });

  test('a process without an identity refuses every request under STRICT', async () => {
    const { url } = await startRegistry();
    const reviews = await join({ service: 'reviews', registry: url });
    const port = await serve(reviews);
    const { revision } = await post(url, peerAuthentication('STRICT'));
    await configured(reviews, revision);
    expect(await plain(port)).toBe(403);
  });
});

/** What a caller has heard of the first endpoint of reviews. */
function tlsOf(mesh: Mesh): string | undefined {
  return mesh.inspect().services.find(({ service }) => service === 'reviews.default')?.endpoints[0]
    ?.tls;
}

describe('minTls: mutual', () => {
  test('refuses a service that was downgraded to plain text', async () => {
    const { url } = await startRegistry();
    const reviews = await certified(url, 'reviews');
    await serve(reviews);
    const orders = await certified(url, 'orders', { minTls: 'mutual', retry: { maxRetries: 0 } });
    expect((await orders.request('http://reviews/')).status).toBe(200);
    await post(url, peerAuthentication('DISABLE'));
    await eventually(() => tlsOf(orders) === 'none', 10_000);
    await expect(orders.request('http://reviews/')).rejects.toMatchObject({
      code: 'unauthenticated',
      maybeProcessed: false,
    });
  });
});

test('certificates of both sides are renewed under load without a failed request', async () => {
  const { url } = await startRegistry();
  const short = { enroller: authority.enroller({ lifeMs: 6_000 }) };
  const reviews = await certified(url, 'reviews', { identity: short });
  await serve(reviews);
  await post(url, peerAuthentication('STRICT'));
  const orders = await certified(url, 'orders', { identity: short, retry: { maxRetries: 0 } });
  const serials = new Set<string | undefined>();
  let running = true;
  const failures: unknown[] = [];
  let answered = 0;
  const caller = async (): Promise<void> => {
    while (running) {
      try {
        await orders.request('http://reviews/');
        answered += 1;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const callers = Array.from({ length: 8 }, caller);
  await eventually(() => {
    serials.add(orders.inspect().identity?.serial);
    serials.add(reviews.inspect().identity?.serial);
    return serials.size >= 6;
  }, 30_000);
  running = false;
  await Promise.all(callers);
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThan(0);
}, 60_000);

test('without an identity in time the start fails and says why', async () => {
  const { url } = await startRegistry();
  const identity = { enroller: { enroll: () => Promise.reject(new Error('no such token')) } };
  const starting = join({ service: 'orders', registry: url, identity, startTimeoutMs: 300 });
  await expect(starting).rejects.toMatchObject({
    code: 'start_timeout',
    message: expect.stringContaining('no such token'),
  });
});

async function metrics(mesh: Mesh): Promise<string> {
  return await prometheusText(mesh.metrics).text();
}

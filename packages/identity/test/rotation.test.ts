import { type IdentitySource, parsePemBundle } from '@inmesh/identity';
import { afterEach, describe, expect, test } from '@jest/globals';
import { buildConnector, Pool } from 'undici';
import { createFixture, orders, reviews } from './mutual-tls-fixture.ts';
import { createAuthority } from './test-authority.ts';
import { until } from './until.ts';

const fixture = createFixture();
afterEach(() => fixture.end());

/** Calls as fast as eight connections take it, each connection with the newest certificate. */
function load(
  port: number,
  identity: IdentitySource,
): { stop(): Promise<{ served: number; failures: unknown[] }>; readonly served: number } {
  const pool = new Pool(`https://127.0.0.1:${port}`, {
    connections: 8,
    connect: (options, done) =>
      buildConnector(identity.connectOptions([reviews]) as never)(options, done),
  });
  const failures: unknown[] = [];
  let served = 0;
  let stopped = false;
  const loop = async (): Promise<void> => {
    while (!stopped) {
      try {
        // Not idempotent, so that undici sends none of them twice.
        const { statusCode, body } = await pool.request({ method: 'POST', path: '/', body: 'x' });
        await body.dump();
        if (statusCode !== 200) failures.push(statusCode);
        served += 1;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const loops = Array.from({ length: 8 }, loop);
  return {
    get served() {
      return served;
    },
    async stop() {
      stopped = true;
      await Promise.all(loops);
      await pool.close();
      return { served, failures };
    },
  };
}

async function renewed(...identities: IdentitySource[]): Promise<void> {
  const before = identities.map((identity) => identity.tls());
  for (const identity of identities) identity.renew();
  await until(() => {
    for (const [i, identity] of identities.entries()) expect(identity.tls()).not.toBe(before[i]);
  });
}

describe('under load no request fails', () => {
  test('while both sides renew their certificates and connections reach their age', async () => {
    const authority = await createAuthority();
    const client = await fixture.identity(authority, orders);
    const server = await fixture.identity(authority, reviews);
    let connections = 0;
    const serials = new Set<string>();
    const {
      port,
      tls,
      server: http,
    } = await fixture.serve(server, { maxAgeMs: 150 }, (request, response) => {
      serials.add(tls.peerOf(request.socket)?.serial ?? 'nobody');
      request.resume().on('end', () => response.end('ok'));
    });
    http.on('connection', () => {
      connections += 1;
    });
    const calls = load(port, client);
    for (let round = 1; round <= 5; round += 1) {
      await renewed(client, server);
      await until(() => expect(connections).toBeGreaterThan(round * 16));
    }
    const { served, failures } = await calls.stop();
    expect(failures).toEqual([]);
    expect(served).toBeGreaterThan(100);
    expect(serials.size).toBeGreaterThanOrEqual(5);
    expect(serials).not.toContain('nobody');
  }, 30_000);

  test('case 42: while the authority is replaced, step by step', async () => {
    const [old, fresh] = await Promise.all([createAuthority('old'), createAuthority('new')]);
    let signer = old;
    let bundle = old.pem;
    const options = { bundle: () => bundle };
    const client = await fixture.identity(() => signer, orders, options);
    const server = await fixture.identity(() => signer, reviews, options);
    const { port, tls } = await fixture.serve(server);
    const issuers = new Set<string | undefined>();
    const calls = load(port, client);
    const enough = async (): Promise<void> => {
      const before = calls.served;
      await until(() => expect(calls.served).toBeGreaterThan(before + 50));
    };
    await enough();
    // First everybody trusts the new one as well, one after the other …
    bundle = old.pem + fresh.pem;
    for (const identity of [client, server]) {
      identity.setTrustBundle(parsePemBundle('cluster.local', bundle));
      await enough();
    }
    // … then it signs …
    signer = fresh;
    for (const identity of [server, client]) {
      await renewed(identity);
      issuers.add(identity.tls()?.svid.certificate.issuer);
      await enough();
    }
    // … and when nothing of the old one is left in use, it goes.
    bundle = fresh.pem;
    for (const identity of [client, server]) {
      identity.setTrustBundle(parsePemBundle('cluster.local', bundle));
      await enough();
    }
    await until(() => expect(tls.connections).toBeLessThanOrEqual(8));
    const { failures } = await calls.stop();
    expect(failures).toEqual([]);
    expect([...issuers]).toEqual(['CN=new']);
  }, 30_000);
});

import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { connect, createSecureContext, createServer as createTlsServer } from 'node:tls';
import { systemClock } from '@inmesh/core';
import {
  clientTlsOptions,
  createRevocationList,
  parsePemBundle,
  serverTlsOptions,
  verifyClient,
} from '@inmesh/identity';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from 'undici';
import {
  admin,
  createFixture,
  getPlain,
  getSecure,
  orders,
  reviews,
} from './mutual-tls-fixture.ts';
import { createAuthority, type LeafOptions, type TestAuthority } from './test-authority.ts';
import { until } from './until.ts';

let authority: TestAuthority;
beforeAll(async () => {
  authority = await createAuthority();
});
const fixture = createFixture();
afterEach(() => fixture.end());

/** Connects with any certificate at all and says what came of it. */
async function attempt(port: number, leaf: LeafOptions, signer = authority): Promise<string> {
  const { chain, key } = await signer.issue(orders, leaf);
  const secureContext = createSecureContext({ cert: chain, key, ca: authority.pem });
  const options = { secureContext, checkServerIdentity: () => undefined };
  return getSecure(port, options).then(
    ({ body }) => body,
    ({ code }: { code: string }) => code,
  );
}

describe('with an optional client certificate', () => {
  test('who shows none is served as nobody, who shows one is known by it', async () => {
    const [client, server] = await Promise.all([
      fixture.identity(authority, orders),
      fixture.identity(authority, reviews),
    ]);
    const { port, refusals } = await fixture.serve(server, { clientCertificate: 'optional' });
    const known = await getSecure(port, client.connectOptions([reviews]));
    expect(known.body).toBe(`peer ${orders}`);
    const stranger = { ca: authority.pem, checkServerIdentity: () => undefined };
    expect((await getSecure(port, stranger)).body).toBe('peer nobody');
    expect(refusals()).toEqual([]);
  });

  test('one that is not good is refused all the same', async () => {
    const server = await fixture.identity(authority, reviews);
    const { port, refusals } = await fixture.serve(server, { clientCertificate: 'optional' });
    const foreign = await createAuthority();
    expect(await attempt(port, {}, foreign)).toMatch(/^E/);
    expect(await attempt(port, { uris: [orders, admin] })).toMatch(/^E/);
    expect(await attempt(port, { notAfter: new Date(Date.now() - 1_000) })).toMatch(/^E/);
    await until(() => expect(refusals()).toHaveLength(3));
  });
});

test('a connection that is not admitted is closed before its handshake', async () => {
  const [client, server] = await Promise.all([
    fixture.identity(authority, orders),
    fixture.identity(authority, reviews),
  ]);
  const { port } = await fixture.serve(server, { admit: () => false });
  await expect(getSecure(port, client.connectOptions([reviews]))).rejects.toThrow();
});

describe('strict', () => {
  test('client and server prove themselves to each other', async () => {
    const [client, server] = await Promise.all([
      fixture.identity(authority, orders),
      fixture.identity(authority, reviews),
    ]);
    const { port, tls, refusals } = await fixture.serve(server);
    let protocol: string | null = null;
    const answer = await getSecure(port, client.connectOptions([reviews]), (socket) => {
      socket.on('secureConnect', () => {
        protocol = socket.getProtocol();
      });
    });
    expect(answer).toMatchObject({ status: 200, body: `peer ${orders}` });
    expect(protocol).toBe('TLSv1.3');
    expect(refusals()).toEqual([]);
    await until(() => expect(tls.connections).toBe(0));
  });

  test('undici takes the same options', async () => {
    const identity = await fixture.identity(authority, orders);
    const { port } = await fixture.serve(identity);
    const client = new Client(`https://127.0.0.1:${port}`, {
      connect: identity.connectOptions([orders]) as never,
    });
    const { body } = await client.request({ method: 'GET', path: '/' });
    expect(await body.text()).toBe(`peer ${orders}`);
    await client.close();
  });

  test('authorities between root and service are sent along', async () => {
    const below = await authority.intermediate();
    const identity = await fixture.identity(below, orders, { bundle: () => authority.pem });
    const { port } = await fixture.serve(identity);
    const { body } = await getSecure(port, identity.connectOptions([orders]));
    expect(body).toBe(`peer ${orders}`);
  });

  test('a server of another name is not spoken to, whatever its address', async () => {
    const [client, server] = await Promise.all([
      fixture.identity(authority, orders),
      fixture.identity(authority, admin),
    ]);
    const { port, tls } = await fixture.serve(server);
    await expect(getSecure(port, client.connectOptions([reviews]))).rejects.toMatchObject({
      code: 'unauthenticated',
      message: `the server is ${admin}, expected ${reviews}`,
      maybeProcessed: false,
    });
    await expect(getSecure(port, client.connectOptions([reviews, admin]))).resolves.toMatchObject({
      status: 200,
    });
    await until(() => expect(tls.connections).toBe(0));
  });

  test('whom to speak to must be said', async () => {
    const identity = await fixture.identity(authority, orders);
    expect(() => identity.connectOptions([])).toThrow(/must name whom to speak to/);
    expect(() => identity.connectOptions(['reviews'])).toThrow(/no SPIFFE ID/);
  });

  test('a client without a certificate gets in neither by TLS nor in plain text', async () => {
    const identity = await fixture.identity(authority, orders);
    const { port, refusals } = await fixture.serve(identity);
    const secureContext = createSecureContext({ ca: authority.pem });
    const options = { secureContext, checkServerIdentity: () => undefined };
    await expect(getSecure(port, options)).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    });
    await expect(getPlain(port)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await until(() => expect(refusals()).toHaveLength(2));
  });

  const refused: readonly (readonly [string, LeafOptions, RegExp])[] = [
    ['has expired', { notAfter: new Date(Date.now() - 1_000) }, /CERT_HAS_EXPIRED/],
    ['is not valid yet', { notBefore: new Date(Date.now() + 60_000) }, /CERT_NOT_YET_VALID/],
    ['case 41: names two URIs', { uris: [orders, admin] }, /names 2 URIs/],
    ['case 41: names no path', { uris: ['spiffe://cluster.local'] }, /not the SPIFFE ID/],
    ['case 41: may sign others', { usages: 0x80 | 0x20 | 0x04 }, /key usage|USAGE|PURPOSE/i],
    ['case 41: is an authority', { authority: true, usages: 0x20 | 1 }, /authority|INVALID/i],
    [
      'is of another trust domain',
      { uris: ['spiffe://other/ns/prod/sa/orders'] },
      /other is not trusted/,
    ],
    ['is for servers only', { purposes: ['1.3.6.1.5.5.7.3.1'] }, /PURPOSE/],
  ];
  test.each(refused)('a client whose certificate %s is not served', async (_what, leaf, reason) => {
    const identity = await fixture.identity(authority, reviews);
    let served = 0;
    const { port, refusals } = await fixture.serve(identity, {}, (_request, response) => {
      served += 1;
      response.end();
    });
    expect(await attempt(port, leaf)).toMatch(/^E/);
    await until(() => expect(refusals()).toHaveLength(1));
    expect(refusals()[0]).toMatch(reason);
    expect(served).toBe(0);
  });

  test('a client of an unknown authority is not served', async () => {
    const identity = await fixture.identity(authority, reviews);
    const { port, refusals } = await fixture.serve(identity);
    expect(await attempt(port, {}, await createAuthority())).toMatch(/^E/);
    await until(() => expect(refusals()).toHaveLength(1));
  });

  test('a service without an identity yet serves nobody, and serves once it has one', async () => {
    const server = await fixture.identity(authority, reviews);
    const client = await fixture.identity(authority, orders);
    let known: typeof server.tls = () => undefined;
    const listeners: ((credential: never) => void)[] = [];
    const onChange = (listener: never): (() => void) => {
      listeners.push(listener);
      return () => {};
    };
    const late = Object.create(server, {
      tls: { value: () => known() },
      onChange: { value: onChange },
    }) as typeof server;
    const { port } = await fixture.serve(late);
    await expect(getSecure(port, client.connectOptions([reviews]))).rejects.toThrow();
    known = () => server.tls();
    for (const listener of listeners) listener(server.tls() as never);
    await expect(getSecure(port, client.connectOptions([reviews]))).resolves.toMatchObject({
      status: 200,
    });
  });

  test('another trust domain is trusted for its own names only', async () => {
    const other = await createAuthority('other');
    const federated = [parsePemBundle('other.example', other.pem)];
    const server = await fixture.identity(authority, reviews, { federated });
    const { port, refusals } = await fixture.serve(server);
    const friend = 'spiffe://other.example/ns/prod/sa/orders';
    expect(await attempt(port, { uris: [friend] }, other)).toBe(`peer ${friend}`);
    expect(await attempt(port, {}, authority)).toBe(`peer ${orders}`);
    // Each is signed by somebody who is trusted, but not for that name.
    expect(await attempt(port, { uris: [admin] }, other)).toMatch(/^E/);
    expect(await attempt(port, { uris: [friend] }, authority)).toMatch(/^E/);
    await until(() => expect(refusals()).toHaveLength(2));
    expect(refusals()[0]).toMatch(/no trusted authority of cluster.local/);
    expect(refusals()[1]).toMatch(/no trusted authority of other.example/);
  });
});

describe('case 38: sessions are not resumed', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a server gives no session away under %s',
    async (version) => {
      const identity = await fixture.identity(authority, orders, { minVersion: 'TLSv1.2' });
      const { port } = await fixture.serve(identity);
      const sessions: Buffer[] = [];
      const options = { ...identity.connectOptions([orders]), maxVersion: version } as const;
      const { chain, key } = await authority.issue(orders);
      const secureContext = createSecureContext({
        cert: chain,
        key,
        ca: authority.pem,
        maxVersion: version,
      });
      let reused = 0;
      for (let round = 0; round < 3; round += 1) {
        const session = sessions.at(-1);
        const socket = connect({
          host: '127.0.0.1',
          port,
          ...options,
          secureContext,
          ...(session === undefined ? {} : { session }),
        });
        socket.on('session', (given) => void sessions.push(given));
        await once(socket, 'secureConnect');
        expect(socket.getProtocol()).toBe(version);
        if (socket.isSessionReused()) reused += 1;
        socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
        socket.resume();
        await once(socket, 'close');
      }
      expect(reused).toBe(0);
    },
  );

  test('a certificate that has expired since gets in neither anew nor with what was kept of a session', async () => {
    const identity = await fixture.identity(authority, reviews);
    const { port, refusals } = await fixture.serve(identity);
    const { chain, key } = await authority.issue(orders, {
      notAfter: new Date(Date.now() + 2_000),
    });
    const secureContext = createSecureContext({ cert: chain, key, ca: authority.pem });
    const options = { secureContext, checkServerIdentity: () => undefined };
    let session: Buffer | undefined;
    const first = await getSecure(port, options, (socket) => {
      socket.on('session', (given) => {
        session = given;
      });
    });
    expect(first.body).toBe(`peer ${orders}`);
    await expired(chain);
    const again = session === undefined ? options : { ...options, session };
    await expect(getSecure(port, again)).rejects.toThrow();
    await until(() => expect(refusals()).toHaveLength(1));
  });
});

test('case 38: a resumed session is refused even by a server that gives sessions away', async () => {
  const identity = await fixture.identity(authority, orders);
  const credential = identity.tls();
  if (credential === undefined) throw new Error('no identity');
  const { secureOptions: _closed, ...loose } = serverTlsOptions(credential);
  const checks = { clock: systemClock, revoked: createRevocationList() };
  const outcomes: string[] = [];
  const server = createTlsServer(loose, (socket) => {
    try {
      outcomes.push(verifyClient(socket, credential, checks).identity.spiffeId);
    } catch (error) {
      outcomes.push((error as Error).message);
    }
    socket.end('bye');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const { chain, key } = await authority.issue(orders);
  const secureContext = createSecureContext({ cert: chain, key, ca: authority.pem });
  let session: Buffer | undefined;
  for (let round = 0; round < 2; round += 1) {
    const resume = session === undefined ? {} : { session };
    const socket = connect({
      port,
      host: '127.0.0.1',
      secureContext,
      rejectUnauthorized: false,
      ...resume,
    });
    socket.on('session', (given) => {
      session = given;
    });
    socket.resume();
    await once(socket, 'close');
  }
  await new Promise((resolve) => server.close(resolve));
  expect(outcomes).toEqual([orders, expect.stringContaining('has resumed a session')]);
});

/** Until the certificate's own time is over, by the clock that OpenSSL reads. */
async function expired(chain: string): Promise<void> {
  const { X509Certificate } = await import('node:crypto');
  const end = Date.parse(new X509Certificate(chain).validTo);
  await until(() => expect(Date.now()).toBeGreaterThan(end + 1_000));
}

describe('revocation', () => {
  test('a revoked client gets no new connection, and an open one ends before its next request', async () => {
    const revoked = createRevocationList();
    const server = await fixture.identity(authority, reviews, { revoked });
    const client = await fixture.identity(authority, orders);
    let served = 0;
    const { port, refusals, tls } = await fixture.serve(server, {}, (_request, response) => {
      served += 1;
      response.end('ok');
    });
    const agent = fixture.agent(client.connectOptions([reviews]) ?? {});
    await expect(getSecure(port, agent)).resolves.toMatchObject({ body: 'ok' });
    expect(tls.connections).toBe(1);
    revoked.replace([client.tls()?.svid.serial ?? '']);
    await until(() => expect(tls.connections).toBe(0));
    expect(refusals()).toEqual([expect.stringMatching(/has lost access: serial .* is revoked/)]);
    // Until the agent has seen it too: it would send the next request into the closed connection.
    await until(() => expect(Object.keys(agent.freeSockets)).toEqual([]));
    await expect(getSecure(port, agent)).rejects.toThrow();
    await until(() => expect(refusals()).toHaveLength(2));
    expect(refusals()[1]).toMatch(/certificate of .* refused: serial .* is revoked/);
    expect(served).toBe(1);
  });

  test('a response that goes on while its peer is revoked is finished', async () => {
    const revoked = createRevocationList();
    const server = await fixture.identity(authority, reviews, { revoked });
    const client = await fixture.identity(authority, orders);
    let finish = (): void => {};
    const { port, tls } = await fixture.serve(server, {}, (_request, response) => {
      response.write('begun ');
      finish = () => void response.end('finished');
    });
    const answer = getSecure(port, fixture.agent(client.connectOptions([reviews]) ?? {}));
    await until(() => expect(String(finish)).toContain('finished'));
    revoked.replace([client.tls()?.svid.serial ?? '']);
    finish();
    await expect(answer).resolves.toMatchObject({ body: 'begun finished' });
    await until(() => expect(tls.connections).toBe(0));
  });

  test('a response that never ends is cut once its peer is revoked', async () => {
    const revoked = createRevocationList();
    const server = await fixture.identity(authority, reviews, { revoked });
    const client = await fixture.identity(authority, orders);
    const { port, tls } = await fixture.serve(server, { graceMs: 100 }, (_request, response) => {
      response.write('begun');
    });
    const answer = getSecure(port, client.connectOptions([reviews]));
    const told = expect(answer).rejects.toThrow();
    await until(() => expect(tls.connections).toBe(1));
    revoked.replace([client.tls()?.svid.serial ?? '']);
    await told;
    await until(() => expect(tls.connections).toBe(0));
  });

  test('a revoked server is not spoken to', async () => {
    const revoked = createRevocationList();
    const server = await fixture.identity(authority, reviews);
    const client = await fixture.identity(authority, orders, { revoked });
    const { port } = await fixture.serve(server);
    revoked.replace([server.tls()?.svid.serial ?? '']);
    await expect(getSecure(port, client.connectOptions([reviews]))).rejects.toThrow(/is revoked/);
  });

  test('serials are compared as numbers; what is none is refused and changes nothing', () => {
    const list = createRevocationList(['00:AB:12']);
    expect(list.has('ab12')).toBe(true);
    expect(() => list.replace(['1', 'x'])).toThrow(/hexadecimal/);
    expect([list.size, list.has('ab12')]).toEqual([1, true]);
    list.replace([]);
    expect(list.has('ab12')).toBe(false);
  });
});

test('the checks of a client hold for a server that OpenSSL would accept', async () => {
  const client = await fixture.identity(authority, orders);
  const credential = client.tls();
  if (credential === undefined) throw new Error('no identity');
  const checks = { clock: systemClock, revoked: createRevocationList() };
  const { checkServerIdentity } = clientTlsOptions(credential, [reviews], checks);
  expect(checkServerIdentity?.('reviews', {} as never)).toMatchObject({ code: 'unauthenticated' });
});

test('a peer that says nothing at all is let go, and a closing server does not wait for it', async () => {
  const identity = await fixture.identity(authority, reviews);
  const { port, server } = await fixture.serve(identity);
  const silent = connectTcp(port, '127.0.0.1');
  await once(silent, 'connect');
  await until(() => expect(server.listening).toBe(true));
  const closed = new Promise((resolve) => server.close(resolve));
  silent.resume();
  await Promise.all([closed, once(silent, 'close')]);
});

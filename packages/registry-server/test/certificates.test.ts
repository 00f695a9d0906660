import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createCsr,
  createIdentity,
  generateKey,
  type IdentitySource,
  readSvid,
} from '@inmesh/identity';
import { createFakeClock } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { onEnd } from './registry-fixture.ts';
import { exchangeRaw, idOf, startSecureRegistry } from './secure-fixture.ts';

const hour = 3_600_000;

describe('a certificate from the registry', () => {
  test('is for the workload that the join token is of, whatever the request leaves out', async () => {
    const registry = await startSecureRegistry();
    const { token } = await registry.token({ kind: 'join', serviceAccount: 'orders' });
    const csr = createCsr(generateKey(), idOf('orders'));
    const proof = { kind: 'join-token', token };
    const { status, json } = await registry.send('POST', '/v1/certificates', {}, { csr, proof });
    expect(status).toBe(200);
    const svid = readSvid(new X509Certificate(json.chain));
    expect(svid.identity.spiffeId).toBe(idOf('orders'));
    expect(json).toMatchObject({ spiffeId: idOf('orders'), serial: svid.serial });
    expect(json.bundle).toBe(await registry.bundle());
    expect(json.expiresInMs).toBeGreaterThan(23 * hour);
  });

  test('for another service is refused, and the token keeps its use (hostile case 43)', async () => {
    const registry = await startSecureRegistry();
    const { token } = await registry.token({ kind: 'join', serviceAccount: 'orders' });
    const proof = { kind: 'join-token', token } as const;
    const refused = await registry.enroll(proof, idOf('admin'));
    expect([refused.status, refused.json.code]).toEqual([403, 'forbidden']);
    expect((await registry.enroll(proof, idOf('orders'))).status).toBe(200);
    const { json } = await registry.send('GET', '/v1/audit', { token: registry.operator });
    expect(json.entries[1]).toMatchObject({
      actor: idOf('orders'),
      action: 'POST /v1/certificates',
      status: 403,
    });
  });

  test('is renewed with the one that is held, for its own name only (hostile case 43)', async () => {
    const registry = await startSecureRegistry();
    const identity = await registry.workload('orders');
    const renewed = await registry.enroll(undefined, idOf('orders'), { identity });
    expect(renewed.json).toMatchObject({ spiffeId: idOf('orders') });
    const refused = await registry.enroll(undefined, idOf('admin'), { identity });
    expect([refused.status, refused.json.code]).toEqual([403, 'forbidden']);
  });

  test('without any proof is refused', async () => {
    const registry = await startSecureRegistry();
    const { status, json } = await registry.enroll(undefined, idOf('orders'));
    expect([status, json.code]).toEqual([401, 'unauthenticated']);
    const shown = { token: registry.operator };
    expect((await registry.enroll(undefined, idOf('orders'), shown)).status).toBe(401);
  });

  test("for the registry itself is nobody else's", async () => {
    const registry = await startSecureRegistry();
    const { token } = await registry.token({
      kind: 'join',
      namespace: 'inmesh',
      serviceAccount: 'registry',
    });
    const spiffeId = 'spiffe://cluster.local/ns/inmesh/sa/registry';
    const { status } = await registry.enroll({ kind: 'join-token', token }, spiffeId);
    expect(status).toBe(403);
  });

  test('is not given for a request that is none, and that costs the token nothing', async () => {
    const registry = await startSecureRegistry();
    const { token } = await registry.token({ kind: 'join', serviceAccount: 'orders' });
    const proof = { kind: 'join-token', token } as const;
    const body = { csr: 'nonsense', proof };
    expect((await registry.send('POST', '/v1/certificates', {}, body)).status).toBe(400);
    expect((await registry.enroll(proof, idOf('orders'))).status).toBe(200);
  });
});

test('more requests for certificates than may wait are told when to come again, and renewals go on', async () => {
  const registry = await startSecureRegistry({ limits: { waitingCertificates: 1 } });
  const identity = await registry.workload('orders');
  const session = await registry.openSession(identity);
  const csr = JSON.stringify({ csr: createCsr(generateKey(), idOf('orders')) });
  const head = (request: string): string => `${request} HTTP/1.1\r\nhost: localhost\r\n`;
  const ask = `${head('POST /v1/certificates')}content-type: application/json\r\ncontent-length: ${csr.length}\r\n\r\n${csr}`;
  const renew = `${head(`PUT /v1/sessions/${session}`)}\r\n`;
  const last = `${head(`PUT /v1/sessions/${session}`)}connection: close\r\n\r\n`;
  // In one piece: all are read in one turn, before anything of it is signed.
  const answers = await exchangeRaw(registry.url, identity, [ask, ask, renew, ask, last].join(''));
  const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
  expect(statuses).toEqual([200, 503, 204, 503, 204]);
  expect(answers.match(/^retry-after: 1\r$/gim)).toHaveLength(2);
  expect(answers.match(/"code":"overloaded"/g)).toHaveLength(2);
  // There is room again.
  expect((await registry.enroll(undefined, idOf('orders'), { identity })).status).toBe(200);
});

describe('a join token', () => {
  test('serves once, also when two use it at the same moment', async () => {
    const registry = await startSecureRegistry();
    const { token } = await registry.token({ kind: 'join', serviceAccount: 'orders' });
    const tries = await Promise.all(
      Array.from({ length: 5 }, () =>
        registry.enroll({ kind: 'join-token', token }, idOf('orders')),
      ),
    );
    expect(tries.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401]);
  });

  test('serves as often as it says', async () => {
    const registry = await startSecureRegistry();
    const { token } = await registry.token({ kind: 'join', serviceAccount: 'orders', uses: 3 });
    const tries = await Promise.all(
      Array.from({ length: 5 }, () =>
        registry.enroll({ kind: 'join-token', token }, idOf('orders')),
      ),
    );
    expect(tries.map(({ status }) => status).sort()).toEqual([200, 200, 200, 401, 401]);
  });

  test('expires', async () => {
    const clock = createFakeClock();
    clock.jumpWall(Date.now() - clock.wallNow());
    const registry = await startSecureRegistry({ clock });
    const { token } = await registry.token({
      kind: 'join',
      serviceAccount: 'orders',
      ttlMs: 60_000,
    });
    await clock.advanceAsync(60_000);
    const { status, json } = await registry.enroll({ kind: 'join-token', token }, idOf('orders'));
    expect([status, json.detail]).toEqual([401, expect.stringContaining('expired')]);
  });

  test('opens nothing but certificates, and no other token opens those', async () => {
    const registry = await startSecureRegistry();
    const { token } = await registry.token({ kind: 'join', serviceAccount: 'orders' });
    expect((await registry.send('GET', '/v1/services', { token })).status).toBe(401);
    const { status } = await registry.enroll(
      { kind: 'join-token', token: registry.operator },
      idOf('orders'),
    );
    expect(status).toBe(401);
  });

  test.each([
    ['empty', ''],
    ['nonsense', 'nonsense'],
    ['half', 'inmesh-join.aaaaaaaaaaaa.b.c'],
    ['8,000 characters', 'x'.repeat(8_000)],
  ])('that is none is refused: %s', async (_what, token) => {
    const registry = await startSecureRegistry();
    const { status } = await registry.enroll({ kind: 'join-token', token }, idOf('orders'));
    expect(status).toBe(token === '' ? 400 : 401);
  });

  test('with another secret, or of another kind than it says, is refused', async () => {
    const registry = await startSecureRegistry();
    const { token } = await registry.token({ kind: 'join', serviceAccount: 'orders' });
    const [kind, id, secret = '', fingerprint] = token.split('.');
    const forged = [kind, id, secret.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')), fingerprint];
    for (const text of [forged.join('.'), token.replace('inmesh-join', 'inmesh-operator')]) {
      const proof = { kind: 'join-token', token: text } as const;
      expect((await registry.enroll(proof, idOf('orders'))).status).toBe(401);
      expect((await registry.send('GET', '/v1/services', { token: text })).status).toBe(401);
    }
  });

  test('is stored as a digest only, carries whom to trust, and can be revoked', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'inmesh-doors-'));
    onEnd(() => rm(dataDir, { recursive: true }));
    const registry = await startSecureRegistry({ dataDir });
    const shown = { token: registry.operator };
    const wanted = { kind: 'join', name: 'ci', serviceAccount: 'orders' };
    const { json, headers } = await registry.send('POST', '/v1/tokens', shown, wanted);
    expect(headers['cache-control']).toBe('no-store');
    const [, , secret, fingerprint] = json.token.split('.');
    expect(await readFile(join(dataDir, 'registry.json'), 'utf8')).not.toContain(secret);
    const { json: trust } = await registry.send('GET', '/v1/trust-bundle');
    expect(fingerprint).toBe(trust.fingerprint);
    const listed = await registry.send('GET', '/v1/tokens', shown);
    expect(listed.json.tokens.map(({ id }: { id: string }) => id)).toContain(json.id);
    expect(JSON.stringify(listed.json)).not.toContain(secret);
    expect((await registry.send('DELETE', `/v1/tokens/${json.id}`, shown)).status).toBe(204);
    const { status } = await registry.enroll(
      { kind: 'join-token', token: json.token },
      idOf('orders'),
    );
    expect(status).toBe(401);
  });

  test.each([
    [{ kind: 'join' }, '/serviceAccount'],
    [{ kind: 'join', serviceAccount: 'orders', uses: 0 }, '/uses'],
    [{ kind: 'join', serviceAccount: '../admin' }, '/serviceAccount'],
    [{ kind: 'join', serviceAccount: 'orders', namespace: 'A' }, '/namespace'],
    [{ kind: 'reader', ttlMs: 1e12 }, '/ttlMs'],
    [{ kind: 'reader', name: 'a\nb' }, '/name'],
  ])('cannot be made from %j', async (wanted, path) => {
    const registry = await startSecureRegistry();
    const body = { name: 'x', ...wanted };
    const { status, json } = await registry.send(
      'POST',
      '/v1/tokens',
      { token: registry.operator },
      body,
    );
    expect([status, json.errors[0].path]).toEqual([400, path]);
  });
});

test('a revoked certificate opens nothing any more, and takes its revocation over a restart', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'inmesh-doors-'));
  onEnd(() => rm(dataDir, { recursive: true }));
  const registry = await startSecureRegistry({ dataDir });
  const shown = { token: registry.operator };
  const identity = await registry.workload('orders');
  await registry.openSession(identity);
  const serial = identity.tls()?.svid.serial.toUpperCase();
  const revoked = await registry.send('POST', '/v1/revocations', shown, { serial, reason: 'lost' });
  expect(revoked.status).toBe(201);
  await expect(registry.send('GET', '/v1/services', { identity })).rejects.toThrow();
  await registry.server.close();
  const again = await startSecureRegistry({ dataDir });
  const { json } = await again.send('GET', '/v1/revocations', { token: registry.operator });
  expect(json.revocations).toMatchObject([{ serial: serial?.toLowerCase(), reason: 'lost' }]);
  await expect(again.send('GET', '/v1/services', { identity })).rejects.toThrow();
});

test('a revoked certificate takes those along that were renewed from it: who has stolen the key may have', async () => {
  const registry = await startSecureRegistry();
  const stolen = await registry.workload('orders');
  const thief = createIdentity({
    spiffeId: idOf('orders'),
    enroller: {
      enroll: async (csr) =>
        (await registry.send('POST', '/v1/certificates', { identity: stolen }, { csr })).json,
    },
  });
  onEnd(() => thief.close());
  await thief.ready();
  const other = await registry.workload('orders');
  const ask = (identity: IdentitySource): Promise<number> =>
    registry.send('GET', '/v1/services', { identity }).then(
      ({ status }) => status,
      () => 0,
    );
  expect([await ask(thief), await ask(other)]).toEqual([200, 200]);
  const serial = stolen.tls()?.svid.serial;
  expect(thief.tls()?.svid.serial).not.toBe(serial);
  await registry.send('POST', '/v1/revocations', { token: registry.operator }, { serial });
  // The other process of the service has a line of its own, from its own join token.
  expect([await ask(stolen), await ask(thief), await ask(other)]).toEqual([0, 0, 200]);
});

test('a new root is published before anything is signed with it (hostile case 42)', async () => {
  const registry = await startSecureRegistry();
  const shown = { token: registry.operator };
  const before = await registry.send('GET', '/v1/trust-bundle');
  const identity = await registry.workload('orders');
  const { status, json } = await registry.send('POST', '/v1/trust-bundle/rotation', shown);
  expect(status).toBe(202);
  expect(json.bundle.match(/BEGIN/g)).toHaveLength(2);
  // It still signs with the first: nobody has to know the second yet.
  expect(json.fingerprint).toBe(before.json.fingerprint);
  const renewed = await registry.enroll(undefined, idOf('orders'), { identity });
  const root = new X509Certificate(before.json.bundle);
  expect(new X509Certificate(renewed.json.chain).verify(root.publicKey)).toBe(true);
  // Tokens that are made now serve before and after the change.
  const { token } = await registry.token({ kind: 'join', serviceAccount: 'orders' });
  expect(token.split('.')[3]?.split('-')).toHaveLength(2);
  expect((await registry.send('POST', '/v1/trust-bundle/rotation', shown)).status).toBe(409);
});

test('the first start makes a token for the first operator, for this user only', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'inmesh-doors-'));
  onEnd(() => rm(dataDir, { recursive: true }));
  const registry = await startSecureRegistry({ dataDir });
  const path = join(dataDir, 'operator-token');
  const token = (await readFile(path, 'utf8')).trim();
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await registry.send('GET', '/v1/tokens', { token })).status).toBe(200);
  await registry.server.close();
  await rm(path);
  await startSecureRegistry({ dataDir });
  // There is an operator already: no second way in is made.
  await expect(stat(path)).rejects.toThrow(/ENOENT/);
});

import { X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCsr, createIdentity, generateKey, parsePemBundle, readSvid } from '@inmesh/identity';
import { createFakeClock, eventually, type FakeClock } from '@inmesh/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type CertificateAuthority,
  type CertificateAuthorityOptions,
  createCertificateAuthority,
} from '../src/ca/certificate-authority.ts';
import { createFileSecret, type Secret } from '../src/secrets/secret.ts';

const orders = 'spiffe://cluster.local/ns/prod/sa/orders';
const admin = 'spiffe://cluster.local/ns/prod/sa/admin';
const hour = 3_600_000;

let dataDir: string;
const open: CertificateAuthority[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'inmesh-ca-'));
});
afterEach(async () => {
  for (const authority of open.splice(0)) await authority.close();
  await rm(dataDir, { recursive: true });
});

async function start(options: CertificateAuthorityOptions = {}): Promise<CertificateAuthority> {
  const authority = await createCertificateAuthority(options);
  open.push(authority);
  return authority;
}

function clockOfToday(): FakeClock {
  const clock = createFakeClock();
  clock.jumpWall(Date.now() - clock.wallNow());
  return clock;
}

const inDataDir = (): Secret => createFileSecret(join(dataDir, 'authority.json'));
const csr = (uri = orders): string => createCsr(generateKey(), uri);
const issuerOf = (chain: string, authority: CertificateAuthority): string | undefined =>
  parsePemBundle('cluster.local', authority.bundle).authorities.find((root) =>
    new X509Certificate(chain).verify(root.publicKey),
  )?.fingerprint256;

describe('a certificate', () => {
  test('is an SVID of whoever asks, for a day', async () => {
    const authority = await start();
    const issued = await authority.issue({ csr: csr(), spiffeId: orders });
    const svid = readSvid(new X509Certificate(issued.chain));
    expect(svid.identity.spiffeId).toBe(orders);
    expect(svid.serial).toBe(issued.serial);
    expect(issued.expiresAt - Date.now()).toBeGreaterThan(24 * hour - 60_000);
    expect(issuerOf(issued.chain, authority)).toBe(authority.fingerprint);
    expect(issued.bundle).toBe(authority.bundle);
  });

  test('works between services, from request to renewal', async () => {
    const authority = await start();
    const identity = createIdentity({
      spiffeId: orders,
      enroller: { enroll: (request) => authority.issue({ csr: request, spiffeId: orders }) },
    });
    const first = await identity.ready();
    identity.renew();
    await eventually(() => identity.tls() !== first);
    identity.close();
  });

  test('case 43: for the name of another service is refused, and noted', async () => {
    const notes: unknown[] = [];
    const ignore = (): void => {};
    const warn = (fields: unknown): void => void notes.push(fields);
    const authority = await start({ logger: { debug: ignore, info: ignore, warn, error: ignore } });
    await expect(authority.issue({ csr: csr(admin), spiffeId: orders })).rejects.toMatchObject({
      code: 'forbidden',
    });
    const err = expect.objectContaining({ message: expect.stringContaining(admin) });
    expect(notes).toEqual([{ spiffeId: orders, err }]);
  });

  test('for another trust domain is refused', async () => {
    const authority = await start();
    const spiffeId = 'spiffe://other/ns/prod/sa/orders';
    await expect(authority.issue({ csr: csr(spiffeId), spiffeId })).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  test.each(['', 'x', csr().replace('M', 'N'), csr().slice(0, 200)])(
    'for what is no request is refused: %#',
    async (text) => {
      const authority = await start();
      await expect(authority.issue({ csr: text, spiffeId: orders })).rejects.toMatchObject({
        code: 'invalid_argument',
      });
    },
  );

  test('never has the serial number of another', async () => {
    const authority = await start();
    const requests = Array.from({ length: 200 }, () =>
      authority.issue({ csr: csr(), spiffeId: orders }),
    );
    const serials = (await Promise.all(requests)).map(({ serial }) => serial);
    expect(new Set(serials).size).toBe(200);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/);
  });
});

test('requests beyond those that may wait are refused at once, and all others are served', async () => {
  const authority = await start({ maxWaiting: 5 });
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, () => authority.issue({ csr: csr(), spiffeId: orders })),
  );
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  expect(results.at(-1)).toMatchObject({ reason: { code: 'overloaded', maybeProcessed: false } });
  await expect(authority.issue({ csr: csr(), spiffeId: orders })).resolves.toBeDefined();
});

describe('the root', () => {
  test('outlives a restart, in a file that only its owner reads', async () => {
    const first = await start({ secret: inDataDir() });
    const file = join(dataDir, 'authority.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual(['authority.json']);
    const second = await start({ secret: inDataDir() });
    expect(second.fingerprint).toBe(first.fingerprint);
  });

  test('that others can read is not used', async () => {
    await start({ secret: inDataDir() });
    await chmod(join(dataDir, 'authority.json'), 0o644);
    await expect(start({ secret: inDataDir() })).rejects.toThrow(/can be read by others/);
  });

  test.each(['', '{}', '{"format":1,"roots":[]}', '{"format":2}'])(
    'is never replaced because its file is damaged: %j',
    async (text) => {
      await writeFile(join(dataDir, 'authority.json'), text, { mode: 0o600 });
      await expect(start({ secret: inDataDir() })).rejects.toThrow(/is damaged/);
      expect(await readFile(join(dataDir, 'authority.json'), 'utf8')).toBe(text);
    },
  );

  test('whose key was exchanged is not used', async () => {
    await start({ secret: inDataDir() });
    const file = join(dataDir, 'authority.json');
    const stored = JSON.parse(await readFile(file, 'utf8'));
    stored.roots[0].key = generateKey().privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(file, JSON.stringify(stored));
    await expect(start({ secret: inDataDir() })).rejects.toThrow(/is damaged/);
  });

  test('of another trust domain is not used', async () => {
    await start({ secret: inDataDir() });
    await expect(start({ secret: inDataDir(), trustDomain: 'other' })).rejects.toThrow(
      /is of cluster.local/,
    );
  });
});

describe('case 42: the replacement of a root', () => {
  test('publishes the new one first, signs with it later, and trusts the old one until its last certificate is over', async () => {
    const clock = clockOfToday();
    const authority = await start({ secret: inDataDir(), clock });
    const bundles: number[] = [];
    const trusted = (): number =>
      parsePemBundle('cluster.local', authority.bundle).authorities.length;
    authority.onBundle(() => void bundles.push(trusted()));
    const old = authority.fingerprint;
    await authority.rotate();
    expect([trusted(), authority.fingerprint]).toEqual([2, old]);
    expect(bundles).toEqual([2]);
    await expect(authority.rotate()).rejects.toMatchObject({ code: 'conflict' });

    await clock.advanceAsync(23.9 * hour);
    const last = await authority.issue({ csr: csr(), spiffeId: orders });
    expect(issuerOf(last.chain, authority)).toBe(old);
    await clock.advanceAsync(0.2 * hour);
    expect(authority.fingerprint).not.toBe(old);
    const first = await authority.issue({ csr: csr(), spiffeId: orders });
    expect(issuerOf(first.chain, authority)).toBe(authority.fingerprint);

    await clock.advanceAsync(last.expiresAt - clock.wallNow());
    expect(issuerOf(last.chain, authority)).toBe(old);
    await clock.advanceAsync(0.2 * hour);
    expect(trusted()).toBe(1);
    expect(issuerOf(last.chain, authority)).toBeUndefined();
    expect(bundles.at(-1)).toBe(1);
  });

  test('goes on where it was after a restart', async () => {
    const clock = clockOfToday();
    const authority = await start({ secret: inDataDir(), clock });
    const old = authority.fingerprint;
    await authority.rotate();
    await authority.close();
    clock.advance(24 * hour);
    const again = await start({ secret: inDataDir(), clock });
    expect(again.fingerprint).not.toBe(old);
    expect(again.bundle).toBe(authority.bundle);
  });

  test('is begun once, however many ask at the same time', async () => {
    const authority = await start({ secret: inDataDir() });
    const ends = await Promise.allSettled([
      authority.rotate(),
      authority.rotate(),
      authority.rotate(),
    ]);
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  test('leaves no timer behind when the authority closes', async () => {
    const clock = clockOfToday();
    const authority = await start({ clock });
    await authority.rotate();
    expect(clock.pendingTimers).toBe(1);
    await authority.close();
    await authority.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

test.each([
  ['lifeMs', { lifeMs: 1_000 }],
  ['lifeMs', { lifeMs: 365 * 24 * hour }],
  ['publishMs', { publishMs: -1 }],
])('%s that cannot be is refused: %j', async (name, options) => {
  await expect(start(options)).rejects.toThrow(new RegExp(`${name} must be within`));
});

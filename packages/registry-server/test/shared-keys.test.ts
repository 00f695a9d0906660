import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@inmesh/core';
import { createCsr, generateKey, parsePemBundle } from '@inmesh/identity';
import { createRegistryServer, encryptStore } from '@inmesh/registry-server';
import { createFakeClock, eventually, type FakeClock } from '@inmesh/testing';
import { beforeEach, describe, expect, test } from '@jest/globals';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../src/ca/certificate-authority.ts';
import { createKeyResealer } from '../src/secrets/key-resealer.ts';
import { createFileSecret, type Secret } from '../src/secrets/secret.ts';
import { openStoredSecret } from '../src/secrets/stored-secret.ts';
import {
  createServiceTokenIssuer,
  type ServiceTokenIssuer,
} from '../src/security/service-token-issuer.ts';
import { onEnd } from './registry-fixture.ts';
import { startSecureRegistry } from './secure-fixture.ts';
import {
  createSharedStoreDouble,
  type SharedStoreDouble,
  type StoreHandle,
} from './shared-store-double.ts';

const operatorsKey = randomBytes(32);
const day = 24 * 3_600_000;

let clock: FakeClock;
let shared: SharedStoreDouble;
beforeEach(async () => {
  clock = createFakeClock();
  clock.jumpWall(Date.now() - clock.wallNow());
  shared = await createSharedStoreDouble(clock);
});

async function openSecret(
  name: string,
  { handle = shared.open(), keys = [operatorsKey], inherited }: OpenSecret = {},
): Promise<Secret> {
  return await openStoredSecret({
    store: encryptStore(handle, keys),
    key: `secrets/${name}`,
    ...(inherited === undefined ? {} : { inherited }),
    clock,
    logger: silentLogger,
  });
}
interface OpenSecret {
  readonly handle?: StoreHandle;
  readonly keys?: readonly Uint8Array[];
  readonly inherited?: Secret;
}

async function startAuthority(options: OpenSecret = {}): Promise<CertificateAuthority> {
  const secret = await openSecret('authority', options);
  const authority = await createCertificateAuthority({ secret, clock });
  onEnd(() => authority.close());
  return authority;
}

async function startIssuer(): Promise<ServiceTokenIssuer> {
  const secret = await openSecret('service-token-keys');
  const trustDomain = 'cluster.local';
  const issuer = await createServiceTokenIssuer({
    trustDomain,
    secret,
    clock,
    logger: silentLogger,
  });
  onEnd(() => issuer.close());
  return issuer;
}

async function temporaryFile(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'inmesh-shared-'));
  onEnd(() => rm(folder, { recursive: true }));
  return join(folder, name);
}

describe('servers that share a store', () => {
  test('have one root, though they begin at the same time', async () => {
    const servers = await Promise.all([startAuthority(), startAuthority(), startAuthority()]);
    expect(new Set(servers.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    const { entries } = await shared.store.list('secrets/');
    expect(entries).toHaveLength(1);
    expect(entries[0]?.value).not.toContain('PRIVATE');
  });

  test('sign below it, each of them', async () => {
    const [a, b] = [await startAuthority(), await startAuthority()];
    const spiffeId = 'spiffe://cluster.local/ns/prod/sa/orders';
    for (const authority of [a, b]) {
      const { bundle } = await authority.issue({
        csr: createCsr(generateKey(), spiffeId),
        spiffeId,
      });
      expect(bundle).toBe(a.bundle);
    }
  });

  test('see a rotation that one of them begins, and do not begin another', async () => {
    const [a, b] = [await startAuthority(), await startAuthority()];
    const told: number[] = [];
    b.onBundle((bundle) => {
      told.push(parsePemBundle('cluster.local', bundle).authorities.length);
    });
    const old = b.fingerprint;
    await a.rotate();
    expect(told).toEqual([2]);
    expect(b.bundle).toBe(a.bundle);
    await expect(b.rotate()).rejects.toMatchObject({ code: 'conflict' });
    await clock.advanceAsync(day);
    expect(b.fingerprint).toBe(a.fingerprint);
    expect(b.fingerprint).not.toBe(old);
    await clock.advanceAsync(day);
    expect(told.at(-1)).toBe(1);
  });

  test('rotate once when two are asked at the same time', async () => {
    const [a, b] = [await startAuthority(), await startAuthority()];
    const ends = await Promise.allSettled([a.rotate(), b.rotate()]);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(ends).toContainEqual(
      expect.objectContaining({ reason: expect.objectContaining({ code: 'conflict' }) }),
    );
    expect(parsePemBundle('cluster.local', b.bundle).authorities).toHaveLength(2);
    expect(b.bundle).toBe(a.bundle);
  });

  test('make no rotation that the store has not taken, and hear of one that it took without an answer', async () => {
    const handle = shared.open();
    const authority = await startAuthority({ handle });
    handle.cut = true;
    await expect(authority.rotate()).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(parsePemBundle('cluster.local', authority.bundle).authorities).toHaveLength(1);
    handle.cut = false;
    handle.loseNextAnswer = true;
    await expect(authority.rotate()).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(parsePemBundle('cluster.local', authority.bundle).authorities).toHaveLength(2);
  });

  test('have the same keys for service tokens, and replace them once a month, once', async () => {
    const [a, b] = [await startIssuer(), await startIssuer()];
    expect(a.jwks()).toEqual(b.jwks());
    await clock.advanceAsync(30 * day);
    await clock.advanceAsync(0);
    expect(a.jwks().keys).toHaveLength(2);
    expect(b.jwks()).toEqual(a.jwks());
    await clock.advanceAsync(day);
    expect(b.jwks()).toEqual(a.jwks());
    expect(a.jwks().keys).toHaveLength(1);
  });
});

describe("the operator's key", () => {
  test('that is another one stops the start, and changes nothing', async () => {
    const { fingerprint } = await startAuthority();
    await expect(startAuthority({ keys: [randomBytes(32)] })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/secrets\/authority was not encrypted with any of the keys/),
    });
    expect((await startAuthority()).fingerprint).toBe(fingerprint);
  });

  test('can be replaced: a new one in front, the old one behind it', async () => {
    const { fingerprint } = await startAuthority();
    const again = await startAuthority({ keys: [randomBytes(32), operatorsKey] });
    expect(again.fingerprint).toBe(fingerprint);
  });

  test('that is in front is the one that secrets are encrypted with, from the start of the server that leads', async () => {
    const next = randomBytes(32);
    const opensAll = async (key: Uint8Array): Promise<boolean> => {
      const listing = encryptStore(shared.store, [key]).list('secrets/');
      return (await listing.catch(() => undefined))?.entries.length === 2;
    };
    /** Runs a server until `key` opens all secrets. */
    const runUntil = async (key: Uint8Array, storeKeys: Uint8Array[]): Promise<string> => {
      const store = shared.open();
      const { server, bundle } = await startSecureRegistry({ store, security: { storeKeys } });
      await eventually(() => opensAll(key));
      const roots = await bundle();
      await server.close();
      return roots;
    };
    const roots = await runUntil(operatorsKey, [operatorsKey]);
    expect(await runUntil(next, [next, operatorsKey])).toBe(roots);
    expect(await opensAll(operatorsKey)).toBe(false);
    expect(await runUntil(next, [next])).toBe(roots);
  });

  test('is tried again by the next server that leads when the store could not be written', async () => {
    const next = randomBytes(32);
    await startAuthority();
    const handle = shared.open();
    let lead: (leading: boolean) => void = () => {};
    const notes: string[] = [];
    const note = (_fields: object, message: string): void => void notes.push(message);
    const resealer = createKeyResealer({
      store: encryptStore(handle, [next, operatorsKey]),
      prefix: 'secrets/',
      leadership: {
        leading: false,
        onChange(listener) {
          lead = listener;
          return () => {};
        },
      },
      logger: { ...silentLogger, info: note, error: note },
    });
    handle.cut = true;
    lead(true);
    await eventually(() => notes.length === 1);
    handle.cut = false;
    lead(false);
    lead(true);
    await resealer.close();
    expect(notes).toEqual([
      expect.stringMatching(/keep the others/),
      expect.stringMatching(/first of the store keys now/),
    ]);
    await expect(startAuthority({ keys: [next] })).resolves.toBeDefined();
  });

  test('must be there where a store is shared', () => {
    expect(() => createRegistryServer({ store: shared.open(), security: {} })).toThrow(
      /share the keys that they sign with.*--store-key-file/,
    );
  });
});

describe('a server that was alone before', () => {
  test('brings its root along, and goes by the shared one when another was first', async () => {
    const [path, other] = [await temporaryFile('a.json'), await temporaryFile('b.json')];
    const fingerprints: string[] = [];
    for (const file of [path, other]) {
      const alone = await createCertificateAuthority({ secret: createFileSecret(file), clock });
      fingerprints.push(alone.fingerprint);
      await alone.close();
    }
    const before = await readFile(other, 'utf8');
    const first = await startAuthority({ inherited: createFileSecret(path) });
    const second = await startAuthority({ inherited: createFileSecret(other) });
    expect([first.fingerprint, second.fingerprint]).toEqual([fingerprints[0], fingerprints[0]]);
    expect(await readFile(other, 'utf8')).toBe(before);
  });
});

import { randomBytes } from 'node:crypto';
import { createEmbeddedStore, encryptStore, parseStoreKey } from '@inmesh/registry-server';
import { describe, expect, test } from '@jest/globals';
import { storeSuite } from './store-suite.ts';

storeSuite({
  name: 'an encrypted store',
  create: async () => encryptStore(await createEmbeddedStore(), [randomBytes(32)]),
});

describe('encryption', () => {
  test('leaves nothing of a value readable, and two of the same look different', async () => {
    const plain = await createEmbeddedStore();
    const store = encryptStore(plain, [randomBytes(32)]);
    await store.commit([
      { kind: 'put', key: 'a', value: 'secret' },
      { kind: 'put', key: 'b', value: 'secret' },
    ]);
    const [a, b] = (await plain.list('')).entries;
    expect(a?.value).not.toContain('secret');
    expect(a?.value).not.toContain(Buffer.from('secret').toString('base64'));
    expect(a?.value).not.toBe(b?.value);
  });

  test('a new key comes first, and the old one still opens what it sealed', async () => {
    const plain = await createEmbeddedStore();
    const [old, next] = [randomBytes(32), randomBytes(32)];
    await encryptStore(plain, [old]).commit([{ kind: 'put', key: 'a', value: '1' }]);
    const both = encryptStore(plain, [next, old]);
    expect((await both.get('a'))?.value).toBe('1');
    await both.commit([{ kind: 'put', key: 'a', value: '2' }]);
    expect((await encryptStore(plain, [next]).get('a'))?.value).toBe('2');
    await expect(encryptStore(plain, [old]).get('a')).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  test('what another key has sealed is sealed with the first one, the rest is not touched', async () => {
    const plain = await createEmbeddedStore();
    const [old, next] = [randomBytes(32), randomBytes(32)];
    await encryptStore(plain, [old]).commit([
      { kind: 'put', key: 'a/1', value: '1' },
      { kind: 'put', key: 'b/1', value: 'b' },
    ]);
    const both = encryptStore(plain, [next, old]);
    await both.commit([{ kind: 'put', key: 'a/2', value: '2' }]);
    const untouched = await plain.get('a/2');
    expect(await both.reseal('a/')).toEqual(['a/1']);
    expect(await both.reseal('a/')).toEqual([]);
    expect(await plain.get('a/2')).toEqual(untouched);
    const { entries } = await encryptStore(plain, [next]).list('a/');
    expect(entries.map(({ value }) => value)).toEqual(['1', '2']);
    expect((await encryptStore(plain, [old]).get('b/1'))?.value).toBe('b');
  });

  test('what somebody else writes while it is sealed anew is left to them', async () => {
    const plain = await createEmbeddedStore();
    const [old, next] = [randomBytes(32), randomBytes(32)];
    const before = encryptStore(plain, [old]);
    await before.commit([{ kind: 'put', key: 'a', value: '1' }]);
    const both = encryptStore(
      {
        ...plain,
        async list(prefix) {
          const listed = await plain.list(prefix);
          await before.commit([{ kind: 'put', key: 'a', value: '2' }]);
          return listed;
        },
      },
      [next, old],
    );
    expect(await both.reseal('')).toEqual([]);
    expect((await both.get('a'))?.value).toBe('2');
  });

  test('a value that was changed, put elsewhere or never encrypted is refused, also by a watch', async () => {
    const plain = await createEmbeddedStore();
    const store = encryptStore(plain, [randomBytes(32)]);
    const revision = await store.commit([{ kind: 'put', key: 'a', value: 'of a' }]);
    const sealed = (await plain.get('a'))?.value ?? '';
    const { data } = JSON.parse(sealed);
    const flipped = Buffer.from(data, 'base64');
    flipped[flipped.length - 1] = (flipped.at(-1) as number) ^ 1;
    const changed = { ...JSON.parse(sealed), data: flipped.toString('base64') };
    for (const value of [JSON.stringify(changed), 'plain', '{}']) {
      await plain.commit([{ kind: 'put', key: 'a', value }]);
      await expect(store.get('a')).rejects.toThrow(/a was not encrypted/);
    }
    await plain.commit([{ kind: 'put', key: 'b', value: sealed }]);
    await expect(store.get('b')).rejects.toThrow(/b was not encrypted/);
    const lost = await new Promise<Error>((resolve) => {
      store.watch('', revision, { changes: () => {}, lost: resolve });
    });
    expect(lost.message).toMatch(/was not encrypted/);
  });

  test('keys are 32 bytes, as hex or base64', () => {
    const key = randomBytes(32);
    expect(parseStoreKey(`${key.toString('hex')}\n`)).toEqual(key);
    expect(parseStoreKey(key.toString('base64'))).toEqual(key);
    for (const text of ['', 'short', randomBytes(16).toString('hex')]) {
      expect(() => parseStoreKey(text)).toThrow(/openssl rand -hex 32/);
    }
  });

  test('a store without keys, or with a short one, is refused', async () => {
    const plain = await createEmbeddedStore();
    expect(() => encryptStore(plain, [])).toThrow(/keys must be/);
    expect(() => encryptStore(plain, [randomBytes(16)])).toThrow(/keys must be/);
  });
});

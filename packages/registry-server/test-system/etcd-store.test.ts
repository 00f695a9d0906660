import type { StoreChange } from '@inmesh/core';
import { createEtcdStore, type EtcdStoreOptions, type SharedStore } from '@inmesh/registry-server';
import { type EtcdCluster, eventually, startEtcd } from '@inmesh/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { storeSuite } from '../test/store-suite.ts';
import { enableUsers } from './support/etcd-users.ts';
import { createAuthority } from './support/loopback-certificates.ts';

const open: { close(): Promise<void> }[] = [];
let one: EtcdCluster;
let three: EtcdCluster;
let prefixes = 0;

beforeAll(async () => {
  [one, three] = await Promise.all([startEtcd(), startEtcd({ members: 3 })]);
});
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
afterAll(() => Promise.all([one.close(), three.close()]));

/** A store in a part of `cluster` of its own. */
function storeIn(cluster: EtcdCluster, options: Partial<EtcdStoreOptions> = {}): SharedStore {
  prefixes += 1;
  return createEtcdStore({ address: `${cluster.address}/test-${prefixes}`, ...options });
}

storeSuite({ name: 'the store in one etcd', create: async () => storeIn(one) });
storeSuite({ name: 'the store in three members of etcd', create: async () => storeIn(three) });

function valuesOf(changes: readonly StoreChange[]): string[] {
  return changes.map((change) => (change.kind === 'put' ? change.entry.value : 'deleted'));
}

describe('a watch', () => {
  /** Three members that the test may kill. */
  async function startCluster(): Promise<EtcdCluster> {
    const cluster = await startEtcd({ members: 3 });
    open.push(cluster);
    return cluster;
  }

  async function follow(store: SharedStore): Promise<{ values: string[]; lost: Error[] }> {
    const seen = { values: [] as string[], lost: [] as Error[] };
    const { revision } = await store.list('');
    store.watch('', revision, {
      changes: (changes) => void seen.values.push(...valuesOf(changes)),
      lost: (error) => void seen.lost.push(error),
    });
    return seen;
  }

  test('tells every commit once and in order while the leader is killed and members restart', async () => {
    const cluster = await startCluster();
    const [writer, reader] = [
      storeIn(cluster),
      createEtcdStore({ address: `${cluster.address}/test-${prefixes}` }),
    ];
    open.push(writer, reader);
    const seen = await follow(reader);
    const written: string[] = [];
    let stopped = false;
    const write = async (): Promise<void> => {
      for (let i = 0; !stopped; i += 1) {
        const value = String(i);
        try {
          await writer.commit([{ kind: 'put', key: 'n', value }]);
          written.push(value);
        } catch (error) {
          expect(error).toMatchObject({ code: 'store_unavailable' });
        }
      }
    };
    const writing = write();
    for (let round = 0; round < 3; round += 1) {
      const leader = await cluster.leader();
      await leader.kill();
      const before = written.length;
      await eventually(() => written.length > before + 20, 30_000);
      await leader.restart();
      await cluster.ready();
    }
    stopped = true;
    await writing;
    const last = written.at(-1) as string;
    await eventually(() => seen.values.at(-1) === last, 30_000);
    // What failed may have been written all the same: once.
    const acknowledged = new Set(written);
    expect(seen.values.filter((value) => acknowledged.has(value))).toEqual(written);
    expect(new Set(seen.values).size).toBe(seen.values.length);
    expect(seen.lost).toEqual([]);
  });

  test('goes on after etcd was away as a whole, and is lost when that was compacted', async () => {
    const cluster = await startEtcd();
    open.push(cluster);
    const [member] = cluster.members;
    const store = storeIn(cluster, { requestTimeoutMs: 1_000 });
    open.push(store);
    const seen = await follow(store);
    const availability: boolean[] = [];
    store.onAvailability((available) => void availability.push(available));
    await store.commit([{ kind: 'put', key: 'a', value: '1' }]);
    await eventually(() => seen.values.length === 1);
    await member?.kill();
    await expect(store.commit([{ kind: 'put', key: 'a', value: 'lost' }])).rejects.toMatchObject({
      code: 'store_unavailable',
      maybeProcessed: false,
    });
    expect(store.available).toBe(false);
    await member?.restart();
    await cluster.ready();
    await store.commit([{ kind: 'put', key: 'a', value: '2' }]);
    await eventually(() => seen.values.length === 2, 20_000);
    expect(seen.values).toEqual(['1', '2']);
    expect(availability).toEqual([false, true]);

    const { revision } = await store.list('');
    await store.commit([{ kind: 'put', key: 'a', value: '3' }]);
    const head = await store.commit([{ kind: 'put', key: 'a', value: '4' }]);
    await fetch(`${member?.url}/v3/kv/compaction`, {
      method: 'POST',
      body: JSON.stringify({ revision: head }),
    });
    const lost: Error[] = [];
    store.watch('', revision, { changes: () => {}, lost: (error) => void lost.push(error) });
    await eventually(() => lost.length === 1, 20_000);
    expect(lost[0]).toMatchObject({ code: 'revision_compacted' });
    await eventually(() => seen.values.length === 4);
  });

  test('is lost when the store is another, or an older one', async () => {
    const cluster = await startEtcd();
    open.push(cluster);
    const store = storeIn(cluster);
    open.push(store);
    const lost: Error[] = [];
    store.watch('', '1000', { changes: () => {}, lost: (error) => void lost.push(error) });
    await eventually(() => lost.length === 1, 20_000);
    expect(lost[0]?.message).toMatch(/went back in time/);
  });
});

test('a member that is silent costs half of the time, and the next one serves', async () => {
  const cluster = await startEtcd({ members: 3 });
  open.push(cluster);
  const store = storeIn(cluster, { requestTimeoutMs: 4_000 });
  open.push(store);
  const leader = await cluster.leader();
  await store.get('a');
  const follower = cluster.members.find((member) => member !== leader);
  follower?.pause();
  for (let i = 0; i < 4; i += 1) await store.get('a');
  expect(store.available).toBe(true);
  follower?.resume();
});

test('without a majority nothing is read or written, within the deadline', async () => {
  const cluster = await startEtcd({ members: 3 });
  open.push(cluster);
  const store = storeIn(cluster, { requestTimeoutMs: 1_000 });
  open.push(store);
  await store.commit([{ kind: 'put', key: 'a', value: '1' }]);
  await Promise.all(cluster.members.slice(1).map((member) => member.kill()));
  await expect(store.get('a')).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(store.commit([{ kind: 'put', key: 'a', value: '2' }])).rejects.toMatchObject({
    code: 'store_unavailable',
  });
  await Promise.all(cluster.members.slice(1).map((member) => member.restart()));
  await cluster.ready();
  expect(await store.get('a')).toBeDefined();
});

test('what hangs on a lease goes with it, and a lease that ended cannot be renewed', async () => {
  const store = storeIn(one);
  open.push(store);
  const lease = await store.grantLease(1_000);
  await store.commit([{ kind: 'put', key: 'a', value: '1', lease }]);
  expect(await store.renewLease(lease)).toBe(true);
  await eventually(async () => (await store.get('a')) === undefined, 20_000);
  expect(await store.renewLease(lease)).toBe(false);
  await store.revokeLease(lease);
  const second = await store.grantLease(10_000);
  await store.commit([{ kind: 'put', key: 'a', value: '1', lease: second }]);
  await store.revokeLease(second);
  expect(await store.get('a')).toBeUndefined();
});

test('a commit of too many writes is refused as a whole, and says what etcd takes and what to raise', async () => {
  const store = storeIn(one);
  open.push(store);
  const writes = Array.from(
    { length: 129 },
    (_, i) => ({ kind: 'put', key: `${i}`, value: '' }) as const,
  );
  await expect(store.commit(writes)).rejects.toMatchObject({
    code: 'overloaded',
    message: expect.stringMatching(/nothing was written.*128 writes.*--max-txn-ops/),
  });
  expect((await store.list('')).entries).toEqual([]);
  await store.commit(writes.slice(1));
  expect((await store.list('')).entries).toHaveLength(128);
});

test("etcd's users: the right password is let in, tokens are renewed, a wrong one is told", async () => {
  const cluster = await startEtcd({ flags: ['--auth-token-ttl=1'] });
  open.push(cluster);
  const [member] = cluster.members;
  await enableUsers(cluster, { password: 'secret' });
  const good = storeIn(cluster, { user: 'root', password: 'secret' });
  const bad = storeIn(cluster, { user: 'root', password: 'wrong' });
  const none = storeIn(cluster);
  open.push(good, bad, none);
  const seen = await good.list('');
  const values: string[] = [];
  good.watch('', seen.revision, {
    changes: (changes) => void values.push(...valuesOf(changes)),
    lost: () => {},
  });
  await good.commit([{ kind: 'put', key: 'a', value: '1' }]);
  await eventually(() => values.length === 1);
  await expect(bad.get('a')).rejects.toMatchObject({ code: 'unauthenticated' });
  await expect(none.get('a')).rejects.toMatchObject({ code: 'forbidden' });
  // The member forgets its tokens.
  await member?.restart();
  await cluster.ready().catch(() => {});
  await eventually(async () => (await good.get('a').catch(() => undefined)) !== undefined, 20_000);
  await good.commit([{ kind: 'put', key: 'a', value: '2' }]);
  await eventually(() => values.length === 2, 20_000);
});

describe('over TLS, with client certificates and users', () => {
  test('serves who shows a certificate of its CA and the password, over its restarts', async () => {
    const authority = await createAuthority();
    const tls = await authority.issue();
    const cluster = await startEtcd({ tls });
    open.push(cluster);
    await enableUsers(cluster, { password: 'secret', tls });
    const ours = { ...(await authority.issue()), user: 'root', password: 'secret' };
    const store = storeIn(cluster, ours);
    open.push(store);
    const { revision } = await store.list('');
    const values: string[] = [];
    store.watch('', revision, {
      changes: (changes) => void values.push(...valuesOf(changes)),
      lost: () => {},
    });
    await store.commit([{ kind: 'put', key: 'a', value: '1' }]);
    await eventually(() => values.length === 1);
    const lease = await store.grantLease(10_000);
    expect(await store.renewLease(lease)).toBe(true);
    await cluster.members[0]?.restart();
    await eventually(
      async () => (await store.get('a').catch(() => undefined))?.value === '1',
      20_000,
    );
    await store.commit([{ kind: 'put', key: 'a', value: '2' }]);
    await eventually(() => values.length === 2, 20_000);
    expect(values).toEqual(['1', '2']);
  });

  test('is refused by and refuses whom it cannot trust, and says so', async () => {
    const authority = await createAuthority();
    const stranger = await createAuthority();
    const tls = await authority.issue();
    const cluster = await startEtcd({ tls });
    open.push(cluster);
    await enableUsers(cluster, { password: 'secret', tls });
    const login = { user: 'root', password: 'secret' };
    const { ca } = tls;
    const soon = { requestTimeoutMs: 1_000 };
    const foreign = await stranger.issue();
    const why = async (options: Partial<EtcdStoreOptions>): Promise<unknown> => {
      const store = storeIn(cluster, { ...login, ...options });
      open.push(store);
      return store.get('a').catch((error: unknown) => error);
    };
    // Without a certificate, and with one of somebody else: how a server hangs up is seen in one of several ways.
    expect(await why({ ca, ...soon })).toMatchObject({ code: 'store_unavailable' });
    expect(await why({ ...foreign, ca, ...soon })).toMatchObject({ code: 'store_unavailable' });
    // A server that is none of ours.
    expect(await why({ ...tls, ca: foreign.ca, ...soon })).toMatchObject({
      code: 'store_unavailable',
    });
    expect(await why({ ...tls, password: 'wrong' })).toMatchObject({ code: 'unauthenticated' });
    expect(await why(tls)).toBeUndefined();
  });
});

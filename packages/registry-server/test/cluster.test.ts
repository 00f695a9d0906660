import { afterEach, describe, expect, test } from '@jest/globals';
import {
  createTestCluster,
  leaseMs,
  type TestCluster,
  type TestServer,
  ttlMs,
} from './cluster-fixture.ts';

let cluster: TestCluster;
afterEach(() => cluster.close());

async function start(...names: string[]): Promise<TestServer[]> {
  cluster = await createTestCluster(...names);
  return [...cluster.servers];
}

/** The endpoints in the store, with their buckets' owners. */
async function stored(): Promise<Record<string, string>> {
  const { entries } = await cluster.shared.store.list('cluster/');
  const owners = new Map<string, string>();
  const found: Record<string, string> = {};
  for (const { key, value } of entries) {
    const name = key.slice(key.indexOf('/', 'cluster/'.length) + 1);
    if (key.startsWith('cluster/buckets/')) owners.set(name, JSON.parse(value).owner);
  }
  for (const { key, value } of entries) {
    if (!key.startsWith('cluster/endpoints/')) continue;
    const owner = owners.get(JSON.parse(value).bucket) ?? 'nobody';
    found[key.slice('cluster/endpoints/'.length)] = owner.slice(0, owner.indexOf('@'));
  }
  return found;
}

async function names(folder: string): Promise<string[]> {
  const { entries } = await cluster.shared.store.list(`cluster/${folder}/`);
  return entries.map(({ key }) => key.slice(`cluster/${folder}/`.length));
}

describe('servers that share a store', () => {
  test('see each others endpoints, their changes, and that they drain and go', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    const session = a.open('reviews/1');
    a.register(session, 'r1');
    await cluster.run(0);
    expect(b.seen()).toEqual({ r1: 'up' });
    a.register(session, 'r1', { weight: 7, status: 'draining' });
    await cluster.run(0);
    expect(b.seen()).toEqual({ r1: 'draining' });
    expect(b.state.endpoints.find('r1')?.endpoint.weight).toBe(7);
    a.state.deregister(session, 'r1');
    await cluster.run(0);
    expect(b.seen()).toEqual({ r1: 'draining' });
    await cluster.run(2_000);
    expect([a.seen(), b.seen(), await stored()]).toEqual([{}, {}, {}]);
  });

  test('write nothing while nothing changes, however many sessions renew', async () => {
    const [a] = (await start('a', 'b', 'c')) as [TestServer];
    for (let i = 0; i < 50; i += 1) a.register(a.open(`s${i}`), `e${i}`);
    await cluster.run(1_000);
    const { revision } = await cluster.shared.store.list('');
    await cluster.run(10 * ttlMs);
    expect((await cluster.shared.store.list('')).revision).toBe(revision);
    expect(Object.keys(a.seen())).toHaveLength(50);
  });

  test('one that joins knows what the others know', async () => {
    const [a] = (await start('a')) as [TestServer];
    a.register(a.open('reviews'), 'r1');
    await cluster.run(0);
    const b = await cluster.start('b');
    expect(b.seen()).toEqual({ r1: 'up' });
  });

  test('an id that another server holds for another service is refused', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    a.register(a.open('reviews'), 'r1');
    await cluster.run(0);
    expect(() => b.register(b.open('x'), 'r1', { service: 'ratings' })).toThrow(
      /belongs to reviews/,
    );
  });

  test('a session that expires takes its endpoints with it everywhere, and nothing else', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    const [dead, live] = [a.open('dead'), a.open('live')];
    a.register(dead, 'd1');
    a.register(live, 'l1');
    a.alive.delete(dead);
    await cluster.run(ttlMs + 1_000);
    expect(a.seen()).toEqual({ l1: 'up' });
    await cluster.run(1_500);
    expect(b.seen()).toEqual({ l1: 'up' });
    expect(await stored()).toEqual({ l1: 'a' });
  });
});

describe('a client that moves to another server', () => {
  test('keeps its endpoint: nobody sees it go, and the server that it left lets go of it', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    const left = a.open('reviews');
    a.register(left, 'r1');
    await cluster.run(0);
    a.alive.delete(left);
    b.register(b.open('reviews'), 'r1');
    await cluster.run(0);
    expect(await stored()).toEqual({ r1: 'b' });
    const { revision } = b.state.services.find('reviews.default') ?? {};
    await cluster.run(3 * ttlMs);
    expect([a.seen(), b.seen()]).toEqual([{ r1: 'up' }, { r1: 'up' }]);
    expect(b.state.services.find('reviews.default')?.revision).toBe(revision);
  });

  test('does not look like a lost network to the server that it left: what died there goes in time', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    const moving = Array.from({ length: 20 }, (_, i) => a.open(`s${i}`));
    for (const [i, session] of moving.entries()) a.register(session, `e${i}`);
    const dead = a.open('dead');
    a.register(dead, 'd');
    await cluster.run(0);
    a.alive.clear();
    for (const i of moving.keys()) b.register(b.open(`s${i}`), `e${i}`);
    await cluster.run(ttlMs + 3_000);
    for (const server of [a, b]) {
      expect(server.seen().d).toBeUndefined();
      expect(Object.keys(server.seen())).toHaveLength(20);
    }
  });

  test('and back at once: the last one to hear from it has it', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    const first = a.open('reviews');
    a.register(first, 'r1');
    await cluster.run(0);
    a.alive.delete(first);
    const second = b.open('reviews');
    b.register(second, 'r1');
    b.alive.delete(second);
    const third = a.open('reviews');
    a.register(third, 'r1');
    await cluster.run(3 * ttlMs);
    expect(await stored()).toEqual({ r1: 'a' });
    expect([a.seen(), b.seen()]).toEqual([{ r1: 'up' }, { r1: 'up' }]);
    expect([...third.registrations.keys()]).toEqual(['r1']);
  });

  test('when both servers are told at once, one has it, and both agree', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    const [x, y] = [a.open('x'), b.open('y')];
    a.register(x, 'r1', { weight: 1, address: '127.0.0.2' });
    b.register(y, 'r1', { weight: 2, address: '127.0.0.3' });
    await cluster.run(1_000);
    expect(x.registrations.size + y.registrations.size).toBe(1);
    const weight = x.registrations.size === 1 ? 1 : 2;
    for (const { state } of [a, b]) {
      expect(state.endpoints.find('r1')?.endpoint.weight).toBe(weight);
    }
  });
});

describe('a server that dies', () => {
  test('leaves nobody missing: what its clients bring back within their time is never seen to go', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [TestServer, TestServer, TestServer];
    for (let i = 0; i < 30; i += 1) a.register(a.open(`s${i}`), `e${i}`);
    await cluster.run(0);
    a.kill();
    await cluster.run(3_000);
    for (let i = 0; i < 15; i += 1) b.register(b.open(`s${i}`), `e${i}`);
    await cluster.run(leaseMs);
    for (let i = 15; i < 30; i += 1) c.register(c.open(`s${i}`), `e${i}`);
    for (let passed = 0; passed < 4 * ttlMs; passed += 500) {
      await cluster.run(500);
      for (const server of [b, c])
        expect(Object.values(server.seen())).toEqual(Array(30).fill('up'));
    }
    const owners = Object.values(await stored());
    expect(owners.filter((owner) => owner === 'b')).toHaveLength(15);
    expect(owners.filter((owner) => owner === 'c')).toHaveLength(15);
    // Of its buckets nothing is left.
    expect((await names('buckets')).every((bucket) => !bucket.startsWith('a@'))).toBe(true);
    expect(b.state.sessions.size + c.state.sessions.size).toBe(30);
  });

  test('leaves no ghost past twice the TTL: what nobody brings back is expired by its heirs', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [TestServer, TestServer, TestServer];
    for (let i = 0; i < 12; i += 1) b.register(b.open(`live${i}`), `l${i}`);
    for (let i = 0; i < 4; i += 1) a.register(a.open(`s${i}`), `e${i}`);
    await cluster.run(0);
    a.kill();
    await cluster.run(leaseMs + ttlMs - 1_500);
    expect(Object.keys(b.seen())).toHaveLength(16);
    await cluster.run(2 * ttlMs - (leaseMs + ttlMs - 1_500));
    for (const server of [b, c]) {
      expect(Object.values(server.seen()).filter((status) => status === 'up')).toHaveLength(12);
    }
    await cluster.run(1_500);
    expect(Object.keys(await stored())).toHaveLength(12);
    expect(await names('servers')).toEqual(['b', 'c']);
  });

  test('with all of its clients: self-preservation holds them for five TTLs, and no longer', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    for (let i = 0; i < 20; i += 1) a.register(a.open(`s${i}`), `e${i}`);
    await cluster.run(0);
    a.kill();
    await cluster.run(4 * ttlMs);
    expect(Object.keys(b.seen())).toHaveLength(20);
    await cluster.run(4 * ttlMs);
    expect(b.seen()).toEqual({});
  });

  test('cleanly, hands over at once', async () => {
    const [a] = (await start('a', 'b')) as [TestServer];
    a.register(a.open('s'), 'e');
    await cluster.run(0);
    await a.cluster.close();
    await cluster.run(3_000);
    expect(await stored()).toEqual({ e: 'b' });
  });

  test('all of them: the one that comes back has their endpoints until they are back or expire', async () => {
    const [a] = (await start('a')) as [TestServer];
    a.register(a.open('s1'), 'e1');
    a.register(a.open('s2'), 'e2');
    await cluster.run(0);
    a.kill();
    await cluster.run(leaseMs + 1_000);
    const b = await cluster.start('b');
    await cluster.run(1_000);
    expect(b.seen()).toEqual({ e1: 'up', e2: 'up' });
    b.register(b.open('s1'), 'e1');
    await cluster.run(ttlMs + 1_000);
    expect(b.seen()).toEqual({ e1: 'up' });
    expect(await stored()).toEqual({ e1: 'b' });
  });
});

describe('a server that lost its lease', () => {
  test('expires nothing, sends its clients elsewhere, and joins anew with what is still its own', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    const [moved, stays, dead] = [a.open('moved'), a.open('stays'), a.open('dead')];
    a.register(moved, 'm');
    a.register(stays, 's');
    a.register(dead, 'd');
    await cluster.run(0);
    a.handle.cut = true;
    a.alive.delete(dead);
    await cluster.run(leaseMs + 2_000);
    expect(a.lapses).toBe(1);
    expect(a.cluster.mayExpire).toBe(false);
    expect(a.cluster.impaired).toBe(true);
    expect(a.cluster.status()).toMatchObject({ member: false, store: 'away' });
    a.alive.delete(moved);
    b.register(b.open('moved'), 'm');
    await cluster.run(ttlMs / 2);
    expect(Object.keys(a.seen())).toHaveLength(3);
    a.handle.cut = false;
    await cluster.run(2 * ttlMs);
    expect(a.recoveries).toBe(1);
    expect(await stored()).toEqual({ m: 'b', s: 'a' });
    for (const server of [a, b]) expect(server.seen()).toEqual({ m: 'up', s: 'up' });
  });

  test('what others expired meanwhile and is alive here comes back', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    a.register(a.open('s'), 'e');
    await cluster.run(0);
    a.handle.cut = true;
    await cluster.run(leaseMs + ttlMs + 5_000);
    expect(b.seen()).toEqual({});
    expect(a.seen()).toEqual({ e: 'up' });
    a.handle.cut = false;
    await cluster.run(2_000);
    expect(b.seen()).toEqual({ e: 'up' });
    expect(await stored()).toEqual({ e: 'a' });
  });
});

describe('while the store is away for all', () => {
  test('new registrations wait and are written when it is back, nothing expires, and nobody goes missing', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    const [old, dead] = [a.open('old'), a.open('dead')];
    a.register(old, 'old');
    a.register(dead, 'dead');
    await cluster.run(0);
    a.handle.cut = true;
    b.handle.cut = true;
    a.alive.delete(dead);
    a.register(a.open('new'), 'new');
    const gone = b.open('gone');
    b.register(gone, 'gone');
    b.state.deregister(gone, 'gone');
    await cluster.run(5 * ttlMs);
    expect(a.seen()).toEqual({ old: 'up', dead: 'up', new: 'up' });
    expect(b.seen()).toEqual({ old: 'up', dead: 'up' });
    expect(a.cluster.status()).toMatchObject({ store: 'away', waiting: 1 });
    a.handle.cut = false;
    b.handle.cut = false;
    await cluster.run(leaseMs);
    expect(b.seen()).toMatchObject({ old: 'up', new: 'up' });
    await cluster.run(3 * ttlMs);
    for (const server of [a, b]) expect(server.seen()).toEqual({ old: 'up', new: 'up' });
    expect(a.cluster.status()).toMatchObject({ store: 'available', waiting: 0 });
  });

  /** A client has registered at `a`, then as `here` at `b`, and the store has heard of neither. */
  const movedWhileAway = async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    a.handle.cut = true;
    b.handle.cut = true;
    const left = a.open('reviews');
    a.register(left, 'r1');
    a.alive.delete(left);
    const here = b.open('reviews');
    b.register(here, 'r1');
    return { a, b, here };
  };

  test.each(['writes last', 'writes first'])(
    'a client that moved has its endpoint where it is, when the server that it left %s',
    async (order) => {
      const { a, b, here } = await movedWhileAway();
      await cluster.run(ttlMs);
      for (const server of order === 'writes last' ? [b, a] : [a, b]) {
        server.handle.cut = false;
        await cluster.run(1_000);
      }
      for (let ms = 0; ms < 3 * ttlMs; ms += 500) {
        await cluster.run(500);
        expect([a.seen(), b.seen()]).toEqual([{ r1: 'up' }, { r1: 'up' }]);
      }
      expect(await stored()).toEqual({ r1: 'b' });
      expect([...here.registrations.keys()]).toEqual(['r1']);
      expect(b.alive).toContain(here);
    },
  );

  test('an endpoint whose process says goodbye where it is goes with what the server that it left still has', async () => {
    const { a, b, here } = await movedWhileAway();
    b.handle.cut = false;
    await cluster.run(0);
    b.alive.delete(here); // it says goodbye before it renews
    a.handle.cut = false;
    await cluster.run(1_000);
    expect([...here.disputed.keys()]).toEqual(['r1']);
    b.state.closeSession(here);
    // That one cannot know, and ends in its time.
    await cluster.run(ttlMs + 2_000);
    expect([a.seen(), b.seen()]).toEqual([{}, {}]);
    expect(await stored()).toEqual({});
  });

  test('for less than a lease: nobody is sent elsewhere', async () => {
    const [a] = (await start('a', 'b')) as [TestServer];
    a.handle.cut = true;
    await cluster.run(leaseMs / 2);
    a.handle.cut = false;
    await cluster.run(2 * ttlMs);
    expect(a.lapses).toBe(0);
    expect(a.cluster.impaired).toBe(false);
  });
});

test('a commit whose answer is lost is made once', async () => {
  const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
  const session = a.open('s');
  a.handle.loseNextAnswer = true;
  a.register(session, 'e');
  await cluster.run(2_000);
  expect(b.seen()).toEqual({ e: 'up' });
  a.handle.loseNextAnswer = true;
  a.state.deregister(session, 'e');
  await cluster.run(4_000);
  expect([a.seen(), b.seen(), await stored()]).toEqual([{}, {}, {}]);
});

test('a second server of the same name is refused; after the first is dead it is let in', async () => {
  const [a] = (await start('a')) as [TestServer];
  await expect(cluster.start('a')).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('"a" is alive'),
  });
  a.kill();
  const again = await cluster.start('a');
  await cluster.run(1_000);
  expect(again.cluster.status()).toMatchObject({ member: true, servers: 1 });
});

describe('what one server does for all', () => {
  test('is done by one at a time, and by another when that one dies', async () => {
    const [a, b, c] = (await start('a', 'b', 'c')) as [TestServer, TestServer, TestServer];
    const leaders = (): string[] =>
      cluster.servers.filter((server) => server.cluster.leadership.leading).map(({ name }) => name);
    expect(leaders()).toEqual(['a']);
    a.kill();
    expect(leaders()).toEqual([]);
    await cluster.run(leaseMs + 1_000);
    expect(leaders()).toHaveLength(1);
    const leader = leaders()[0] === 'b' ? b : c;
    leader.handle.cut = true;
    await cluster.run(leaseMs + 3_000);
    expect(leader.cluster.leadership.leading).toBe(false);
    expect(leaders()).toHaveLength(1);
  });

  test('what its probes find is known to all, also to those that come later, and ends with the endpoint', async () => {
    const [a, b] = (await start('a', 'b')) as [TestServer, TestServer];
    const probe = { path: '/healthz' };
    const session = b.open('s');
    b.register(session, 'e', { probe });
    await cluster.run(0);
    const record = a.state.endpoints.find('e');
    if (record === undefined) throw new Error('not seen');
    a.cluster.reportHealth(record, false);
    await cluster.run(0);
    expect(b.seen()).toEqual({ e: 'down' });
    b.register(session, 'e', { probe, weight: 3 });
    const c = await cluster.start('c');
    expect([a.seen(), b.seen(), c.seen()]).toEqual(Array(3).fill({ e: 'down' }));
    a.cluster.reportHealth(record, true);
    await cluster.run(0);
    expect([b.seen(), c.seen()]).toEqual(Array(2).fill({ e: 'up' }));
    a.cluster.reportHealth(record, false);
    await cluster.run(0);
    b.state.deregister(session, 'e');
    await cluster.run(4_000);
    expect(await names('health')).toEqual([]);
  });
});

test('what a newer version wrote is neither shown nor touched', async () => {
  const [a] = (await start('a')) as [TestServer];
  const { store } = cluster.shared;
  const newer = JSON.stringify({ wire: 2, everything: 'is different' });
  for (const key of ['servers/x', 'buckets/x@1.0', 'endpoints/e', 'health/e']) {
    await store.commit([{ kind: 'put', key: `cluster/${key}`, value: newer }]);
  }
  await store.commit([{ kind: 'put', key: 'cluster/endpoints/bad', value: '{"wire":1}' }]);
  await store.commit([{ kind: 'put', key: 'cluster/endpoints/worse', value: 'no JSON' }]);
  await cluster.run(3 * ttlMs);
  expect(a.seen()).toEqual({});
  for (const key of ['servers/x', 'buckets/x@1.0', 'endpoints/e', 'endpoints/bad']) {
    expect(await store.get(`cluster/${key}`)).toBeDefined();
  }
});

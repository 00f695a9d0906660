import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { EndpointList } from '@inmesh/core';
import { staticEndpoint } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import { fakeRegistry, follow, ids, io, moveUntil, moving, setUp, until } from './fake/setting.ts';

const service = 'reviews.default';
const a = staticEndpoint(service, { id: 'a', port: 1001 });
const b = staticEndpoint(service, { id: 'b', port: 1002 });

async function attached(options: { flapHoldMs?: number } = {}) {
  const registry = await fakeRegistry();
  registry.put(service, [a, b]);
  const setting = setUp({ servers: registry.url, flapHoldMs: 0, ...options });
  const lists = follow(setting.client, service);
  await setting.client.start();
  await until(() => lists.length === 1);
  return { registry, lists, ...setting };
}

describe('taps', () => {
  const order = { tap: '1', perSecond: 20, endsInMs: 60_000 };

  test('are told, and are none again on a new connection', async () => {
    const { registry, client, clock } = await attached();
    registry.send('taps', { taps: [{ ...order, path: '/ratings' }] });
    await until(() => client.taps.current !== undefined);
    expect(client.taps.current).toEqual([{ ...order, path: '/ratings' }]);
    registry.streams[0]?.destroy();
    await moveUntil(clock, () => client.taps.current?.length === 0);
  });

  test.each([
    ['no list', { taps: {} }],
    ['too many', { taps: Array(101).fill(order) }],
    ['no name', { taps: [{ ...order, tap: '' }] }],
    ['a rate that would drown the process', { taps: [{ ...order, perSecond: 1e9 }] }],
    ['no end', { taps: [{ ...order, endsInMs: Number.MAX_SAFE_INTEGER }] }],
    ['a share above all', { taps: [{ ...order, sampleRatio: 2 }] }],
  ])('that cannot be followed are left alone, and the stream goes on: %s', async (_what, data) => {
    const { registry, client, lists } = await attached();
    registry.send('taps', data);
    registry.change(service, [{ ...a, weight: 2 }]);
    await until(() => lists.at(-1)?.endpoints[0]?.weight === 2);
    expect(client.taps.current).toBeUndefined();
  });
});

test.each(['169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::a9fe:a9fe', 'fe80::1'])(
  'an endpoint at %s is not called, though the registry tells of it (case 45)',
  async (address) => {
    const { registry, client, lists } = await attached();
    registry.change(service, [
      { ...b, address },
      { ...a, weight: 2 },
    ]);
    await until(() => lists.at(-1)?.endpoints.some(({ weight }) => weight === 2) === true);
    expect(client.get(service)?.endpoints.map((one) => one.address)).not.toContain(address);
  },
);

describe('a restart of the registry (case 56)', () => {
  test('what a server that settles does not know yet is kept, and goes when the settling ends', async () => {
    const { registry, client, clock } = await attached();
    await registry.restart('e2', true);
    registry.put(service, [b]);
    await moveUntil(clock, () => client.get(service)?.state === 'stale');
    await moveUntil(clock, () => client.state.kind === 'connected');
    expect(ids(client.get(service))).toEqual(['a', 'b']);
    registry.settle();
    await until(() => client.get(service)?.state === 'live');
    expect(ids(client.get(service))).toEqual(['b']);
  });

  test('a stream that ends while the server settles does not go on where it was', async () => {
    const { registry, client, clock } = await attached();
    await registry.restart('e2', true);
    registry.put(service, [a, b]);
    registry.change(service, [{ ...b, weight: 2 }]);
    await moveUntil(clock, () => client.get(service)?.endpoints[1]?.weight === 2);
    registry.streams[0]?.destroy();
    await until(() => client.state.kind === 'connecting');
    await moveUntil(clock, () => client.state.kind === 'connected');
    expect(registry.seen('GET', /watch$/).at(-1)?.headers['last-event-id']).toBeUndefined();
  });

  test('an explicit tombstone counts while the server settles', async () => {
    const { registry, client, clock } = await attached();
    await registry.restart('e2', true);
    registry.put(service, [a, b]);
    await moveUntil(clock, () => registry.streams.length === 1);
    registry.change(service, [], ['a']);
    await until(() => ids(client.get(service))?.length === 1);
    expect(ids(client.get(service))).toEqual(['b']);
  });

  test('a server that settles and knows nothing leaves the list as it is, and unknown as not told', async () => {
    const { registry, client, clock } = await attached();
    await registry.restart('e2', true);
    await moveUntil(clock, () => registry.streams.length === 1);
    const other = follow(client, 'nobody.default');
    await moveUntil(clock, () => registry.seen('PUT', /subscriptions$/).length === 3);
    registry.change(service, [{ ...b, weight: 2 }]);
    await until(() => client.get(service)?.revision.startsWith('e2:1') === true);
    expect(ids(client.get(service))).toEqual(['a', 'b']);
    expect(other).toEqual([]);
    registry.settle();
    await until(() => other.length === 1);
    expect(other[0]).toMatchObject({ state: 'unknown', endpoints: [] });
  });

  test('a client that missed the settling takes the whole list of the settled server', async () => {
    const { registry, client, clock } = await attached();
    await registry.restart('e2', true);
    registry.put(service, [b]);
    await moveUntil(clock, () => client.get(service)?.revision.startsWith('e2') === true);
    expect(client.get(service)?.state).toBe('stale');
    registry.streams[0]?.destroy();
    registry.settling = false;
    await moveUntil(clock, () => client.get(service)?.state === 'live');
    expect(ids(client.get(service))).toEqual(['b']);
    const last = registry.seen('GET', /watch$/).at(-1);
    expect(last?.headers['last-event-id']).toBeUndefined();
  });
});

describe('a gap in the watch (case 57)', () => {
  test('a lost delta is noticed at the next one, and everything is asked for again', async () => {
    const { registry, client, clock } = await attached();
    registry.put(service, [b]); // changed, and the frame was lost
    registry.change(service, [b]);
    await until(() => client.state.kind === 'connecting');
    expect(ids(client.get(service))).toEqual(['a', 'b']);
    await moveUntil(clock, () => ids(client.get(service))?.length === 1);
    expect(registry.seen('GET', /watch$/).at(-1)?.headers['last-event-id']).toBeUndefined();
    expect(registry.seen('POST', /sessions$/)).toHaveLength(1);
  });

  test('a delta that comes twice is applied once', async () => {
    const { registry, client, lists } = await attached();
    registry.change(service, [], ['a']);
    const again = { service, from: 'e1:1', revision: 'e1:2', upserts: [a], removes: [] };
    registry.send('delta', again, 'e1:2');
    registry.change(service, [{ ...b, weight: 5 }]);
    await until(() => lists.length === 3);
    expect(ids(client.get(service))).toEqual(['b']);
    expect(client.state.kind).toBe('connected');
  });

  test('a snapshot from the past of the same run is not believed, and asked for again', async () => {
    const { registry, client, clock } = await attached();
    registry.change(service, [], ['a']);
    await until(() => ids(client.get(service))?.length === 1);
    const past = { service, revision: 'e1:1', known: true, endpoints: [a, b] };
    registry.send('snapshot', past, 'e1:1');
    await until(() => client.state.kind === 'connecting');
    expect(ids(client.get(service))).toEqual(['b']);
    await moveUntil(clock, () => client.state.kind === 'connected');
    expect(ids(client.get(service))).toEqual(['b']);
  });

  test('a snapshot that never comes is missed, and asked for again', async () => {
    const { registry, client, clock } = await attached();
    registry.snapshots = false;
    const lists = follow(client, 'ratings.default');
    await moveUntil(clock, () => registry.seen('PUT', /subscriptions$/).length === 2);
    registry.put('ratings.default', []);
    registry.snapshots = true;
    await moveUntil(clock, () => lists.length === 1, 500);
    expect(lists[0]).toMatchObject({ state: 'live', endpoints: [] });
  });

  test('a server whose deltas never fit is not asked in a frenzy', async () => {
    const { registry, client, clock } = await attached();
    const wrong = { service, from: 'e1:77', revision: 'e1:78', upserts: [], removes: [] };
    const before = clock.now();
    for (let round = 2; round <= 9; round += 1) {
      registry.send('delta', wrong, 'e1:78');
      await until(() => client.state.kind === 'connecting');
      await moveUntil(clock, () => client.state.kind === 'connected', 10);
      await until(() => registry.seen('GET', /watch$/).length === round);
    }
    expect(clock.now() - before).toBeGreaterThan(5_000);
    expect(ids(client.get(service))).toEqual(['a', 'b']);
  });
});

describe('an empty or corrupt list (case 59)', () => {
  test('a frame that is no JSON changes nothing and is asked for again', async () => {
    const { registry, client, clock } = await attached();
    registry.send('snapshot', '{"service":"reviews.default","endpoints":[', 'e1:2');
    await until(() => client.state.kind === 'connecting');
    expect(ids(client.get(service))).toEqual(['a', 'b']);
    await moveUntil(clock, () => client.state.kind === 'connected');
    expect(client.get(service)?.state).toBe('live');
  });

  test.each([
    ['a name for an address', { address: 'metadata.internal' }],
    ['port 0', { ports: [{ name: 'http', port: 0 }] }],
    ['no ports', { ports: [] }],
    ['a negative weight', { weight: -1 }],
    ['another service', { service: 'ratings.default' }],
    ['an unknown status', { status: 'fine' }],
    ['labels that are a list', { labels: ['v1'] }],
    ['a label named __proto__', { labels: JSON.parse('{"__proto__":"x"}') }],
  ])('an endpoint with %s is left out, and what was known of it stays', async (_, wrong) => {
    const { registry, client, log } = await attached();
    const endpoints = [
      { ...a, ...wrong },
      { ...b, weight: 9 },
      { ...a, ...wrong, id: 'c' },
    ];
    registry.send('snapshot', { service, revision: 'e1:2', known: true, endpoints }, 'e1:2');
    await until(() => client.get(service)?.revision.startsWith('e1:2') === true);
    expect(client.get(service)?.endpoints).toEqual([a, { ...b, weight: 9 }]);
    expect(client.get(service)?.state).toBe('live');
    expect(log.some(({ message }) => message.includes('cannot be read'))).toBe(true);
  });

  test('a list in which even the ids are gone takes nobody away', async () => {
    const { registry, client } = await attached();
    const endpoints = [null, 17, { id: 4 }];
    registry.send('snapshot', { service, revision: 'e1:2', known: true, endpoints }, 'e1:2');
    await until(() => client.get(service)?.state === 'stale');
    expect(ids(client.get(service))).toEqual(['a', 'b']);
  });

  test('an empty list of a settled registry is taken: the service has nobody', async () => {
    const { registry, client } = await attached();
    registry.send('snapshot', { service, revision: 'e1:2', known: true, endpoints: [] }, 'e1:2');
    await until(() => client.get(service)?.endpoints.length === 0);
    expect(client.get(service)?.state).toBe('live');
  });

  test('a frame beyond the limit ends the stream instead of filling the memory', async () => {
    const registry = await fakeRegistry();
    registry.put(service, [a]);
    const { client, log } = setUp({ servers: registry.url, maxFrameLength: 10_000 });
    follow(client, service);
    await client.start();
    await until(() => client.get(service) !== undefined);
    registry.streams[0]?.write(`data: ${'x'.repeat(20_000)}`);
    await until(() => client.state.kind === 'connecting');
    expect(ids(client.get(service))).toEqual(['a']);
    expect(JSON.stringify(log.at(-1)?.fields.err, ['message'])).toContain(
      'at most 10000 characters',
    );
  });
});

describe('a flap (case 60)', () => {
  test('an endpoint that comes right back takes no calls meanwhile, and is the same object after', async () => {
    const { registry, client, lists } = await attached({ flapHoldMs: 1_000 });
    registry.change(service, [], ['a']);
    await until(() => lists.length === 2);
    expect(ids(client.get(service))).toEqual(['a (draining)', 'b']);
    registry.change(service, [a]);
    await until(() => lists.length === 3);
    expect(client.get(service)?.endpoints[0]).toBe(lists[0]?.endpoints[0]);
  });

  test('one that stays away leaves when the hold ends', async () => {
    const { registry, client, lists, clock } = await attached({ flapHoldMs: 1_000 });
    registry.change(service, [], ['a']);
    await until(() => lists.length === 2);
    clock.advance(999);
    expect(lists).toHaveLength(2);
    clock.advance(1);
    expect(ids(client.get(service))).toEqual(['b']);
    expect(new Set(lists.map(({ revision }) => revision)).size).toBe(3);
  });

  test('a whole service that flaps keeps its traffic until the hold ends', async () => {
    const { registry, client, lists, clock } = await attached({ flapHoldMs: 1_000 });
    registry.change(service, [], ['a', 'b']);
    await until(() => lists.length === 2);
    expect(ids(client.get(service))).toEqual(['a', 'b']);
    clock.advance(1_000);
    expect(ids(client.get(service))).toEqual([]);
  });

  test('an endpoint that drained first leaves at once', async () => {
    const { registry, client, lists } = await attached({ flapHoldMs: 1_000 });
    registry.change(service, [{ ...a, status: 'draining' }]);
    registry.change(service, [], ['a']);
    await until(() => lists.length === 3);
    expect(ids(client.get(service))).toEqual(['b']);
  });
});

describe('a registry that is slow or silent (case 61)', () => {
  test('while it answers 503 to everything, lists stay and the stream is not torn down', async () => {
    const registry = await fakeRegistry();
    registry.put(service, [a, b]);
    registry.keepAliveMs = 100_000;
    const { client, clock } = setUp({ servers: registry.url });
    follow(client, service);
    await client.start();
    await until(() => client.get(service) !== undefined);
    registry.script = () => ({ status: 503 });
    follow(client, 'ratings.default');
    const within = clock.now() + registry.ttlMs - 1_000;
    await moveUntil(clock, () => clock.now() >= within, 200);
    expect(client.state.kind).toBe('connected');
    expect(client.get(service)?.state).toBe('live');
    registry.script = undefined;
    await moveUntil(clock, () => client.get('ratings.default')?.state === 'unknown', 200);
    expect(registry.seen('POST', /sessions$/)).toHaveLength(1);
  });

  test('a half-open registry is noticed by three silent keep-alives, and lists say that they are stale', async () => {
    const { registry, client, clock, events } = await attached();
    registry.script = () => 'hang';
    const heardAt = clock.now();
    await moveUntil(clock, () => client.state.kind === 'connecting', 500);
    expect(clock.now() - heardAt).toBeGreaterThanOrEqual(3 * registry.keepAliveMs);
    await moveUntil(clock, () => client.state.kind === 'lost', 500);
    const list = client.get(service);
    expect(list).toMatchObject({ state: 'stale', asOf: heardAt });
    expect(ids(list)).toEqual(['a', 'b']);
    registry.script = undefined;
    await moveUntil(clock, () => client.get(service)?.state === 'live', 500);
    expect(events.map(({ kind }) => kind)).toEqual(['registry-lost', 'registry-found']);
  });

  test('keep-alive comments hold the stream and keep the list young', async () => {
    const { registry, client, clock } = await attached();
    const live = client.get(service) as EndpointList;
    for (let round = 0; round < 10; round += 1) {
      const before = live.asOf;
      clock.advance(4_000);
      registry.streams[0]?.write(': still here\n\n');
      await until(() => live.asOf > before);
      await io();
    }
    expect(client.state.kind).toBe('connected');
    expect(clock.now() - live.asOf).toBe(0);
  });

  test('a session that was forgotten is opened anew, and everything hangs on it again', async () => {
    const { registry, client, clock } = await attached();
    const handle = await moving(
      clock,
      client.register({
        service: 'orders',
        address: '127.0.0.1',
        ports: [{ name: 'http', port: 9 }],
      }),
      1,
    );
    registry.forgetSessions();
    await moveUntil(clock, () => registry.sessions.size === 1, 500);
    const [session] = [...registry.sessions.values()];
    await moveUntil(clock, () => session?.registrations.has(handle.id) === true, 10);
    expect([...(session?.subscriptions ?? [])]).toEqual([service]);
    expect(client.get(service)?.state).toBe('live');
  });
});

describe('a wall clock that jumps (case 72)', () => {
  test('an hour back or forth renews nothing earlier, loses nothing and makes no list older', async () => {
    const { registry, client, clock } = await attached();
    const age = clock.now() - (client.get(service)?.asOf ?? 0);
    for (const jump of [3_600_000, -7_200_000]) {
      clock.jumpWall(jump);
      clock.advance(1_000);
    }
    expect(registry.seen('PUT', /sessions\/s1$/)).toEqual([]);
    expect(client.state.kind).toBe('connected');
    expect(clock.now() - (client.get(service)?.asOf ?? 0)).toBe(age + 2_000);
  });
});

describe('a clean exit (case 76)', () => {
  test('close ends the session, closes every socket, leaves no timer, and may be called again', async () => {
    const { registry, client, clock } = await attached();
    await client.close();
    await client.close();
    expect(registry.sessions.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
    let connections = -1;
    await until(() => {
      void registry.connections.then((count) => {
        connections = count;
      });
      return connections === 0;
    });
    expect(client.state.kind).toBe('closed');
    expect(() => client.follow(service, () => {})).toThrow('closed');
  });

  test('close does not wait for a registry that is silent', async () => {
    const { registry, client, clock } = await attached();
    registry.script = () => 'hang';
    const closing = client.close();
    await until(() => registry.seen('DELETE', /sessions/).length === 1);
    clock.advance(1_000);
    await closing;
    expect(clock.pendingTimers).toBe(0);
  });

  test('close in the middle of connecting leaves nothing behind', async () => {
    const registry = await fakeRegistry();
    registry.script = () => 'hang';
    const { client, clock } = setUp({ servers: registry.url });
    const started = client.start();
    started.catch(() => {});
    await until(() => registry.requests.length === 1);
    await client.close();
    await expect(started).rejects.toMatchObject({ code: 'closed' });
    expect(clock.pendingTimers).toBe(0);
  });

  test('close does not leave a connection behind that was still being made', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => {
      sockets.add(socket.on('error', () => {}).resume());
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    // The TLS handshake gets no answer; the connection would be given up after a minute.
    const { client } = setUp({ servers: `https://127.0.0.1:${port}`, requestTimeoutMs: 60_000 });
    client.start().catch(() => {});
    await until(() => sockets.size === 1);
    await client.close();
    await until(() => sockets.size === 0);
    silent.close();
  });

  test('a listener that throws is logged, and the others are told', async () => {
    const { registry, client, log } = await attached();
    client.follow(service, () => {
      throw new Error('mine');
    });
    const lists = follow(client, service);
    registry.change(service, [], ['a']);
    await until(() => lists.length === 2);
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  test('an observer that throws is logged, and nothing else happens', async () => {
    const registry = await fakeRegistry();
    const { client, clock, log } = setUp({
      servers: registry.url,
      observer: {
        event: () => {
          throw new Error('mine');
        },
      },
    });
    await client.start();
    await registry.stop();
    await moveUntil(clock, () => client.state.kind === 'lost');
    expect(log.some(({ message }) => message === 'an observer threw')).toBe(true);
  });
});

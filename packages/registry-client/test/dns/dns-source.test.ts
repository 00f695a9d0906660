import type { EndpointList } from '@inmesh/core';
import {
  createDnsSource,
  type DnsAddress,
  type DnsName,
  type DnsResolver,
  type DnsSourceOptions,
  type SrvRecord,
} from '@inmesh/registry-client/dns';
import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { onEnd } from '../eureka/on-end.ts';

/** What the zone says; what it does not name is not there, an `Error` is why it cannot be asked. */
interface Zone {
  a: Record<string, DnsAddress[] | Error>;
  aaaa: Record<string, DnsAddress[] | Error>;
  srv: Record<string, SrvRecord[] | Error>;
}

const orders = 'orders.default';

function createSetting(services: Readonly<Record<string, DnsName>>, more: object = {}) {
  const clock = createFakeClock();
  const zone: Zone = { a: {}, aaaa: {}, srv: {} };
  const asked: string[] = [];
  const ask = async <T>(kind: keyof Zone, name: string): Promise<readonly T[]> => {
    asked.push(`${kind} ${name}`);
    const records = zone[kind][name];
    if (records instanceof Error) throw records;
    if (records !== undefined) return records as T[];
    throw Object.assign(new Error(`no ${name}`), { code: 'ENOTFOUND' });
  };
  const resolver: DnsResolver = {
    resolve4: (host) => ask('a', host),
    resolve6: (host) => ask('aaaa', host),
    resolveSrv: (name) => ask('srv', name),
    cancel: () => {},
  };
  const source = createDnsSource({ services, resolver, clock, random: () => 1, ...more });
  onEnd(async () => {
    await source.close();
    expect(clock.pendingTimers).toBe(0);
  });
  const told: EndpointList[] = [];
  return {
    clock,
    zone,
    asked,
    source,
    told,
    follow: () => source.follow(orders, (list) => void told.push(list)),
  };
}

function address(text: string, ttl = 5): DnsAddress {
  return { address: text, ttl };
}

const addresses = (list: EndpointList | undefined): string[] =>
  (list?.endpoints ?? []).map(({ id }) => id.slice(`${orders}/`.length));

const outOfReach = (): Error => Object.assign(new Error('timeout'), { code: 'ETIMEOUT' });

test('the addresses of a host are its endpoints, asked for again when their time to live is over', async () => {
  const { clock, zone, source, asked, told, follow } = createSetting({
    orders: { host: 'orders.example.com', port: 8080 },
  });
  zone.a['orders.example.com'] = [address('10.0.0.2', 20), address('10.0.0.1', 5)];
  zone.aaaa['orders.example.com'] = [address('2001:db8::1', 60)];
  follow();
  await source.start();
  expect(source.get(orders)).toMatchObject({ state: 'live', service: orders });
  expect(addresses(source.get(orders))).toEqual([
    '10.0.0.1:8080',
    '10.0.0.2:8080',
    '2001:db8::1:8080',
  ]);
  zone.a['orders.example.com'] = [address('10.0.0.3')];
  await clock.advanceAsync(4_999);
  expect(asked).toHaveLength(2);
  await clock.advanceAsync(1);
  expect(addresses(source.get(orders))).toEqual(['10.0.0.3:8080', '2001:db8::1:8080']);
  await clock.advanceAsync(5_000);
  expect(asked).toHaveLength(6);
  // What did not change is told to nobody.
  expect(told).toHaveLength(2);
});

test('SRV records give hosts, ports and weights; only those of the lowest priority count', async () => {
  const { clock, zone, source, asked, follow } = createSetting({
    orders: { srv: '_http._tcp.orders.example.com' },
  });
  zone.srv['_http._tcp.orders.example.com'] = [
    { name: 'a.example.com', port: 8080, priority: 10, weight: 3 },
    { name: 'b.example.com', port: 8081, priority: 10, weight: 0 },
    { name: 'spare.example.com', port: 8080, priority: 20, weight: 1 },
  ];
  zone.a['a.example.com'] = [address('10.0.0.1', 600)];
  zone.a['b.example.com'] = [address('10.0.0.2', 600)];
  follow();
  await source.start();
  expect(
    source.get(orders)?.endpoints.map(({ id, ports, weight }) => [id, ports[0]?.port, weight]),
  ).toEqual([
    ['orders.default/10.0.0.1:8080', 8080, 3],
    ['orders.default/10.0.0.2:8081', 8081, 1],
  ]);
  // A long time to live does not hold a record for longer than `maxRefreshMs`.
  const before = asked.length;
  await clock.advanceAsync(30_000);
  expect(asked.length).toBe(2 * before);
});

test('a time to live of nothing does not make a flood of questions', async () => {
  const { clock, zone, asked, source, follow } = createSetting({ orders: { host: 'o', port: 80 } });
  zone.a.o = [address('10.0.0.1', 0)];
  follow();
  await source.start();
  await clock.advanceAsync(5_000);
  expect(asked).toHaveLength(2 * 6);
});

test('while DNS cannot be asked the last good list is kept, called stale, and asked for less and less often', async () => {
  const { clock, zone, asked, source, follow } = createSetting({ orders: { host: 'o', port: 80 } });
  zone.a.o = [address('10.0.0.1', 5)];
  follow();
  await source.start();
  zone.a.o = outOfReach();
  await clock.advanceAsync(5_000);
  expect(source.get(orders)?.state).toBe('live');
  await clock.advanceAsync(1_000);
  expect(source.get(orders)?.state).toBe('stale');
  await clock.advanceAsync(3_600_000);
  expect(addresses(source.get(orders))).toEqual(['10.0.0.1:80']);
  expect(asked.length).toBeLessThan(2 * 130);
  zone.a.o = [address('10.0.0.2', 5)];
  await clock.advanceAsync(30_000);
  expect(source.get(orders)?.state).toBe('live');
  expect(addresses(source.get(orders))).toEqual(['10.0.0.2:80']);
});

test('half of an answer does not take the other half away', async () => {
  const { clock, zone, source, follow } = createSetting({ orders: { host: 'o', port: 80 } });
  zone.a.o = [address('10.0.0.1')];
  zone.aaaa.o = [address('2001:db8::1')];
  follow();
  await source.start();
  zone.aaaa.o = outOfReach();
  zone.a.o = [address('10.0.0.9')];
  await clock.advanceAsync(5_000);
  expect(addresses(source.get(orders))).toEqual(['10.0.0.1:80', '2001:db8::1:80']);
});

test('a record that is gone is waited for: the list empties only when it stays away', async () => {
  const { clock, zone, source, follow } = createSetting({ orders: { host: 'o', port: 80 } });
  zone.a.o = [address('10.0.0.1', 5)];
  follow();
  await source.start();
  delete zone.a.o;
  await clock.advanceAsync(299_000);
  expect([source.get(orders)?.state, addresses(source.get(orders))]).toEqual([
    'stale',
    ['10.0.0.1:80'],
  ]);
  await clock.advanceAsync(60_000);
  expect([source.get(orders)?.state, addresses(source.get(orders))]).toEqual(['unknown', []]);
});

test('a record that leads to cloud metadata or the local link is not followed (hostile case 45)', async () => {
  const { zone, source, follow } = createSetting({ orders: { host: 'o', port: 80 } });
  zone.a.o = [address('169.254.169.254'), address('10.0.0.1')];
  zone.aaaa.o = [
    'fe80::1',
    '::ffff:a9fe:a9fe',
    'fd00:ec2::254',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
  ].map((one) => address(one));
  follow();
  await source.start();
  expect(addresses(source.get(orders))).toEqual(['10.0.0.1:80']);
});

test('a service that is not named is unknown, and nothing is asked for that nobody follows', async () => {
  const { clock, zone, asked, source, follow } = createSetting({ orders: { host: 'o', port: 80 } });
  zone.a.o = [address('10.0.0.1')];
  await source.start();
  source.follow('reviews.default', () => {});
  expect(source.get('reviews.default')?.state).toBe('unknown');
  expect(asked).toEqual([]);
  const unfollow = follow();
  await clock.advanceAsync(0);
  expect(addresses(source.get(orders))).toEqual(['10.0.0.1:80']);
  unfollow();
  await clock.advanceAsync(60_000);
  expect(asked).toHaveLength(2);
});

test('a pattern says where all are that are not named, in its namespace or in each', async () => {
  const services = { orders: { host: 'o', port: 80 } };
  const own = createSetting(services, {
    pattern: { srv: '_http._tcp.{service}.example.com' },
    namespace: 'prod',
  });
  const followed = ['orders.prod', 'reviews.prod', 'reviews.default'];
  for (const service of followed) own.source.follow(service, () => {});
  const each = createSetting(
    {},
    { pattern: { host: '{service}.{namespace}.example.com', port: 80 } },
  );
  each.source.follow('reviews.default', () => {});
  own.zone.a.o = [address('10.0.0.1')];
  await own.source.start();
  await each.source.start();
  expect(own.asked).toEqual(['a o', 'aaaa o', 'srv _http._tcp.reviews.example.com']);
  expect(own.source.get('reviews.default')?.state).toBe('unknown');
  expect(each.asked).toEqual(['a reviews.default.example.com', 'aaaa reviews.default.example.com']);
});

test('a name that would be too long for DNS is not asked for', async () => {
  const suffix = Array(4).fill('d'.repeat(60)).join('.');
  const { source, asked } = createSetting(
    {},
    { pattern: { host: `{service}.${suffix}`, port: 80 } },
  );
  await source.start();
  source.follow('reviews-of-many-things.default', () => {});
  expect(source.get('reviews-of-many-things.default')?.state).toBe('unknown');
  expect(asked).toEqual([]);
});

test('a service whose name is none is refused, and one more than a process may follow', async () => {
  const { source } = createSetting({}, { pattern: { host: '{service}.example.com', port: 80 } });
  await source.start();
  expect(() => source.follow('a.b.c', () => {})).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
  for (let i = 0; i < 1_000; i += 1) source.follow(`s${i}.default`, () => {});
  source.follow('s1.default', () => {});
  expect(() => source.follow('more.default', () => {})).toThrow(
    expect.objectContaining({ code: 'overloaded' }),
  );
});

test('without any answer the start fails and says so, and the source goes on asking', async () => {
  const { clock, zone, source, follow } = createSetting({ orders: { host: 'o', port: 80 } });
  zone.a.o = outOfReach();
  follow();
  const started = source.start();
  const failed = expect(started).rejects.toMatchObject({
    code: 'start_timeout',
    message: expect.stringContaining('name servers'),
  });
  await clock.advanceAsync(10_000);
  await failed;
  expect(source.state.kind).toBe('lost');
  zone.a.o = [address('10.0.0.1')];
  await clock.advanceAsync(30_000);
  expect(source.state.kind).toBe('connected');
});

test('registering tells nobody anything', async () => {
  const { source } = createSetting({ orders: { host: 'o', port: 80 } });
  await source.start();
  const handle = await source.register({
    service: 'orders',
    address: '10.0.0.1',
    ports: [{ name: 'http', port: 80 }],
  });
  await handle.drain();
  await handle.deregister();
});

test.each<[string, Partial<DnsSourceOptions>]>([
  ['no service', { services: {} }],
  ['a name that is no label', { services: { Orders: { host: 'o', port: 80 } } }],
  ['a host that is none', { services: { orders: { host: 'http://o', port: 80 } } }],
  ['a port that is none', { services: { orders: { host: 'o', port: 0 } } }],
  ['a pattern for no service', { pattern: { host: 'o', port: 80 } }],
  ['a pattern that is no host', { pattern: { host: '{service} x', port: 80 } }],
  ['a name server that is none', { nameServers: ['name-server'] }],
  ['a namespace that is none', { namespace: 'a.b' }],
  ['bounds that cross', { minRefreshMs: 5_000, maxRefreshMs: 1_000 }],
])('options with %s are refused', (_what, options) => {
  expect(() =>
    createDnsSource({ services: { orders: { host: 'o', port: 80 } }, ...options }),
  ).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
});

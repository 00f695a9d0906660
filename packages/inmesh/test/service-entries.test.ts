import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineResource, type ResourceInput } from '@inmesh/config';
import {
  createWorkload,
  defaultNameScope,
  type EndpointList,
  silentLogger,
  staticSource,
} from '@inmesh/core';
import { compile, createRouterSource } from '@inmesh/router';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { limitLookups, type NameLookup } from '../src/outside/name-lookup.ts';
import {
  type ServiceEntrySource,
  serviceEntrySource,
} from '../src/outside/service-entry-source.ts';
import { configured, join, onEnd, post, quick, startRegistry } from './support/in-mesh.ts';

type Spec = Extract<ResourceInput, { kind: 'ServiceEntry' }>['spec'];

function entry(spec: Spec): ResourceInput {
  return { kind: 'ServiceEntry', metadata: { name: 'entry' }, spec };
}

const http = { number: 80, name: 'http', protocol: 'HTTP' } as const;

interface Setting {
  readonly source: ServiceEntrySource;
  readonly clock: FakeClock;
  /** What names stand for; a name that is not there is not found. */
  readonly names: Map<string, readonly string[]>;
  readonly lookups: string[];
  configure(...resources: ResourceInput[]): void;
  follow(service: string): EndpointList[];
}

function setUp(): Setting {
  const clock = createFakeClock(1_000);
  const names = new Map<string, readonly string[]>();
  const lookups: string[] = [];
  const lookup: NameLookup = async (name) => {
    lookups.push(name);
    const found = names.get(name);
    if (found === undefined) throw new Error(`ENOTFOUND ${name}`);
    return found;
  };
  const workload = createWorkload({ service: 'shop' });
  const router = createRouterSource(compile([], { workload }));
  const source = serviceEntrySource({
    router,
    below: staticSource({ reviews: [{ port: 9080 }] }),
    names: defaultNameScope,
    clock,
    logger: silentLogger,
    lookup,
  });
  onEnd(() => source.close());
  return {
    source,
    clock,
    names,
    lookups,
    configure(...resources) {
      router.replace((previous) =>
        compile(
          resources.map((each) => defineResource(each)),
          { workload, previous },
        ),
      );
    },
    follow(service) {
      const lists: EndpointList[] = [];
      source.follow(service, (list) => void lists.push(list));
      return lists;
    },
  };
}

const addresses = (list: EndpointList | undefined): string[] | undefined =>
  list?.endpoints.map(({ address, ports }) => `${address}:${ports.map(({ port }) => port)}`);

/** Promises that are settled already get their turn. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('static endpoints are known at once, with ports, labels and weight', () => {
  const { configure, follow } = setUp();
  configure(
    entry({
      hosts: ['api.example.com'],
      resolution: 'STATIC',
      ports: [http],
      endpoints: [
        { address: '10.0.0.1', ports: { http: 8080 }, labels: { version: 'v1' }, weight: 3 },
        { address: '10.0.0.2', locality: 'eu/a' },
      ],
    }),
  );
  const [list] = follow('api.example.com');
  expect(list).toMatchObject({
    state: 'live',
    endpoints: [
      {
        address: '10.0.0.1',
        ports: [{ name: 'http', port: 8080, servicePort: 80 }],
        labels: { version: 'v1' },
        weight: 3,
        tls: 'none',
      },
      { address: '10.0.0.2', locality: { region: 'eu', zone: 'a' } },
    ],
  });
});

test('names are looked up, again every half minute, and told only when they changed', async () => {
  const { configure, follow, names, clock, lookups } = setUp();
  names.set('api.example.com', ['10.0.0.2', '10.0.0.1']);
  configure(entry({ hosts: ['api.example.com'], resolution: 'DNS', ports: [http] }));
  const lists = follow('api.example.com');
  await turn();
  expect(addresses(lists[0])).toEqual(['10.0.0.1:80', '10.0.0.2:80']);
  clock.advance(30_000);
  await turn();
  expect(lookups).toHaveLength(2);
  expect(lists).toHaveLength(1);
  names.set('api.example.com', ['10.0.0.3']);
  clock.advance(30_000);
  await turn();
  expect(addresses(lists[1])).toEqual(['10.0.0.3:80']);
});

test('a name that is not found any more keeps its addresses, is asked for sooner, and shows as stale', async () => {
  const { configure, follow, names, clock, lookups } = setUp();
  names.set('api.example.com', ['10.0.0.1']);
  configure(entry({ hosts: ['api.example.com'], resolution: 'DNS', ports: [http] }));
  const lists = follow('api.example.com');
  await turn();
  names.clear();
  clock.advance(30_000);
  await turn();
  expect(lists.at(-1)).toMatchObject({ state: 'stale', endpoints: [{ address: '10.0.0.1' }] });
  for (const waitMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    const before = lookups.length;
    clock.advance(waitMs - 1);
    await turn();
    expect(lookups).toHaveLength(before);
    clock.advance(1);
    await turn();
    expect(lookups).toHaveLength(before + 1);
  }
  names.set('api.example.com', ['10.0.0.1']);
  clock.advance(30_000);
  await turn();
  expect(lists.at(-1)).toMatchObject({ state: 'live', endpoints: [{ address: '10.0.0.1' }] });
});

test('a name that was never found is an empty list, not a wait', async () => {
  const { configure, follow } = setUp();
  configure(entry({ hosts: ['api.example.com'], resolution: 'DNS', ports: [http] }));
  const lists = follow('api.example.com');
  await turn();
  expect(lists).toMatchObject([{ endpoints: [] }]);
});

test('DNS_ROUND_ROBIN takes one address, and NONE looks up whatever name is called', async () => {
  const { configure, follow, names } = setUp();
  names.set('lb.example.com', ['10.0.0.1', '10.0.0.2']);
  names.set('a.example.com', ['10.0.0.3']);
  configure(entry({ hosts: ['lb.example.com'], resolution: 'DNS_ROUND_ROBIN', ports: [http] }), {
    ...entry({ hosts: ['*.example.com'] }),
    metadata: { name: 'any' },
  } as ResourceInput);
  const [robin, any] = [follow('lb.example.com'), follow('a.example.com')];
  await turn();
  expect(addresses(robin[0])).toEqual(['10.0.0.1:80']);
  expect(addresses(any[0])).toEqual(['10.0.0.3:80,443']);
});

test('an entry without ports takes every port that is called, up to a number', () => {
  const { configure, follow, source } = setUp();
  configure(
    entry({ hosts: ['a.test'], resolution: 'STATIC', endpoints: [{ address: '10.0.0.1' }] }),
  );
  source.expectPort('a.test', 8443);
  const lists = follow('a.test');
  expect(addresses(lists[0])).toEqual(['10.0.0.1:80,443,8443']);
  for (let port = 1; port <= 1_000; port += 1) source.expectPort('a.test', port);
  expect(lists.at(-1)?.endpoints[0]?.ports).toHaveLength(64);
  expect(lists.at(-1)?.endpoints[0]?.id).toBe(lists[0]?.endpoints[0]?.id);
});

test('followers go over to another source when the configuration says so, and are not told of others', () => {
  const { configure, follow } = setUp();
  const lists = follow('reviews.default');
  const outside = follow('api.example.com');
  expect(lists).toMatchObject([{ endpoints: [{ ports: [{ port: 9080 }] }] }]);
  expect(outside).toMatchObject([{ state: 'unknown', endpoints: [] }]);
  const fixed = entry({
    hosts: ['reviews.default.svc.cluster.local'],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    ports: [http],
    endpoints: [{ address: '10.0.0.1' }],
  });
  configure(fixed);
  expect(addresses(lists[1])).toEqual(['10.0.0.1:80']);
  configure(fixed, {
    kind: 'ServiceEntry',
    metadata: { name: 'other' },
    spec: { hosts: ['other.test'], resolution: 'STATIC', endpoints: [{ address: '10.0.0.9' }] },
  });
  expect(lists).toHaveLength(2);
  configure();
  expect(lists[2]).toBe(lists[0]);
  configure(entry({ hosts: ['reviews.default.svc.cluster.local'] }));
  expect(lists).toHaveLength(3);
});

test('nothing is looked up for whom nobody follows any more', async () => {
  const { configure, source, names, clock, lookups } = setUp();
  names.set('api.example.com', ['10.0.0.1']);
  configure(entry({ hosts: ['api.example.com'], resolution: 'DNS', ports: [http] }));
  const leave = [1, 2].map(() => source.follow('api.example.com', () => {}));
  await turn();
  for (const each of [...leave, ...leave]) each();
  expect(clock.pendingTimers).toBe(0);
  expect(lookups).toHaveLength(1);
  expect(source.get('api.example.com')).toMatchObject({ state: 'unknown' });
});

test('at most two look-ups run at once, whatever becomes of them', async () => {
  let running = 0;
  let most = 0;
  const look = limitLookups(async (name) => {
    running += 1;
    most = Math.max(most, running);
    await turn();
    running -= 1;
    if (name.endsWith('3')) throw new Error('not found');
    return ['10.0.0.2', '10.0.0.1', '10.0.0.2'];
  });
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => look(`n${i}`)));
  expect(most).toBe(2);
  expect(results[0]).toEqual({ status: 'fulfilled', value: ['10.0.0.1', '10.0.0.2'] });
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(2);
});

async function outsideServer(): Promise<{ port: number; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    response.statusCode = request.url === '/flaky' && seen.length % 2 === 1 ? 503 : 200;
    response.end(`outside ${request.headers.host}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onEnd(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

test('hosts of ServiceEntries are destinations of the mesh at every face, and the rest is refused', async () => {
  const { url } = await startRegistry();
  const { port } = await outsideServer();
  const shop = await join({ service: 'shop', registry: url, outbound: 'registry-only' });
  const api = `http://api.example.com:${port}/`;
  await expect(shop.request(api)).rejects.toMatchObject({ code: 'outbound_refused' });
  const { revision } = await post(
    url,
    entry({
      hosts: ['api.example.com'],
      resolution: 'STATIC',
      ports: [{ number: port, name: 'http', protocol: 'HTTP' }],
      endpoints: [{ address: '127.0.0.1' }],
    }),
  );
  await configured(shop, revision);
  const answer = `outside api.example.com:${port}`;
  expect((await shop.request(api)).text()).toBe(answer);
  expect(await (await shop.fetch(api)).text()).toBe(answer);
  const original = (): never => {
    throw new Error('reached the original');
  };
  expect(await (await shop.wrapFetch(original)(api)).text()).toBe(answer);
  await expect(shop.request(`http://other.example.com:${port}/`)).rejects.toMatchObject({
    code: 'outbound_refused',
  });
  await expect(shop.request('http://api.example.com:1/')).rejects.toMatchObject({
    code: 'unknown_port',
  });
  expect((await shop.explain({ url: api })).text).toContain(`127.0.0.1:${port} (up)`);
});

test('a name of the system is looked up, routes hold for it, and what is the mesh’s stays in the mesh', async () => {
  const { url } = await startRegistry();
  const { port, seen } = await outsideServer();
  const { revision } = await post(
    url,
    entry({
      hosts: ['api.example.com'],
      resolution: 'DNS',
      ports: [{ number: port, name: 'http', protocol: 'HTTP' }],
      endpoints: [{ address: 'localhost' }],
    }),
    {
      kind: 'VirtualService',
      metadata: { name: 'api', annotations: { 'inmesh.dev/sticky': 'header:user-id' } },
      spec: {
        hosts: ['api.example.com'],
        http: [
          {
            retries: { attempts: 2, retryOn: '5xx' },
            headers: { request: { set: { 'x-route': 'api' } } },
            route: [{ destination: { host: 'api.example.com' } }],
          },
        ],
      },
    },
  );
  const shop = await join({ service: 'shop', registry: url });
  const { url: address } = await shop.listen(async (_request, response) => {
    const answer = await shop.request(`http://api.example.com:${port}/flaky`);
    response.writeHead(answer.status).end();
  }, quick);
  await configured(shop, revision);
  const headers = { 'user-id': 'ann', baggage: 'user=ann', 'x-request-id': '7' };
  expect((await fetch(address, { headers })).status).toBe(200);
  expect(seen).toHaveLength(2);
  for (const each of seen) {
    expect(each).toMatchObject({ host: `api.example.com:${port}`, 'x-route': 'api' });
    expect(Object.keys(each).filter((name) => name.startsWith('inmesh-'))).toEqual([]);
    expect(each).not.toHaveProperty('baggage');
    expect(each).not.toHaveProperty('user-id');
    expect(each).not.toHaveProperty('x-request-id');
  }
});

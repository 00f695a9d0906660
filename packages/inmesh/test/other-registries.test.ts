import { createServer } from 'node:http';
import { createRegistryServer } from '@inmesh/registry-server';
import { afterEach, expect, test } from '@jest/globals';
import { createMesh, type Mesh, type MeshOptions } from 'inmesh';
import { startDnsServer } from './support/dns-server.ts';

const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function join(options: MeshOptions): Promise<Mesh> {
  const mesh = await createMesh({ snapshotFile: false, ...options });
  open.push(mesh);
  return mesh;
}

const quick = { drainOn: [], propagationMs: 0 } as const;

test('two processes that join an existing Eureka call each other by name', async () => {
  const eureka = createRegistryServer({ port: 0, settleMs: 0, eureka: true });
  open.push(eureka);
  const registry = `eureka+${(await eureka.listen()).url}/eureka`;
  const reviews = await join({ service: 'reviews', registry });
  await reviews.listen(
    createServer((_request, response) => response.end('hello')),
    quick,
  );
  // It joins after it: what is there already comes with the first list.
  const shop = await join({ service: 'shop', registry });
  expect((await shop.request('http://reviews/')).body.toString()).toBe('hello');
  expect(shop.inspect().registry).toMatchObject({ kind: 'connected' });
});

test('a process in Kubernetes calls the pods behind a service, at the port that callers write', async () => {
  const upstream = createServer((_request, response) => response.end('from the pod'));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as { port: number };
  const answers: Record<string, unknown> = {
    '/version': {},
    '/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices': {
      metadata: { resourceVersion: '1' },
      items: [
        {
          metadata: { name: 'a' },
          addressType: 'IPv4',
          ports: [{ name: 'http', port, protocol: 'TCP' }],
          endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
        },
      ],
    },
    '/api/v1/namespaces/prod/services/reviews': { spec: { ports: [{ name: 'http', port: 80 }] } },
  };
  const api = createServer(({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://api');
    response.writeHead(answers[pathname] === undefined ? 404 : 200).flushHeaders();
    if (!searchParams.has('watch')) response.end(JSON.stringify(answers[pathname] ?? {}));
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  for (const server of [upstream, api]) {
    open.push({
      close: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    });
  }
  const { port: apiPort } = api.address() as { port: number };
  const mesh = await join({
    service: 'shop',
    namespace: 'prod',
    registry: `kubernetes+http://127.0.0.1:${apiPort}`,
  });
  for (const url of ['http://reviews/', 'http://reviews:80/', 'http://reviews.prod:80/']) {
    expect((await mesh.request(url)).body.toString()).toBe('from the pod');
  }
});

test.each([
  ['addresses', (port: number) => `{service}.internal:${port}`],
  ['SRV records', () => '_http._tcp.{service}.internal?type=SRV'],
])(
  'a process finds services in DNS, by %s, at the name server that it is told',
  async (_what, name) => {
    const upstream = createServer((_request, response) => response.end('found'));
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => upstream.close(resolve)) });
    const { port } = upstream.address() as { port: number };
    const dns = await startDnsServer({
      'reviews.internal': '127.0.0.1',
      '_http._tcp.reviews.internal': { host: 'host-1.internal', port },
      'host-1.internal': '127.0.0.1',
    });
    open.push(dns);
    const mesh = await join({
      service: 'shop',
      registry: `dns://127.0.0.1:${dns.port}/${name(port)}`,
      namespaces: ['billing'],
    });
    expect((await mesh.request('http://reviews/')).body.toString()).toBe('found');
    // What DNS does not know, and what the pattern says nothing of, fails closed.
    for (const url of ['http://ratings/', 'http://reviews.billing/']) {
      await expect(mesh.request(url)).rejects.toMatchObject({ code: 'unknown_service' });
    }
  },
);

test.each([
  [['http://a:8761', 'eureka+http://a:8761/eureka'], 'several kinds'],
  [['kubernetes:', 'kubernetes:'], 'several clusters'],
  [['kubernetes:'], 'no cluster'],
  [['eureka+ftp://a'], 'servers must be'],
  [['dns:{service}.a:80', 'dns:{service}.b:80'], 'several patterns'],
  [['dns:{service}.internal'], 'registry must be like'],
  [['dns:{service}.internal:80?type=SRV'], 'registry must be like'],
  [['dns://127.0.0.1:53'], 'registry must be like'],
  [['dns:reviews.internal:80'], 'no {service}'],
  [['dns:{service}.{zone}.internal:80'], 'no name in DNS'],
  [['dns:{service}.internal:99999'], 'within 1..65535'],
  [['dns://name-server/{service}.internal:80'], 'nameServers'],
])('a registry of %j makes no sense', async (registry, message) => {
  await expect(createMesh({ service: 'shop', registry })).rejects.toThrow(message);
});

test.each<MeshOptions>([
  { registry: 'eureka+http://127.0.0.1:1/eureka', identity: { joinToken: 'any' } },
  { registry: 'dns:{service}.internal:80', serviceTokens: true },
])('only a registry of our own issues certificates and tokens: %j is refused', async (options) => {
  await expect(createMesh({ service: 'shop', ...options })).rejects.toThrow(
    "come from a registry of Inmesh's",
  );
});

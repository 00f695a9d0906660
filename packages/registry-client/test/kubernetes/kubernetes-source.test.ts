import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import type { EndpointList } from '@inmesh/core';
import { createRoot, generateKey, signSvid } from '@inmesh/identity';
import {
  createKubernetesSource,
  type KubernetesSourceOptions,
} from '@inmesh/registry-client/kubernetes';
import { eventually } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { onEnd } from '../eureka/on-end.ts';
import {
  type OpenWatch,
  pod,
  podsPath,
  servicePath,
  slice,
  slicesPath,
  startApiServer,
  startSecureApiServer,
} from './fake-api-server.ts';

const orders = 'orders.default';

function join(
  apiServer: string,
  options: KubernetesSourceOptions = {},
): ReturnType<typeof createKubernetesSource> {
  const source = createKubernetesSource({
    apiServer,
    reconnectInitialMs: 5,
    reconnectMaxMs: 20,
    ...options,
  });
  onEnd(() => source.close());
  return source;
}

const shown = (list: EndpointList | undefined): string[] =>
  (list?.endpoints ?? []).map(({ address, status }) => `${address} ${status}`);

test('a service is listed with the labels of its pods, the ports that callers write, and zones', async () => {
  const api = await startApiServer(
    slice('orders-a', [{ address: '10.1.2.3', pod: 'orders-1', zone: 'z1' }]),
  );
  api.answers[podsPath] = {
    json: { items: [pod('orders-1', { app: 'orders', version: 'v2' }, 'orders-account')] },
  };
  const source = join(api.url);
  await source.start();
  source.follow(orders, () => {});
  await eventually(() => source.get(orders) !== undefined);
  expect(source.get(orders)).toMatchObject({
    service: orders,
    state: 'live',
    endpoints: [
      {
        id: 'orders.default/orders-1',
        service: orders,
        address: '10.1.2.3',
        ports: [{ name: 'http', port: 8080, servicePort: 80 }],
        status: 'up',
        labels: { app: 'orders', version: 'v2' },
        locality: { region: '', zone: 'z1', subzone: '' },
        serviceAccount: 'orders-account',
      },
    ],
  });
  expect(api.requests).toContain(
    `${slicesPath}?labelSelector=kubernetes.io/service-name=orders&limit=500`,
  );
  expect(api.requests).toContain(`${podsPath}?labelSelector=app=orders&limit=500`);
});

test('the watch goes on from the list, with bookmarks asked for; changes and removals are told', async () => {
  const api = await startApiServer(slice('orders-a', [{ address: '10.0.0.1' }]));
  const source = join(api.url);
  source.follow(orders, () => {});
  await eventually(() => api.watches.length === 1);
  const [watch] = api.watches as [OpenWatch];
  expect(watch.url.searchParams.get('resourceVersion')).toBe('10');
  expect(watch.url.searchParams.get('allowWatchBookmarks')).toBe('true');
  watch.send('ADDED', slice('orders-b', [{ address: '10.0.0.2' }]));
  await eventually(() => source.get(orders)?.endpoints.length === 2);
  watch.send('MODIFIED', slice('orders-a', [{ address: '10.0.0.3' }]));
  await eventually(() => shown(source.get(orders)).includes('10.0.0.3 up'));
  watch.send('DELETED', slice('orders-a', []));
  await eventually(() => String(shown(source.get(orders))) === '10.0.0.2 up');
});

test('a watch that ends goes on where it was, a bookmark included, without another list', async () => {
  const api = await startApiServer(slice('orders-a', [{ address: '10.0.0.1' }]));
  const source = join(api.url);
  const states: string[] = [];
  source.follow(orders, ({ state }) => void states.push(state));
  await eventually(() => api.watches.length === 1);
  api.watches[0]?.send('BOOKMARK', { metadata: { resourceVersion: '4711' } });
  api.watches[0]?.response.end();
  await eventually(() => api.watches.length === 2);
  expect(api.watches[1]?.url.searchParams.get('resourceVersion')).toBe('4711');
  api.watches[1]?.response.destroy();
  await eventually(() => api.watches.length === 3);
  expect(api.watches[2]?.url.searchParams.get('resourceVersion')).toBe('4711');
  expect(
    api.requests.filter((path) => path.includes('limit=500') && path.includes('slices')),
  ).toHaveLength(1);
  expect(states).toEqual(['live']);
});

test.each([
  ['by its status', { status: 410, json: { message: 'too old resource version' } }],
  ['in the stream', undefined],
])(
  'history that is gone, said %s, is listed again; the list stays meanwhile',
  async (_how, refusal) => {
    const api = await startApiServer(slice('orders-a', [{ address: '10.0.0.1' }]));
    const source = join(api.url);
    const told: string[][] = [];
    source.follow(orders, (list) => void told.push(shown(list)));
    await eventually(() => api.watches.length === 1);
    api.answers[slicesPath] = {
      json: {
        metadata: { resourceVersion: '99' },
        items: [slice('orders-a', [{ address: '10.0.0.9' }])],
      },
    };
    if (refusal === undefined) {
      api.watches[0]?.send('ERROR', { kind: 'Status', code: 410, message: 'Expired' });
    } else {
      api.refuseWatches = refusal;
      api.watches[0]?.response.end();
      await eventually(() => api.requests.filter((path) => path.includes('watch=1')).length > 1);
      api.refuseWatches = undefined;
    }
    await eventually(() => String(shown(source.get(orders))) === '10.0.0.9 up');
    await eventually(() => api.watches.at(-1)?.url.searchParams.get('resourceVersion') === '99');
    expect(told.every((list) => list.length === 1)).toBe(true);
  },
);

test('events are whole however the network cuts them, within a character too', async () => {
  const api = await startApiServer(slice('orders-a', []));
  const source = join(api.url);
  source.follow(orders, () => {});
  await eventually(() => api.watches.length === 1);
  const event = {
    type: 'MODIFIED',
    object: slice('orders-a', [{ address: '10.0.0.1', zone: 'zürich-☃' }]),
  };
  const bytes = Buffer.from(`${JSON.stringify(event)}\n`);
  for (let at = 0; at < bytes.length; at += 7) {
    api.watches[0]?.response.write(bytes.subarray(at, at + 7));
    await new Promise(setImmediate);
  }
  await eventually(() => source.get(orders)?.endpoints.length === 1);
  expect(source.get(orders)?.endpoints[0]?.locality.zone).toBe('zürich-☃');
});

test('a list of several pages is one list', async () => {
  const api = await startApiServer();
  api.answers[slicesPath] = (url) => {
    const second = url.searchParams.get('continue') === 'more';
    return {
      metadata: { resourceVersion: '10', ...(second ? {} : { continue: 'more' }) },
      items: [slice(second ? 'b' : 'a', [{ address: second ? '10.0.0.2' : '10.0.0.1' }])],
    };
  };
  const source = join(api.url);
  source.follow(orders, () => {});
  await eventually(() => source.get(orders)?.endpoints.length === 2);
});

test('while the API server is away, lists stay and are called stale; it is found again', async () => {
  const api = await startApiServer(slice('orders-a', [{ address: '10.0.0.1' }]));
  const events: string[] = [];
  const source = join(api.url, { observer: { event: ({ kind }) => void events.push(kind) } });
  await source.start();
  source.follow(orders, () => {});
  await eventually(() => api.watches.length === 1);
  api.refuseWatches = { status: 500, json: { message: 'etcd is away' } };
  api.watches[0]?.response.destroy();
  await eventually(() => source.get(orders)?.state === 'stale');
  expect(shown(source.get(orders))).toEqual(['10.0.0.1 up']);
  expect(source.state.kind).toBe('lost');
  api.refuseWatches = undefined;
  await eventually(() => source.get(orders)?.state === 'live');
  await eventually(() => source.state.kind === 'connected');
  expect(events).toEqual(['registry-lost', 'registry-found']);
});

test('the token is read anew for each request', async () => {
  const folder = await mkdtemp(joinPath(tmpdir(), 'inmesh-'));
  onEnd(() => rm(folder, { recursive: true }));
  const tokenFile = joinPath(folder, 'token');
  await writeFile(tokenFile, 'first\n');
  const api = await startApiServer(slice('orders-a', []));
  const source = join(api.url, { tokenFile });
  await source.start();
  source.follow(orders, () => {});
  await eventually(() => api.watches.length === 1);
  await writeFile(tokenFile, 'second\n');
  api.watches[0]?.response.end();
  await eventually(() => api.watches.length === 2);
  expect(new Set(api.tokens)).toEqual(new Set(['Bearer first', 'Bearer second']));
  expect(api.tokens.at(-1)).toBe('Bearer second');
});

describe('over TLS', () => {
  const life = { notBefore: Date.now() - 3_600_000, notAfter: Date.now() + 3_600_000 };
  const serial = (): Buffer => Buffer.concat([Buffer.from([1]), randomBytes(15)]);

  /** A cluster's CA, with a certificate of its API server for `hosts`. */
  async function createCluster(...hosts: string[]) {
    const root = await createRoot('cluster.local', 'a cluster', serial(), life);
    const { publicKey, privateKey } = generateKey();
    const spiffeId = 'spiffe://cluster.local/ns/kube-system/sa/api-server';
    const cert = await signSvid({ spiffeId, publicKey, hosts, serial: serial(), ...life }, root);
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    return { ca: root.certificate.toString(), cert, key };
  }

  async function mounted(files: Record<string, string>): Promise<string> {
    const folder = await mkdtemp(joinPath(tmpdir(), 'inmesh-'));
    onEnd(() => rm(folder, { recursive: true }));
    for (const [name, text] of Object.entries(files)) await writeFile(joinPath(folder, name), text);
    return folder;
  }

  test("the API server's certificate is checked by the CA of the cluster, and its token is read anew", async () => {
    const cluster = await createCluster('127.0.0.1');
    const api = await startSecureApiServer(cluster, slice('orders-a', [{ address: '10.0.0.1' }]));
    const folder = await mounted({ 'ca.crt': cluster.ca, token: 'first' });
    const [caFile, tokenFile] = [joinPath(folder, 'ca.crt'), joinPath(folder, 'token')];
    const source = join(api.url, { caFile, tokenFile });
    await source.start();
    source.follow(orders, () => {});
    await eventually(() => api.watches.length === 1);
    expect(shown(source.get(orders))).toEqual(['10.0.0.1 up']);
    await writeFile(tokenFile, 'second');
    api.watches[0]?.response.end();
    await eventually(() => api.watches.length === 2);
    expect([api.tokens[0], api.tokens.at(-1)]).toEqual(['Bearer first', 'Bearer second']);
  });

  test('no token goes to a server of another CA, or of another name', async () => {
    const cluster = await createCluster('127.0.0.1');
    const strangers = [await createCluster('127.0.0.1'), await createCluster('api.example.org')];
    for (const stranger of strangers) {
      const trusted = stranger === strangers[1] ? stranger : cluster;
      const api = await startSecureApiServer(stranger);
      const folder = await mounted({ 'ca.crt': trusted.ca, token: 'secret' });
      const source = join(api.url, {
        caFile: joinPath(folder, 'ca.crt'),
        tokenFile: joinPath(folder, 'token'),
        startTimeoutMs: 300,
      });
      await expect(source.start()).rejects.toMatchObject({ code: 'start_timeout' });
      expect(source.state).toMatchObject({ kind: 'lost', error: { code: expect.any(String) } });
      expect(api.tokens).toEqual([]);
    }
  });

  test('a CA that was replaced is taken up without a restart', async () => {
    const [before, after] = [await createCluster('127.0.0.1'), await createCluster('127.0.0.1')];
    const api = await startSecureApiServer(after, slice('orders-a', [{ address: '10.0.0.1' }]));
    const folder = await mounted({ 'ca.crt': before.ca });
    const caFile = joinPath(folder, 'ca.crt');
    const source = join(api.url, { caFile });
    source.follow(orders, () => {});
    await eventually(() => source.state.kind === 'lost');
    await writeFile(caFile, after.ca);
    await eventually(() => shown(source.get(orders)).length === 1);
  });
});

test('a process that may not read services and pods has endpoints without labels', async () => {
  const api = await startApiServer(slice('orders-a', [{ address: '10.0.0.1', pod: 'p' }]));
  api.answers[servicePath] = { status: 403, json: { message: 'services "orders" is forbidden' } };
  const source = join(api.url);
  source.follow(orders, () => {});
  await eventually(() => source.get(orders)?.endpoints.length === 1);
  expect(source.get(orders)?.endpoints[0]).toMatchObject({ labels: {}, address: '10.0.0.1' });
});

test('a service that does not exist is unknown until it does', async () => {
  const api = await startApiServer();
  const service = api.answers[servicePath];
  delete api.answers[servicePath];
  const source = join(api.url);
  source.follow(orders, () => {});
  await eventually(() => source.get(orders)?.state === 'unknown');
  if (service !== undefined) api.answers[servicePath] = service;
  await eventually(() => api.watches.length === 1);
  api.watches[0]?.send('ADDED', slice('orders-a', [{ address: '10.0.0.1' }]));
  await eventually(() => source.get(orders)?.state === 'live');
});

test('who follows nothing any more watches nothing any more', async () => {
  const api = await startApiServer(slice('orders-a', []));
  const source = join(api.url);
  const unfollow = source.follow(orders, () => {});
  await eventually(() => api.watches.length === 1);
  const closed = new Promise((resolve) => api.watches[0]?.response.on('close', resolve));
  unfollow();
  await closed;
  expect(source.get(orders)).toBeUndefined();
});

test('registering tells nobody anything: Kubernetes knows its pods', async () => {
  const api = await startApiServer();
  const source = join(api.url);
  const handle = await source.register({
    service: 'orders',
    address: '127.0.0.1',
    ports: [{ name: 'http', port: 1 }],
  });
  await handle.drain();
  await handle.deregister();
  expect(api.requests).toEqual([]);
});

test('without an answer the start fails and says where it asked', async () => {
  const source = join('http://127.0.0.1:1', { startTimeoutMs: 50 });
  await expect(source.start()).rejects.toThrow(/127\.0\.0\.1:1/);
});

test.each([
  [{}, 'no cluster'],
  [{ apiServer: 'file:///etc/passwd' }, 'apiServer'],
  [{ apiServer: 'https://api/path' }, 'apiServer'],
  [{ apiServer: 'https://api', watchTimeoutMs: 1 }, 'watchTimeoutMs'],
])('options %j make no sense', (options, message) => {
  expect(() => createKubernetesSource(options)).toThrow(message);
});

test.each(['../secrets.default', 'a/b.default', 'orders.no/space'])(
  'a name that would be another path is refused: %s',
  (name) => {
    const source = join('http://127.0.0.1:1');
    expect(() => source.follow(name, () => {})).toThrow('must be');
  },
);

import { createRegistryServer, type RegistryServer } from '@inmesh/registry-server';
import { afterEach, expect, test } from '@jest/globals';
import { createRegistryClient, type RegistryClient } from '../src/index.ts';
import { follow, ids, until } from './fake/setting.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function serve(port: number, sessionTtlMs: number): Promise<[RegistryServer, string]> {
  const server = createRegistryServer({
    port,
    sessionTtlMs,
    keepAliveMs: 100,
    removalHoldMs: 0,
    selfPreservation: { minSessions: 1_000 },
  });
  open.push(server);
  return [server, (await server.listen()).url];
}

async function connect(servers: string): Promise<RegistryClient> {
  const client = createRegistryClient({
    servers,
    reconnectInitialMs: 20,
    reconnectMaxMs: 100,
    flapHoldMs: 0,
  });
  open.push(client);
  await client.start();
  return client;
}

const orders = {
  service: 'orders',
  address: '127.0.0.1',
  ports: [{ name: 'http', port: 8080 }],
};

test('two processes find each other, and keep what they found over a restart of the server', async () => {
  const [server, url] = await serve(0, 1_500);
  const provider = await connect(url);
  const consumer = await connect(url);
  const lists = follow(consumer, 'orders.default');
  const staying = await provider.register({ ...orders, labels: { version: 'v1' } });
  const leaving = await provider.register(orders);
  const up = () => ids(consumer.get('orders.default'));
  await until(() => up()?.length === 2);
  await leaving.update({ weight: 3 });
  await until(() => consumer.get('orders.default')?.endpoints[1]?.weight === 3);
  await leaving.drain();
  await until(() => up()?.[1] === `${leaving.id} (draining)`);
  await leaving.deregister();
  await until(() => up()?.length === 1);
  await until(() => consumer.get('orders.default')?.state === 'live');

  const told = lists.length;
  await server.close();
  await until(() => consumer.state.kind === 'lost' && provider.state.kind === 'lost');
  expect(consumer.get('orders.default')).toMatchObject({ state: 'stale' });
  const [again] = await serve(Number(new URL(url).port), 1_500);
  await until(() => consumer.get('orders.default')?.state === 'live');
  await until(() => again.status().registrations === 1 && again.status().settlingForMs === 0);
  for (const list of lists.slice(told)) expect(ids(list)).toEqual([staying.id]);

  await provider.close();
  await until(() => up()?.length === 0);
  expect(again.status().sessions).toBe(1);
});

test('a service that nobody has ever registered is unknown once the server has settled', async () => {
  const [, url] = await serve(0, 300);
  const client = await connect(url);
  expect(await client.ready('nobody.default', 5_000)).toMatchObject({ state: 'unknown' });
});

test('a session that lasts longer than its TTL is never expired', async () => {
  const [server, url] = await serve(0, 1_000);
  const client = await connect(url);
  await client.register(orders);
  const before = server.status().uptimeMs;
  await until(() => server.status().uptimeMs > before + 2_500);
  expect(server.status()).toMatchObject({ sessions: 1, registrations: 1 });
  expect(client.state.kind).toBe('connected');
});

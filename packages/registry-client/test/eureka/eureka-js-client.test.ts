import { createRegistryServer } from '@inmesh/registry-server';
import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { Eureka } from 'eureka-js-client';
import { createRegistryClient } from '../../src/index.ts';
import { onEnd } from './on-end.ts';

const quiet = { error() {}, warn() {}, info() {}, debug() {}, level() {} };

test('the Eureka client that Node services use today registers, finds a process of ours, and is found', async () => {
  const server = createRegistryServer({ port: 0, settleMs: 0, removalHoldMs: 0, eureka: true });
  onEnd(() => server.close());
  const { url } = await server.listen();
  const { hostname, port } = new URL(url);
  const ours = createRegistryClient({ servers: url });
  onEnd(() => ours.close());
  await ours.start();
  await ours.register({
    id: 'reviews-1',
    service: 'reviews',
    address: '127.0.0.1',
    ports: [{ name: 'http', port: 9080 }],
  });
  ours.follow('legacy.default', () => {});

  const legacy = new Eureka({
    instance: {
      app: 'legacy',
      instanceId: 'legacy:1',
      hostName: 'localhost',
      ipAddr: '127.0.0.1',
      port: { $: 8080, '@enabled': true },
      vipAddress: 'legacy',
      dataCenterInfo: {
        '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
        name: 'MyOwn',
      },
    },
    eureka: {
      host: hostname,
      port: Number(port),
      servicePath: '/eureka/v2/apps/',
      heartbeatInterval: 50,
      registryFetchInterval: 50,
      maxRetries: 0,
    },
    shouldUseDelta: true,
    logger: quiet,
  });
  await new Promise<void>((resolve, reject) => {
    legacy.start((error: Error | undefined) => (error ? reject(error) : resolve()));
  });
  onEnd(() => new Promise<void>((resolve) => legacy.stop(() => resolve())));

  expect(legacy.getInstancesByVipAddress('reviews')).toMatchObject([
    { instanceId: 'reviews-1', ipAddr: '127.0.0.1', port: { $: 9080 } },
  ]);
  await eventually(() => ours.get('legacy.default')?.endpoints.length === 1);
  expect(ours.get('legacy.default')?.endpoints[0]).toMatchObject({
    id: 'LEGACY/legacy:1',
    address: '127.0.0.1',
    ports: [{ name: 'http', port: 8080 }],
  });
  // It renews, and hears of changes by delta.
  await ours.register({
    id: 'ratings-1',
    service: 'ratings',
    address: '127.0.0.1',
    ports: [{ name: 'http', port: 9081 }],
  });
  await eventually(() => legacy.getInstancesByAppId('RATINGS').length === 1);

  await new Promise<void>((resolve) => legacy.stop(() => resolve()));
  await eventually(() => ours.get('legacy.default')?.endpoints.length === 0);
});

import { expect, test } from '@jest/globals';
import { springInstance } from './eureka-fixture.ts';
import { type SecureFixture, type Shown, startSecureRegistry } from './secure-fixture.ts';

const start = (): Promise<SecureFixture> => startSecureRegistry({ eureka: true, settleMs: 0 });
const basic = (token: string): Shown => ({
  headers: { authorization: `Basic ${Buffer.from(`eureka:${token}`).toString('base64')}` },
});
const path = '/eureka/apps/ORDERS/10.0.0.1:orders:8080';

test('a service speaks for itself only, at the Eureka door too (hostile case 44)', async () => {
  const registry = await start();
  const orders = { identity: await registry.workload('orders') };
  const thief = { identity: await registry.workload('thief') };
  const register = async (shown: Shown): Promise<number> =>
    (await registry.send('POST', '/eureka/apps/ORDERS', shown, { instance: springInstance() }))
      .status;
  expect(await register(thief)).toBe(403);
  expect(await register(orders)).toBe(204);
  const tries = [
    await registry.send('PUT', path, thief),
    await registry.send('PUT', `${path}/status?value=DOWN`, thief),
    await registry.send('DELETE', `${path}/status`, thief),
    await registry.send('PUT', `${path}/metadata?a=b`, thief),
    await registry.send('DELETE', path, thief),
    await registry.send('POST', '/eureka/peerreplication/batch/', thief, { replicationList: [] }),
  ];
  expect(tries.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403]);
  expect((await registry.send('PUT', path, orders)).status).toBe(200);
});

test("a service is not found by another's VIP address, by which callers look it up (hostile case 44)", async () => {
  const registry = await start();
  const { token: reader } = await registry.token({ kind: 'reader' });
  const thief = { identity: await registry.workload('thief') };
  const register = async (change: Record<string, unknown>): Promise<number> => {
    const instance = springInstance({ app: 'THIEF', vipAddress: 'thief', ...change });
    return (await registry.send('POST', '/eureka/apps/THIEF', thief, { instance })).status;
  };
  expect(await register({ vipAddress: 'orders' })).toBe(403);
  expect(await register({ vipAddress: 'thief, ORDERS' })).toBe(403);
  expect(await register({ secureVipAddress: 'orders' })).toBe(403);
  expect(await register({ secureVipAddress: 'thief' })).toBe(204);
  const found = await registry.send('GET', '/eureka/vips/orders', {
    headers: { ...basic(reader).headers, accept: 'application/json' },
  });
  expect(found.json.applications.application).toEqual([]);
});

test("a service does not take an id that is another app's instance's (hostile case 44)", async () => {
  const registry = await start();
  const thief = { identity: await registry.workload('thief') };
  const orders = { identity: await registry.workload('orders') };
  const squat = springInstance({
    app: 'THIEF',
    instanceId: 'ORDERS/10.0.0.1:orders:8080',
    vipAddress: 'thief',
    secureVipAddress: 'thief',
    metadata: { inmesh: 'endpoint' },
  });
  expect(
    (await registry.send('POST', '/eureka/apps/THIEF', thief, { instance: squat })).status,
  ).toBe(204);
  const own = { instance: springInstance() };
  expect((await registry.send('POST', '/eureka/apps/ORDERS', orders, own)).status).toBe(204);
});

test("a service takes its own status back, and not an operator's", async () => {
  const registry = await start();
  const alice = { token: registry.operator };
  const orders = { identity: await registry.workload('orders') };
  const own = { instance: springInstance() };
  await registry.send('POST', '/eureka/apps/ORDERS', orders, own);
  const set = async (shown: Shown, method: string, query = ''): Promise<number> =>
    (await registry.send(method, `${path}/status${query}`, shown)).status;
  expect(await set(orders, 'PUT', '?value=OUT_OF_SERVICE')).toBe(200);
  expect(await set(orders, 'DELETE')).toBe(200);
  const url = `/v1/endpoints/${encodeURIComponent('ORDERS/10.0.0.1:orders:8080')}/override`;
  expect((await registry.send('PUT', url, alice, { status: 'down' })).status).toBe(204);
  expect(await set(orders, 'PUT', '?value=UP')).toBe(403);
  expect(await set(orders, 'DELETE')).toBe(403);
  expect((await registry.send('DELETE', url, alice)).status).toBe(204);
  expect(await set(orders, 'PUT', '?value=UP')).toBe(200);
});

test('nobody is told and nobody registers without a proof', async () => {
  const registry = await start();
  const tries = [
    await registry.send('GET', '/eureka/apps'),
    await registry.send('POST', '/eureka/apps/ORDERS', {}, { instance: springInstance() }),
  ];
  expect(tries.map(({ status }) => status)).toEqual([401, 401]);
});

test("Eureka's clients send their token as the password in their URL", async () => {
  const registry = await start();
  const { token: reader } = await registry.token({ kind: 'reader' });
  const instance = { instance: springInstance() };
  expect((await registry.send('GET', '/eureka/apps', basic(reader))).status).toBe(200);
  expect((await registry.send('POST', '/eureka/apps/ORDERS', basic(reader), instance)).status).toBe(
    403,
  );
  expect(
    (await registry.send('POST', '/eureka/apps/ORDERS', basic(registry.operator), instance)).status,
  ).toBe(204);
  expect((await registry.send('GET', '/eureka/apps', basic('guess'))).status).toBe(401);
});

test('what the server tells of itself is for readers, not for workloads', async () => {
  const registry = await start();
  const { token: reader } = await registry.token({ kind: 'reader' });
  const orders = { identity: await registry.workload('orders') };
  for (const path of ['/eureka/status', '/eureka/serverinfo/statusoverrides']) {
    expect((await registry.send('GET', path, basic(reader))).status).toBe(200);
    expect((await registry.send('GET', path, orders)).status).toBe(403);
  }
});

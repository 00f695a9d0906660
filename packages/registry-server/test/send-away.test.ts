import { createFakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { startEureka } from './eureka-fixture.ts';
import { createSharedStoreDouble } from './shared-store-double.ts';

const leaseMs = 10_000;

test('who has no stream is told by a renewal, once, that its server lost touch with the others', async () => {
  const clock = createFakeClock(1_000_000);
  const shared = await createSharedStoreDouble(clock);
  const handle = shared.open();
  const registry = await startEureka({ store: handle, name: 'a', serverLeaseMs: leaseMs, clock });
  const [plain, streaming] = [await registry.openSession(), await registry.openSession()];
  await registry.register(plain, 'reviews-1');
  await registry.registerInstance();
  const stream = await registry.watch(streaming);
  await stream.nextOf('hello');
  const instance = '/apps/ORDERS/10.0.0.1:orders:8080';
  const renew = (session: string) => registry.send(`/v1/sessions/${session}`, { method: 'PUT' });

  handle.cut = true;
  await clock.advanceAsync(leaseMs / 2);
  expect((await renew(plain)).status).toBe(204);
  for (let i = 0; i < leaseMs / 1_000; i += 1) await clock.advanceAsync(1_000);

  await stream.nextOf('goodbye');
  expect((await renew(streaming)).status).toBe(204);
  const refused = await renew(plain);
  expect([refused.status, refused.json.code]).toEqual([503, 'registry_unavailable']);
  expect(refused.json.detail).toContain('go to one of them');
  expect((await registry.eureka(instance, 'PUT')).status).toBe(503);
  // Whoever finds nobody else comes back, and stays.
  expect((await renew(plain)).status).toBe(204);
  expect((await registry.eureka(instance, 'PUT')).status).toBe(200);
  expect((await registry.send('/v1/services/default/reviews')).json.endpoints).toHaveLength(1);
});

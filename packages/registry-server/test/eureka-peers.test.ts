import { eventually } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { springInstance, startEureka } from './eureka-fixture.ts';
import { onEnd, startRegistry } from './registry-fixture.ts';

type Registry = Awaited<ReturnType<typeof startEureka>>;

const ids = async (registry: Registry): Promise<string[]> => {
  const { status, json } = await registry.eureka('/apps');
  if (status !== 200) return [`status ${status}`];
  return json.applications.application
    .flatMap((app: { instance: { instanceId: string }[] }) => app.instance)
    .map(({ instanceId }: { instanceId: string }) => instanceId)
    .sort();
};

/** Waits until `registry` shows just the instances of these ids. */
const shows = (registry: Registry, ...expected: string[]): Promise<void> =>
  eventually(async () => String(await ids(registry)) === String(expected), 20_000);

test('what registers at one server is told to its peer, processes of ours too, and taken back', async () => {
  const old = await startEureka({ removalHoldMs: 0 });
  await old.registerInstance({ instanceId: 'there-already' });
  const young = await startEureka({ removalHoldMs: 0, eureka: { peers: [`${old.url}/eureka`] } });
  await shows(young, 'there-already');

  await young.registerInstance({ instanceId: 'spring' });
  const session = await young.openSession();
  await young.register(session, 'reviews-1');
  await shows(old, 'reviews-1', 'spring', 'there-already');

  await young.eureka('/apps/ORDERS/spring', 'DELETE');
  await young.send(`/v1/sessions/${session}`, { method: 'DELETE' });
  await shows(old, 'there-already');
});

test('a server that starts takes over what its peer knows, and is settled by it', async () => {
  const old = await startEureka();
  await old.registerInstance();
  const young = await startEureka({
    eureka: { settleMs: 600_000, peers: ['http://127.0.0.1:1/eureka', `${old.url}/eureka/`] },
  });
  await shows(young, '10.0.0.1:orders:8080');
});

test('a peer that was away is told when it is back', async () => {
  const first = await startEureka();
  const port = Number(new URL(first.url).port);
  await first.server.close();
  const young = await startEureka({ eureka: { peers: [`${first.url}/eureka`] } });
  await young.registerInstance({ instanceId: 'meanwhile' });
  const back = await startEureka({ port });
  onEnd(() => back.server.close());
  await shows(back, 'meanwhile');
}, 40_000);

test('a batch has an answer for each item, whatever the others are', async () => {
  const registry = await startEureka({ removalHoldMs: 0 });
  await registry.registerInstance({ instanceId: 'known', lastDirtyTimestamp: 2_000 });
  const item = (action: string, id: string, more: object = {}): object => ({
    action,
    appName: 'ORDERS',
    id,
    lastDirtyTimestamp: 2_000,
    status: 'UP',
    ...more,
  });
  const replicationList = [
    item('Register', 'new', { instanceInfo: springInstance({ instanceId: 'new' }) }),
    item('Register', 'bad', { instanceInfo: { app: 'ORDERS' } }),
    item('Heartbeat', 'known'),
    item('Heartbeat', 'known', { lastDirtyTimestamp: 1_000 }),
    item('Heartbeat', 'nobody'),
    item('StatusUpdate', 'known', { status: 'OUT_OF_SERVICE' }),
    item('DeleteStatusOverride', 'known'),
    item('Cancel', 'known'),
    item('Cancel', 'known'),
    item('Dance', 'known'),
    'no item',
  ];
  const { status, json } = await registry.eureka('/peerreplication/batch/', 'POST', {
    replicationList,
  });
  expect(status).toBe(200);
  expect(json.responseList.map(({ statusCode }: { statusCode: number }) => statusCode)).toEqual([
    204, 400, 200, 409, 404, 200, 200, 200, 404, 400, 400,
  ]);
  expect(json.responseList[3].responseEntity).toMatchObject({
    instanceId: 'known',
    lastDirtyTimestamp: '2000',
  });
  expect(await ids(registry)).toEqual(['new']);
});

test.each([[{}], [{ replicationList: 'x' }], [{ replicationList: Array(1_001).fill({}) }]])(
  'no batch: %.40j',
  async (body) => {
    const registry = await startRegistry({ eureka: true });
    const path = '/eureka/peerreplication/batch';
    expect((await registry.send(path, { method: 'POST', body })).status).toBe(400);
  },
);

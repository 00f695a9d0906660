import type { Registration } from '@inmesh/core';
import { describe, expect, test } from '@jest/globals';
import type { FakeRegistry } from './fake/fake-registry.ts';
import { fakeRegistry, moveUntil, moving, setUp, until } from './fake/setting.ts';

const orders: Registration = {
  service: 'orders',
  address: '127.0.0.1',
  ports: [
    { name: 'http', port: 8080, servicePort: 80 },
    { name: 'admin', port: 8081 },
  ],
};

async function attached() {
  const registry = await fakeRegistry();
  const setting = setUp({ servers: registry.url });
  await setting.client.start();
  return { registry, ...setting };
}

function registered(registry: FakeRegistry): Map<string, Registration> | undefined {
  return [...registry.sessions.values()].at(-1)?.registrations;
}

test('registers with all its ports, changes, drains and deregisters', async () => {
  const { registry, client, clock } = await attached();
  const handle = await moving(clock, client.register({ ...orders, id: 'orders/1' }), 1);
  expect(handle).toMatchObject({ id: 'orders/1', state: { kind: 'registered', revision: 'e1:0' } });
  expect(registered(registry)?.get('orders/1')).toEqual(orders);
  await moving(clock, handle.update({ weight: 3, labels: { version: 'v2' } }), 1);
  await moving(clock, handle.drain(), 1);
  expect(registered(registry)?.get('orders/1')).toEqual({
    ...orders,
    weight: 3,
    labels: { version: 'v2' },
    status: 'draining',
  });
  await moving(clock, handle.deregister(), 1);
  await handle.deregister();
  expect(registered(registry)?.size).toBe(0);
  expect(handle.state.kind).toBe('deregistered');
  await expect(handle.update({ weight: 1 })).rejects.toMatchObject({ code: 'closed' });
});

test('every registration without an id gets one of its own', async () => {
  const { client, clock, registry } = await attached();
  const [one, two] = await moving(
    clock,
    Promise.all([client.register(orders), client.register(orders)]),
    1,
  );
  expect(one.id).not.toBe(two.id);
  expect([...(registered(registry)?.keys() ?? [])]).toEqual([one.id, two.id]);
});

test('renews at a third of the TTL, a little early and never twice alike', async () => {
  const { registry, client, clock } = await attached();
  const at: number[] = [];
  registry.keepAliveMs = 100_000;
  registry.script = (request) => {
    if (request.method === 'PUT') at.push(clock.now());
    return undefined;
  };
  const writing = setInterval(() => registry.streams[0]?.write(':\n\n'), 1);
  await moveUntil(clock, () => at.length === 6, 20);
  clearInterval(writing);
  const gaps = at.slice(1).map((time, index) => time - (at[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(4_000);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(5_100);
  expect(new Set(gaps).size).toBeGreaterThan(2);
  expect(client.state.kind).toBe('connected');
});

describe('when the registry is away', () => {
  test('registering resolves at once, and the registration is made when it is back', async () => {
    const { registry, client, clock } = await attached();
    await registry.stop();
    await moveUntil(clock, () => client.state.kind === 'lost');
    const handle = await client.register(orders);
    expect(handle.state).toEqual({ kind: 'pending' });
    await handle.update({ weight: 2 });
    await registry.restart('e2', false);
    await moveUntil(clock, () => handle.state.kind === 'registered');
    expect(registered(registry)?.get(handle.id)).toEqual({ ...orders, weight: 2 });
  });

  test('what deregistered meanwhile is not registered again', async () => {
    const { registry, client, clock } = await attached();
    const gone = await moving(clock, client.register(orders), 1);
    const kept = await moving(clock, client.register({ ...orders, service: 'carts' }), 1);
    await registry.stop();
    await moveUntil(clock, () => client.state.kind === 'lost');
    await gone.deregister();
    await registry.restart('e2', false);
    await moveUntil(clock, () => registered(registry)?.has(kept.id) === true);
    await moveUntil(clock, () => gone.state.kind === 'deregistered');
    expect(registry.seen('DELETE', /registrations/)).toEqual([]);
    expect([...(registered(registry)?.keys() ?? [])]).toEqual([kept.id]);
  });

  test('a session that outlived the cut is told of the deregistration', async () => {
    const { registry, client, clock } = await attached();
    const handle = await moving(clock, client.register(orders), 1);
    await registry.stop();
    await moveUntil(clock, () => client.state.kind === 'lost');
    await handle.deregister();
    await registry.start(); // as before: the session is still known
    await moveUntil(clock, () => handle.state.kind === 'deregistered');
    expect(registered(registry)?.size).toBe(0);
    expect(registry.seen('POST', /sessions$/)).toHaveLength(1);
  });

  test('ids are the same in every session', async () => {
    const { registry, client, clock } = await attached();
    const handle = await moving(clock, client.register(orders), 1);
    await registry.restart('e2', true);
    await moveUntil(clock, () => registered(registry)?.has(handle.id) === true);
    expect(registered(registry)?.get(handle.id)).toEqual(orders);
  });
});

describe('when the registry refuses', () => {
  const problem = {
    status: 409,
    body: {
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      code: 'conflict',
      detail: 'the id is taken',
      errors: [{ path: '/id', message: 'taken' }],
    },
  };

  test('a new registration is rejected with the code and the reason, and forgotten', async () => {
    const { registry, client, clock } = await attached();
    registry.script = ({ path }) => (path.includes('/registrations/') ? problem : undefined);
    const registering = moving(clock, client.register(orders), 1);
    await expect(registering).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('the id is taken'),
      path: '/id',
    });
    registry.script = undefined;
    await moving(clock, client.register({ ...orders, id: 'later' }), 1);
    expect([...(registered(registry)?.keys() ?? [])]).toEqual(['later']);
  });

  test('a refused change is undone: the endpoint stays as it was', async () => {
    const { registry, client, clock } = await attached();
    const handle = await moving(clock, client.register(orders), 1);
    registry.script = ({ path }) =>
      path.includes('/registrations/') ? { status: 400, body: { detail: 'too heavy' } } : undefined;
    await expect(moving(clock, handle.update({ weight: 999 }), 1)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    registry.script = undefined;
    await moving(clock, handle.update({ labels: { a: 'b' } }), 1);
    expect(registered(registry)?.get(handle.id)).toEqual({ ...orders, labels: { a: 'b' } });
  });

  test('an endpoint that was good once is tried again until it is taken', async () => {
    const { registry, client, clock } = await attached();
    const handle = await moving(clock, client.register(orders), 1);
    registry.script = ({ path }) => (path.includes('/registrations/') ? problem : undefined);
    registry.forgetSessions();
    await moveUntil(clock, () => handle.state.kind === 'refused', 500);
    registry.script = undefined;
    await moveUntil(clock, () => handle.state.kind === 'registered', 100);
    expect(registered(registry)?.has(handle.id)).toBe(true);
  });

  test('a slow answer does not hold the caller longer than a request may take', async () => {
    const { registry, client, clock } = await attached();
    registry.script = ({ path }) => (path.includes('/registrations/') ? 'hang' : undefined);
    const handle = await moving(clock, client.register(orders), 500);
    expect(handle.state.kind).toBe('pending');
    registry.script = undefined;
    await moveUntil(clock, () => handle.state.kind === 'registered');
  });
});

test.each<[string, object]>([
  ['a service that is no label', { service: 'Orders!' }],
  ['a namespace that is no label', { namespace: '../x' }],
  ['port 0', { ports: [{ name: 'http', port: 0 }] }],
  ['no port', { ports: [] }],
  ['a name for an address', { address: 'localhost' }],
  ['a negative weight', { weight: -1 }],
  ['metadata named __proto__', { metadata: JSON.parse('{"__proto__":"x"}') }],
  ['an unknown status', { status: 'sleeping' }],
])('%s is refused before anything is sent', async (_, wrong) => {
  const { registry, client } = await attached();
  const registering = client.register({ ...orders, ...wrong });
  await expect(registering).rejects.toMatchObject({ code: 'invalid_argument' });
  expect(registry.seen('PUT', /registrations/)).toEqual([]);
});

test('an id in use is refused', async () => {
  const { client, clock } = await attached();
  await moving(clock, client.register({ ...orders, id: 'x' }), 1);
  await expect(client.register({ ...orders, id: 'x' })).rejects.toMatchObject({ code: 'conflict' });
});

test('the headers hook is asked for every request, and no session is ever logged', async () => {
  const registry = await fakeRegistry();
  let token = 0;
  const { client, clock, log } = setUp({
    servers: registry.url,
    headers: () => {
      token += 1;
      return { authorization: `Bearer ${token}` };
    },
  });
  await client.start();
  await moving(clock, client.register(orders), 1);
  await registry.stop();
  await moveUntil(clock, () => client.state.kind === 'lost');
  expect(registry.requests.map(({ headers }) => headers.authorization)).toEqual(
    registry.requests.map((_, index) => `Bearer ${index + 1}`),
  );
  const text = log.map((line) => JSON.stringify(line) + String(line.fields.err)).join('\n');
  expect(text).not.toMatch(/\/s1|Bearer/);
  await until(() => log.length > 0);
});

import type { AuthorizationPolicySpec } from '@inmesh/config';
import type { ConfigResource, Registration } from '@inmesh/core';
import { createRegistryClient, type RegistryClient } from '@inmesh/registry-client';
import { createRegistryServer } from '@inmesh/registry-server';
import { eventually } from '@inmesh/testing';
import { describe, expect, test } from '@jest/globals';
import { createHubFixture, HeldStream } from './hub-fixture.ts';
import { onEnd } from './registry-fixture.ts';
import { type SecureFixture, startSecureRegistry } from './secure-fixture.ts';

const policy = (name: string, spec: AuthorizationPolicySpec): ConfigResource => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name, namespace: 'default' },
  spec: spec as Record<string, unknown>,
});
const from = (...accounts: string[]) => [{ source: { serviceAccounts: accounts } }];
const selector = (app: string) => ({ matchLabels: { app } });
/** Only orders may call reviews, and that only to read ratings; ratings is closed to everybody. */
const onlyOrders = policy('reviews', {
  selector: selector('reviews'),
  rules: [{ from: from('orders'), to: [{ operation: { paths: ['/ratings/*'] } }] }],
});
const nobody = policy('ratings', { selector: selector('ratings') });

interface Shop extends SecureFixture {
  join(account: string, registration?: Partial<Registration>): Promise<RegistryClient>;
  apply(...resources: readonly ConfigResource[]): Promise<void>;
}

async function openShop(): Promise<Shop> {
  const registry = await startSecureRegistry({
    security: { visibility: 'callable' },
    settleMs: 0,
    removalHoldMs: 0,
  });
  return {
    ...registry,
    async join(account, registration) {
      const credentials = await registry.workload(account);
      const client = createRegistryClient({ servers: registry.url, credentials, flapHoldMs: 0 });
      onEnd(() => client.close());
      await client.start();
      await client.register({
        service: account,
        serviceAccount: account,
        address: '127.0.0.1',
        ports: [{ name: 'http', port: 9_080 }],
        labels: { app: account },
        ...registration,
      });
      return client;
    },
    async apply(...resources) {
      const shown = { token: registry.operator };
      const answer = await registry.send('POST', '/v1/resources', shown, { resources });
      expect([answer.status, answer.json]).toEqual([200, expect.anything()]);
    },
  };
}

const stateOf = (client: RegistryClient, service: string): string | undefined =>
  client.get(service)?.state;

describe('where a workload sees only what it may call', () => {
  test('its stream has what policies let it call, and follows their changes', async () => {
    const shop = await openShop();
    await shop.join('reviews');
    const [orders, web] = [await shop.join('orders'), await shop.join('web')];
    for (const client of [orders, web]) client.follow('reviews.default', () => {});
    await eventually(() =>
      [orders, web].every((one) => stateOf(one, 'reviews.default') === 'live'),
    );

    await shop.apply(onlyOrders);
    await eventually(() => stateOf(web, 'reviews.default') === 'unknown');
    expect(web.get('reviews.default')?.endpoints).toEqual([]);
    expect(orders.get('reviews.default')?.endpoints).toHaveLength(1);

    // Another endpoint is told to those who see it, and to nobody else.
    await shop.join('reviews', { ports: [{ name: 'http', port: 9_081 }] });
    await eventually(() => orders.get('reviews.default')?.endpoints.length === 2);
    expect(web.get('reviews.default')?.endpoints).toEqual([]);

    await shop.apply(policy('reviews', { selector: selector('reviews'), rules: [{}] }));
    await eventually(() => web.get('reviews.default')?.endpoints.length === 2);
  });

  test('look-ups and lists know nothing of the rest, page by page; its own it always sees', async () => {
    const shop = await openShop();
    await shop.apply(onlyOrders, nobody);
    for (const account of ['orders', 'ratings', 'reviews', 'web']) await shop.join(account);
    const asks = async (account: string) => {
      const identity = await shop.workload(account);
      const statuses = [];
      for (const name of ['ratings', 'reviews', 'nowhere']) {
        const { status, json } = await shop.send('GET', `/v1/services/default/${name}`, {
          identity,
        });
        statuses.push([status, json.code]);
      }
      const listed: string[] = [];
      for (let after = ''; ; ) {
        const query = `limit=2${after === '' ? '' : `&after=${after}`}`;
        const { json } = await shop.send('GET', `/v1/services?${query}`, { identity });
        listed.push(...json.services.map(({ service }: { service: string }) => service));
        if (json.next === undefined) return { statuses, listed };
        after = json.next;
      }
    };
    const unknown = [404, 'unknown_service'];
    const known = [200, undefined];
    expect(await asks('web')).toEqual({
      statuses: [unknown, unknown, unknown],
      listed: ['orders.default', 'web.default'],
    });
    expect(await asks('ratings')).toEqual({
      statuses: [known, unknown, unknown],
      listed: ['orders.default', 'ratings.default', 'web.default'],
    });
    expect((await asks('orders')).statuses).toEqual([unknown, known, unknown]);
    const all = await shop.send('GET', '/v1/services', { token: shop.operator });
    expect(all.json.services).toHaveLength(4);
  });

  test("and Eureka's lists, which are the same for all, are not served", () => {
    const security = { visibility: 'callable' } as const;
    expect(() => createRegistryServer({ security, eureka: true })).toThrow(/exclude each other/);
  });
});

describe('a stream from which a service is hidden', () => {
  test('is told that there is none, hears no change, and hears all of it once it may', () => {
    let visible = false;
    const { state, hub, register } = createHubFixture({ isVisible: () => visible });
    const session = state.openSession('watcher');
    const stream = new HeldStream();
    hub.subscribe(session, { services: ['reviews.default'] });
    hub.open(session, stream, undefined);
    const provider = state.openSession('provider');
    register(provider, 'r1');
    const told = () =>
      stream
        .events()
        .slice(1)
        .map(({ event }) => event);
    expect(told()).toMatchObject([{ kind: 'snapshot', known: false, endpoints: [] }]);
    visible = true;
    hub.visibilityChanged('reviews.default');
    expect(told().at(-1)).toMatchObject({ kind: 'snapshot', endpoints: [{ id: 'r1' }] });
    visible = false;
    hub.visibilityChanged('reviews.default');
    expect(told().at(-1)).toMatchObject({ kind: 'snapshot', known: false, endpoints: [] });
    register(provider, 'r2');
    expect(told()).toHaveLength(3);
  });

  test('that was away meanwhile does not resume to what it knew', () => {
    let visible = true;
    const { state, hub, register } = createHubFixture({ isVisible: () => visible });
    const session = state.openSession('watcher');
    hub.subscribe(session, { services: ['reviews.default'] });
    const before = new HeldStream();
    hub.open(session, before, undefined);
    register(state.openSession('provider'), 'r1');
    const lastId = before.events().at(-1)?.id;
    before.destroy();
    visible = false;
    const after = new HeldStream();
    hub.open(session, after, lastId);
    expect(after.events().map(({ event }) => event)).toMatchObject([
      { kind: 'hello', resumed: true },
      { kind: 'snapshot', known: false, endpoints: [] },
    ]);
  });
});

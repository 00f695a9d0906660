import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { springInstance, startEureka } from './eureka-fixture.ts';
import { startRegistry } from './registry-fixture.ts';

test('an instance of Eureka and a process of ours find each other', async () => {
  const registry = await startEureka();
  expect((await registry.registerInstance()).status).toBe(204);
  const session = await registry.openSession();
  await registry.register(session, 'reviews-1', { labels: { version: 'v1' } });

  const orders = await registry.send('/v1/services/default/orders');
  expect(orders.json.endpoints).toMatchObject([
    {
      id: 'ORDERS/10.0.0.1:orders:8080',
      address: '10.0.0.1',
      ports: [{ name: 'http', port: 8080 }],
      status: 'up',
      labels: { 'management.port': '8080', version: 'v2' },
    },
  ]);
  const { json } = await registry.eureka('/apps/reviews');
  expect(json.application).toMatchObject({
    name: 'REVIEWS',
    instance: [
      {
        instanceId: 'reviews-1',
        hostName: '127.0.0.1',
        ipAddr: '127.0.0.1',
        status: 'UP',
        port: { $: 9080, '@enabled': 'true' },
        vipAddress: 'reviews',
        metadata: { version: 'v1' },
      },
    ],
  });
});

test('what is told of an instance is what it said, in the types that strict clients want', async () => {
  const registry = await startEureka();
  await registry.registerInstance();
  const { json, headers } = await registry.eureka('/apps/');
  expect(headers['content-type']).toBe('application/json');
  expect(json).toEqual({
    applications: {
      versions__delta: '1',
      apps__hashcode: 'UP_1_',
      application: [
        {
          name: 'ORDERS',
          instance: [
            {
              instanceId: '10.0.0.1:orders:8080',
              hostName: 'orders-1.internal',
              app: 'ORDERS',
              ipAddr: '10.0.0.1',
              status: 'UP',
              overriddenStatus: 'UNKNOWN',
              port: { $: 8080, '@enabled': 'true' },
              securePort: { $: 443, '@enabled': 'false' },
              countryId: 1,
              dataCenterInfo: {
                '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
                name: 'MyOwn',
              },
              leaseInfo: {
                renewalIntervalInSecs: 30,
                durationInSecs: 90,
                registrationTimestamp: expect.any(Number),
                lastRenewalTimestamp: expect.any(Number),
                evictionTimestamp: 0,
                serviceUpTimestamp: expect.any(Number),
              },
              metadata: { 'management.port': '8080', version: 'v2' },
              homePageUrl: 'http://10.0.0.1:8080/',
              statusPageUrl: 'http://10.0.0.1:8080/actuator/info',
              healthCheckUrl: 'http://10.0.0.1:8080/actuator/health',
              vipAddress: 'orders',
              secureVipAddress: 'orders',
              isCoordinatingDiscoveryServer: 'false',
              lastUpdatedTimestamp: '1700000000000',
              lastDirtyTimestamp: '1700000000000',
              actionType: 'ADDED',
            },
          ],
        },
      ],
    },
  });
});

test('an empty registry lists an empty array, which Java needs to be there', async () => {
  const registry = await startEureka();
  const { json } = await registry.eureka('/apps');
  expect(json.applications).toEqual({
    versions__delta: '1',
    apps__hashcode: '',
    application: [],
  });
});

test('who does not ask for JSON gets XML', async () => {
  const registry = await startEureka();
  await registry.registerInstance({ metadata: { zone: 'z1', a_b: '<&>' } });
  const { text, headers } = await registry.send('/eureka/v2/apps/ORDERS');
  expect(headers['content-type']).toBe('application/xml');
  expect(text).toContain('<application><name>ORDERS</name><instance>');
  expect(text).toContain('<port enabled="true">8080</port>');
  expect(text).toContain('<overriddenstatus>UNKNOWN</overriddenstatus>');
  expect(text).toContain(
    '<dataCenterInfo class="com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo"><name>MyOwn</name></dataCenterInfo>',
  );
  expect(text).toContain('<a__b>&lt;&amp;&gt;</a__b>');
});

test('an instance that registers in XML is the same as in JSON', async () => {
  const registry = await startEureka();
  const body = `<?xml version="1.0"?><instance>
    <instanceId>h1:orders:8080</instanceId><hostName>h1</hostName><app>ORDERS</app><ipAddr>10.0.0.1</ipAddr>
    <status>UP</status><overriddenstatus>UNKNOWN</overriddenstatus>
    <port enabled="true">8080</port><securePort enabled="false">443</securePort><countryId>1</countryId>
    <dataCenterInfo class="com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo"><name>MyOwn</name></dataCenterInfo>
    <leaseInfo><renewalIntervalInSecs>5</renewalIntervalInSecs><durationInSecs>15</durationInSecs></leaseInfo>
    <metadata><a__b>x &amp; y</a__b></metadata><vipAddress>orders</vipAddress></instance>`;
  const registered = await registry.send('/eureka/apps/orders', {
    method: 'POST',
    headers: { 'content-type': 'application/xml' },
    body,
  });
  expect(registered.status).toBe(204);
  const { json } = await registry.eureka('/apps/ORDERS/h1%3Aorders%3A8080');
  expect(json.instance).toMatchObject({
    instanceId: 'h1:orders:8080',
    port: { $: 8080, '@enabled': 'true' },
    leaseInfo: { renewalIntervalInSecs: 5, durationInSecs: 15 },
    metadata: { a_b: 'x & y' },
  });
});

test.each([
  ['numbers as text, as fargo writes them', { port: { $: '8080', '@enabled': 'true' } }],
  ['a bare port, as users of eureka-js-client write it', { port: 8080 }],
  ['an app in lower case', { app: 'orders' }],
  ['no id: the host name is it', { instanceId: undefined }],
  ['no lease', { leaseInfo: undefined }],
  ['an empty overriddenstatus, as py-eureka-client writes it', { overriddenstatus: '' }],
  ['timestamps as text', { lastDirtyTimestamp: '1700000000000' }],
  ['fields that nobody knows', { futureField: { a: 1 } }],
  ['a map that says its Java class', { metadata: { '@class': 'java.util.HashMap', a: 'b' } }],
  ['a secure port of -1 that is off', { securePort: { $: -1, '@enabled': 'false' } }],
])('%s: taken', async (_what, overrides) => {
  const registry = await startEureka();
  expect((await registry.registerInstance(overrides)).status).toBe(204);
  const { json } = await registry.send('/v1/services/default/orders');
  expect(json.endpoints).toMatchObject([{ status: 'up', ports: [{ port: 8080 }] }]);
});

test.each([
  ['hostName', undefined, 'Missing hostname'],
  ['ipAddr', undefined, 'Missing ip address'],
  ['dataCenterInfo', undefined, 'Missing dataCenterInfo'],
  ['dataCenterInfo', {}, 'Missing dataCenterInfo Name'],
  ['app', 'OTHER', 'Mismatched appName, expecting ORDERS but was OTHER'],
  ['ipAddr', '169.254.169.254', 'linkLocal'],
  ['ipAddr', '0xa9fea9fe', 'plain notation'],
  ['hostName', '169.254.169.254', 'linkLocal'],
  ['hostName', '0xa9fea9fe', 'plain notation'],
  ['hostName', '127.1', 'plain notation'],
  ['hostName', 'user@host', 'host name'],
  ['hostName', 'a/../b', 'host name'],
  ['instanceId', 'a\r\nb', 'printable'],
  ['port', { $: 70_000, '@enabled': 'true' }, 'within'],
  ['leaseInfo', { durationInSecs: 0 }, 'within'],
  ['metadata', JSON.parse('{"__proto__":"x"}'), 'not allowed'],
  ['metadata', { constructor: 'x' }, 'not allowed'],
  ['vipAddress', 'x'.repeat(1_025), 'at most 1024'],
  ['dataCenterInfo', { '@class': 'evil.Gadget', name: 'Evil' }, 'MyOwn'],
])('an instance with %s %j is refused', async (field, value, why) => {
  const registry = await startEureka();
  const instance = springInstance({ [field]: value });
  const { status, json } = await registry.eureka('/apps/ORDERS', 'POST', { instance });
  expect(status).toBe(400);
  expect(json.detail).toContain(why);
  expect((await registry.send('/v1/status')).json.registrations).toBe(0);
});

test('the Java class of a data center is never the one that a client names', async () => {
  const registry = await startEureka();
  await registry.registerInstance({ dataCenterInfo: { '@class': 'evil.Gadget', name: 'MyOwn' } });
  const { text } = await registry.eureka('/apps/ORDERS');
  expect(text).not.toContain('evil');
});

test.each([
  ['a document type', '<!DOCTYPE x [<!ENTITY a "aaaa">]><instance><app>&a;</app></instance>'],
  ['an external entity', '<!DOCTYPE x SYSTEM "file:///etc/passwd"><instance/>'],
  ['a thousand levels', `${'<a>'.repeat(1_000)}${'</a>'.repeat(1_000)}`],
  ['another root', '<applications/>'],
  ['no XML', 'hello'],
])('XML with %s is refused', async (_what, body) => {
  const registry = await startEureka();
  const headers = { 'content-type': 'application/xml' };
  const { status } = await registry.send('/eureka/apps/ORDERS', { method: 'POST', headers, body });
  expect(status).toBe(400);
});

test('a body that grows beyond its limit when it is expanded is refused', async () => {
  const registry = await startEureka();
  const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20));
  const response = await fetch(`${registry.url}/eureka/apps/ORDERS`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: bomb,
  });
  expect(response.status).toBe(400);
  const body = gzipSync(JSON.stringify({ instance: springInstance() }));
  const good = await fetch(`${registry.url}/eureka/apps/ORDERS`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body,
  });
  expect(good.status).toBe(204);
});

test('a renewal of what is unknown, or changed since, asks to register again', async () => {
  const registry = await startEureka();
  const path = '/apps/ORDERS/10.0.0.1:orders:8080';
  expect((await registry.eureka(path, 'PUT')).status).toBe(404);
  await registry.registerInstance();
  expect((await registry.eureka(path, 'PUT')).status).toBe(200);
  const dirty = `${path}?status=UP&lastDirtyTimestamp=`;
  expect((await registry.eureka(`${dirty}1700000000000`, 'PUT')).status).toBe(200);
  expect((await registry.eureka(`${dirty}1600000000000`, 'PUT')).status).toBe(200);
  expect((await registry.eureka(`${dirty}1800000000000`, 'PUT')).status).toBe(404);
});

test('an older word of an instance does not replace a newer one', async () => {
  const registry = await startEureka();
  await registry.registerInstance({ lastDirtyTimestamp: 2_000, status: 'STARTING' });
  await registry.registerInstance({ lastDirtyTimestamp: 1_000, status: 'UP' });
  const { json } = await registry.eureka('/apps/ORDERS/10.0.0.1:orders:8080');
  expect(json.instance.status).toBe('STARTING');
});

test('cancelling takes an instance away at once, for both kinds of clients', async () => {
  const registry = await startEureka({ removalHoldMs: 0 });
  await registry.registerInstance();
  const path = '/apps/ORDERS/10.0.0.1:orders:8080';
  expect((await registry.eureka(path, 'DELETE')).status).toBe(200);
  expect((await registry.eureka(path, 'DELETE')).status).toBe(404);
  expect((await registry.eureka('/apps/ORDERS')).status).toBe(404);
  expect((await registry.send('/v1/services/default/orders')).json.endpoints).toEqual([]);
});

test.each(['STARTING', 'DOWN', 'OUT_OF_SERVICE', 'SOMETHING_ELSE'])(
  'an instance that is %s gets no traffic in the mesh',
  async (status) => {
    const registry = await startEureka();
    await registry.registerInstance({ status });
    const { json } = await registry.send('/v1/services/default/orders');
    expect(json.endpoints[0].status).toBe('draining');
    const told = await registry.eureka('/apps');
    const expected = status === 'SOMETHING_ELSE' ? 'UNKNOWN' : status;
    expect(told.json.applications.apps__hashcode).toBe(`${expected}_1_`);
  },
);

test('a status override holds over renewals and registrations, and is taken back', async () => {
  const registry = await startEureka();
  await registry.registerInstance();
  const path = '/apps/ORDERS/10.0.0.1:orders:8080';
  expect((await registry.eureka(`${path}/status?value=OUT_OF_SERVICE`, 'PUT')).status).toBe(200);
  await registry.registerInstance({ lastDirtyTimestamp: 1_800_000_000_000 });
  const held = await registry.eureka(path);
  expect(held.json.instance).toMatchObject({
    status: 'OUT_OF_SERVICE',
    overriddenStatus: 'OUT_OF_SERVICE',
  });
  expect((await registry.send('/v1/services/default/orders')).json.endpoints[0].status).toBe(
    'draining',
  );
  expect((await registry.eureka(`${path}/status?value=UP`, 'DELETE')).status).toBe(200);
  const back = await registry.eureka(path);
  expect(back.json.instance).toMatchObject({ status: 'UP', overriddenStatus: 'UNKNOWN' });
  expect((await registry.eureka('/apps/ORDERS/nobody/status?value=UP', 'PUT')).status).toBe(404);
  expect((await registry.eureka(`${path}/status`, 'PUT')).status).toBe(400);
});

test('a process of ours is taken out of service through Eureka too', async () => {
  const registry = await startEureka();
  await registry.register(await registry.openSession(), 'reviews-1');
  await registry.eureka('/apps/REVIEWS/reviews-1/status?value=DOWN', 'PUT');
  const { json } = await registry.send('/v1/services/default/reviews');
  expect(json.endpoints[0].status).toBe('down');
});

test('metadata is added to, and what is dangerous refused', async () => {
  const registry = await startEureka();
  await registry.registerInstance();
  const path = '/apps/ORDERS/10.0.0.1:orders:8080';
  expect((await registry.eureka(`${path}/metadata?color=green&zone=z1`, 'PUT')).status).toBe(200);
  const { json } = await registry.eureka(path);
  expect(json.instance.metadata).toEqual({
    'management.port': '8080',
    version: 'v2',
    color: 'green',
    zone: 'z1',
  });
  expect((await registry.eureka(`${path}/metadata?constructor=x`, 'PUT')).status).toBe(400);
});

test('a delta tells each change once, as it is now, with the hash of everything', async () => {
  const registry = await startEureka({ removalHoldMs: 0 });
  await registry.registerInstance();
  await registry.registerInstance({ instanceId: 'b' });
  await registry.registerInstance({ instanceId: 'c' });
  await registry.eureka('/apps/ORDERS/b', 'DELETE');
  await registry.eureka('/apps/ORDERS/c/status?value=DOWN', 'PUT');
  const { json } = await registry.eureka('/apps/delta');
  expect(json.applications.apps__hashcode).toBe('DOWN_1_UP_1_');
  const told = json.applications.application[0].instance.map(
    (instance: { instanceId: string; actionType: string; status: string }) => [
      instance.instanceId,
      instance.actionType,
      instance.status,
    ],
  );
  expect(told).toEqual([
    ['10.0.0.1:orders:8080', 'ADDED', 'UP'],
    ['b', 'DELETED', 'UP'],
    ['c', 'MODIFIED', 'DOWN'],
  ]);
});

test('instances are found by virtual name and by their id alone', async () => {
  const registry = await startEureka();
  await registry.registerInstance({ vipAddress: 'a.vip,b.vip', secureVipAddress: 'safe' });
  const vip = await registry.eureka('/vips/b.vip');
  expect(vip.json.applications).toMatchObject({
    versions__delta: '-1',
    apps__hashcode: 'UP_1_',
    application: [{ name: 'ORDERS' }],
  });
  expect((await registry.eureka('/svips/safe')).json.applications.application).toHaveLength(1);
  expect((await registry.eureka('/vips/nobody')).json.applications.application).toEqual([]);
  expect((await registry.eureka('/instances/10.0.0.1:orders:8080')).status).toBe(200);
  expect((await registry.eureka('/instances/nobody')).status).toBe(404);
});

test('while the server waits for its clients after a start, lists are refused', async () => {
  const registry = await startRegistry({ eureka: { settleMs: 60_000 } });
  for (const path of ['/eureka/apps', '/eureka/v2/apps/delta']) {
    expect((await registry.send(path)).status).toBe(403);
  }
});

test('nobody is shown as another service by what it writes into its metadata', async () => {
  const registry = await startEureka();
  const session = await registry.openSession();
  const forged = JSON.stringify({
    ...springInstance({ app: 'PAYMENTS' }),
    metadata: undefined,
    ipAddr: undefined,
  });
  await registry.register(session, 'r1', { metadata: { eureka: forged } });
  await registry.register(session, 'r2', { metadata: { eureka: 'no JSON' } });
  const { json } = await registry.eureka('/apps');
  expect(json.applications.application).toMatchObject([
    { name: 'REVIEWS', instance: [{ instanceId: 'r1' }, { instanceId: 'r2' }] },
  ]);
});

test('compact answers leave out what callers do not need', async () => {
  const registry = await startEureka();
  await registry.registerInstance();
  const { json } = await registry.send('/eureka/apps', {
    headers: { accept: 'application/json', 'x-eureka-accept': 'compact' },
  });
  const [instance] = json.applications.application[0].instance;
  expect(instance).toMatchObject({ instanceId: '10.0.0.1:orders:8080', status: 'UP' });
  expect(instance).not.toHaveProperty('leaseInfo');
  expect(instance).not.toHaveProperty('metadata');
});

test('who asks for regions gets what is here, as from a Eureka that knows no other region', async () => {
  const registry = await startEureka();
  await registry.registerInstance();
  for (const path of ['/apps', '/apps/delta']) {
    const { status, json } = await registry.eureka(`${path}?regions=us-east-1,eu-west-1`);
    expect([status, json.applications.application[0].name]).toEqual([200, 'ORDERS']);
  }
});

test('its status is told in JSON and XML, with the peers and whether they listen', async () => {
  const registry = await startEureka({
    eureka: { peers: ['http://me:secret@127.0.0.1:1/eureka'] },
  });
  const { json } = await registry.eureka('/status');
  expect(json).toMatchObject({
    generalStats: { 'server-uptime': '00:00', 'num-of-cpus': expect.stringMatching(/^\d+$/) },
    applicationStats: { 'registered-replicas': 'http://127.0.0.1:1/eureka' },
  });
  const { text } = await registry.send('/eureka/v2/status/');
  expect(text).toContain('<status><generalStats><environment>inmesh ');
  expect(text).not.toContain('secret');
});

test('status overrides are listed by instance, in JSON whoever asks', async () => {
  const registry = await startEureka();
  await registry.registerInstance();
  await registry.registerInstance({ instanceId: 'other', hostName: 'orders-2' });
  await registry.eureka('/apps/ORDERS/other/status?value=OUT_OF_SERVICE', 'PUT');
  const { json } = await registry.send('/eureka/serverinfo/statusoverrides');
  expect(json).toEqual({ other: 'OUT_OF_SERVICE' });
});

test('an auto-scaling group is refused with what to do instead', async () => {
  const registry = await startEureka();
  const { status, json } = await registry.eureka('/asg/orders-v1/status?value=DISABLED', 'PUT');
  expect([status, json.code]).toEqual([400, 'invalid_argument']);
  expect(json.detail).toContain('PUT /apps/{app}/{id}/status?value=OUT_OF_SERVICE');
});

test('without the option there is no Eureka', async () => {
  const registry = await startRegistry();
  expect((await registry.send('/eureka/apps')).status).toBe(404);
});

test.each([
  [{ namespace: 'Not A Label' }, 'namespace'],
  [{ settleMs: -1 }, 'settleMs'],
  [{ peers: ['ftp://secret@host'] }, 'peers'],
])('options %j make no sense', async (eureka, message) => {
  await expect(startRegistry({ eureka })).rejects.toThrow(message);
});

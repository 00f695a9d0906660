import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type FaultProxy, type NetworkFault } from '@inmesh/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLaboratory, type Laboratory, leaseMs, ttlMs } from './support/laboratory.ts';
import { startRegistryProcess } from './support/registry-process.ts';

let lab: Laboratory;
beforeAll(async () => {
  lab = await createLaboratory();
}, 180_000);
afterAll(() => lab?.close(), 60_000);

/** The process of one endpoint dies with what the test does: its ghost must go all the same. */
async function loseOne(): Promise<void> {
  await lab.kill(lab.alive[0] as string);
  await lab.addProvider();
}

function setAll(proxies: readonly FaultProxy[], fault: NetworkFault): void {
  for (const proxy of proxies) proxy.fault = fault;
}

test('kill -9 of a registry server under load', async () => {
  await lab.servers[0]?.kill();
  await loseOne();
  await eventually(() => lab.allSee(...lab.alive), 60_000);
  await lab.restart(0);
  await lab.check();
});

test('a server that was stopped for 30 s acts on nothing that it knew', async () => {
  lab.servers[1]?.pause();
  await loseOne();
  await sleep(30_000);
  lab.servers[1]?.resume();
  await lab.check();
});

test("the leader of etcd is killed, and a server's own process of the same time", async () => {
  const leader = await lab.etcd.leader();
  await leader.kill();
  await loseOne();
  await eventually(() => lab.allSee(...lab.alive), 60_000);
  await leader.restart();
  await lab.check();
});

test('without a majority of etcd for a minute reads and renewals go on, registrations wait, and changes of the configuration are refused', async () => {
  const from = performance.now();
  const lost = lab.etcd.members.slice(1);
  await Promise.all(lost.map((member) => member.kill()));
  await eventually(async () => (await lab.status(0)).cluster.store === 'away', 30_000);
  const before = lab.alive;
  await lab.kill(before[0] as string);
  const added = await lab.addProvider();
  await sleep(60_000);
  // Nothing was removed: who could tell a dead process from one that another server knows?
  for (const seen of lab.seen()) {
    expect([...seen]).toEqual(expect.arrayContaining([...before]));
    expect([...before, added]).toEqual(expect.arrayContaining([...seen]));
  }
  const answer = await fetch(`${lab.servers[0]?.url}/v1/resources/ServiceEntry/default/first`, {
    method: 'DELETE',
  });
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ code: 'store_unavailable' });
  const metrics = await (await fetch(`${lab.servers[0]?.url}/metrics`)).text();
  expect(metrics).toContain('inmesh_registry_store_available 0');
  expect((await fetch(`${lab.servers[0]?.url}/readyz`)).status).toBe(503);
  await Promise.all(lost.map((member) => member.restart()));
  await lab.etcd.ready();
  const to = performance.now();
  // At most five sessions' times while self-preservation holds.
  await lab.check({ from, to, removableFrom: to + 5 * ttlMs });
});

test.each<NetworkFault['kind']>(['cut', 'black-hole'])(
  'a server is separated from etcd (%s), and its clients are not',
  async (kind) => {
    setAll(lab.ways[2] ?? [], { kind } as NetworkFault);
    await loseOne();
    await eventually(() => lab.allSee(...lab.alive), 60_000);
    await sleep(ttlMs);
    setAll(lab.ways[2] ?? [], { kind: 'none' });
    await lab.check();
  },
);

test.each<NetworkFault['kind']>(['cut', 'black-hole'])(
  'clients are separated from a server (%s)',
  async (kind) => {
    setAll([lab.doors[0] as FaultProxy], { kind } as NetworkFault);
    await loseOne();
    await eventually(() => lab.allSee(...lab.alive), 60_000);
    await sleep(ttlMs);
    setAll([lab.doors[0] as FaultProxy], { kind: 'none' });
    await lab.check();
  },
);

test("servers' clocks are set an hour ahead and an hour back", async () => {
  lab.servers[0]?.jumpWall(3_600_000);
  lab.servers[1]?.jumpWall(-3_600_000);
  await loseOne();
  await sleep(ttlMs);
  await lab.check();
  for (const server of lab.servers) server.jumpWall(0);
  await sleep(ttlMs);
  await lab.check();
});

test('a second server of the same name is refused, and the first goes on', async () => {
  const second = startRegistryProcess({
    port: 0,
    sessionTtlMs: ttlMs,
    serverLeaseMs: leaseMs,
    name: 'server-0',
    etcd: lab.etcd.address,
  });
  await expect(second).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('give each a name of its own'),
  });
  await lab.check();
});

test('no acknowledged change of the configuration was lost or came out of order, and only a store that was away refused any', async () => {
  await lab.config.stop();
  await lab.check();
  const { tries, readings, refusals } = lab.config;
  expect(tries.filter(({ revision }) => revision !== undefined).length).toBeGreaterThan(100);
  expect(readings.length).toBeGreaterThan(100);
  expect([...refusals.keys()].filter((code) => code !== 'store_unavailable')).toEqual([]);
});

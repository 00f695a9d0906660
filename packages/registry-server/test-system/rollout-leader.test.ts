import { setTimeout as sleep } from 'node:timers/promises';
import { latencyBucket, type Rollout, type SessionOpened, type StoreChange } from '@inmesh/core';
import { createEtcdStore } from '@inmesh/registry-server';
import { eventually, startEtcd } from '@inmesh/testing';
import { afterEach, expect, test } from '@jest/globals';
import { type RegistryProcess, startRegistryProcess } from './support/registry-process.ts';

const sessionTtlMs = 4_000;
const serverLeaseMs = 2_000;
const steps = [20, 60, 100];

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const closer of closers.splice(0).reverse()) await closer();
});

async function send<T>(
  server: RegistryProcess,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const answer = await fetch(server.url + path, {
    method,
    signal: AbortSignal.timeout(10_000),
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

async function openSession(server: RegistryProcess): Promise<string> {
  const opening = { client: 'shop/1', service: 'shop.default' };
  const { session } = await send<SessionOpened>(server, 'POST', '/v1/sessions', opening);
  return session;
}

/** Calls to both versions, each second, until it is stopped; renews, too. */
function report(server: RegistryProcess, session: string): () => Promise<void> {
  let stopped = false;
  const edge = (peerVersion: string, calls: number): object => ({
    seenBy: 'source',
    peer: 'reviews.default',
    peerVersion,
    mutualTls: 0,
    seconds: [{ ago: 0, calls, errors: 0, latencies: [latencyBucket(10), calls] }],
  });
  const run = async (): Promise<void> => {
    for (let second = 0; !stopped; second += 1) {
      const edges = [edge('v1', 80), edge('v2', 60)];
      const told = { service: 'shop.default', version: 'v1', second, edges };
      // One that is killed is no fault.
      await send(server, 'PUT', `/v1/sessions/${session}`).catch(() => {});
      await send(server, 'POST', `/v1/sessions/${session}/reports`, told).catch(() => {});
      await sleep(1_000);
    }
  };
  const running = run();
  return () => {
    stopped = true;
    return running;
  };
}

function weightIn(change: StoreChange): number | undefined {
  if (change.kind !== 'put' || !change.entry.key.includes('VirtualService')) return undefined;
  const { spec } = JSON.parse(change.entry.value) as {
    spec: { http: { route: { destination: { subset: string }; weight: number }[] }[] };
  };
  return spec.http[0]?.route.find(({ destination }) => destination.subset === 'v2')?.weight;
}

test('the leader is killed in the middle of a rollout: the next one goes on, and sets each weight once', async () => {
  const etcd = await startEtcd();
  closers.push(() => etcd.close());
  const start = async (name: string): Promise<RegistryProcess> => {
    const settings = { port: 0, sessionTtlMs, serverLeaseMs, name, etcd: etcd.address };
    const server = await startRegistryProcess(settings);
    closers.push(() => server.kill());
    return server;
  };
  const leader = await start('one');
  const other = await start('two');
  const leads = async (server: RegistryProcess): Promise<boolean> =>
    (await send<{ cluster: { leading: boolean } }>(server, 'GET', '/v1/status')).cluster.leading;
  expect([await leads(leader), await leads(other)]).toEqual([true, false]);

  const store = createEtcdStore({ address: etcd.address });
  closers.push(() => store.close());
  const weights: number[] = [];
  store.watch('resources/', (await store.list('resources/')).revision, {
    lost: () => void weights.push(Number.NaN),
    changes(changes) {
      const set = changes.map(weightIn).filter((weight) => weight !== undefined);
      weights.push(...set);
    },
  });
  const session = await openSession(other);
  for (const version of ['v1', 'v2']) {
    await send(other, 'PUT', `/v1/sessions/${session}/registrations/reviews-${version}`, {
      service: 'reviews',
      address: '127.0.0.1',
      ports: [{ name: 'http', port: 9080 }],
      labels: { version },
    });
  }
  // All calls are reported to the server that does not lead: the leader judges by them all the same.
  closers.push(report(other, session));
  await eventually(async () => {
    const seen = await send<{ endpoints: unknown[] }>(
      leader,
      'GET',
      '/v1/services/default/reviews',
    ).catch(() => ({ endpoints: [] }));
    return seen.endpoints.length === 2;
  });

  await send(other, 'POST', '/v1/rollouts', {
    service: 'reviews',
    from: 'v1',
    to: 'v2',
    steps,
    stepMs: 5_000,
    maxStepMs: 60_000,
  });
  await eventually(() => weights.at(-1) === steps[1], 40_000);
  await leader.kill();
  await eventually(() => leads(other), 30_000);
  await eventually(() => weights.at(-1) === 100, 40_000);

  expect(weights).toEqual([0, ...steps]);
  const get = (): Promise<Rollout> => send<Rollout>(other, 'GET', '/v1/rollouts/default/reviews');
  await eventually(async () => (await get()).state.name === 'completed', 10_000);
  const rollout = await get();
  expect(rollout.verdicts.map(({ step, decision }) => [step, decision])).toEqual([
    [0, 'advance'],
    [1, 'complete'],
  ]);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@inmesh/client';
import { createRegistryClient, type RegistryClient } from '@inmesh/registry-client';
import {
  type EtcdCluster,
  eventually,
  type FaultProxy,
  startEtcd,
  startFaultProxy,
  startUpstream,
} from '@inmesh/testing';
import { expect } from '@jest/globals';
import { faultsInConfig } from './config-history.ts';
import { type ConfigLoad, startConfigLoad } from './config-load.ts';
import { faultsIn, type Life, type Sighting } from './list-history.ts';
import { type RegistryProcess, startRegistryProcess } from './registry-process.ts';

export const ttlMs = 4_000;
export const leaseMs = 2_000;
/** A removal is shown as draining for a second; and the machine may be busy. */
const slackMs = 4_000;
const serverCount = 3;
const callPauseMs = 20;

/** A process of a service, as far as the registry can tell: an upstream, and a client that reaches the registry by a way of its own. */
interface Provider {
  readonly life: Life;
  /** Nothing of it answers any more, and nobody is told. */
  die(): Promise<void>;
  close(): Promise<void>;
}

interface Caller {
  readonly history: Sighting[];
  calls: number;
  readonly failures: string[];
  close(): Promise<void>;
}

/**
 * Three registry servers over three members of etcd, all of them processes, with a proxy before
 * each server and one for each server's way to each member; services that register, and callers
 * that follow them and call all the time.
 */
export interface Laboratory {
  readonly etcd: EtcdCluster;
  readonly servers: RegistryProcess[];
  /** Between the clients and server i. */
  readonly doors: readonly FaultProxy[];
  /** Between server i and the members of etcd. */
  readonly ways: readonly (readonly FaultProxy[])[];
  readonly config: ConfigLoad;
  restart(i: number): Promise<void>;
  addProvider(): Promise<string>;
  /** The process of that endpoint dies. */
  kill(id: string): Promise<void>;
  /** Whether all callers see these endpoints up, and no others. */
  allSee(...ids: readonly string[]): boolean;
  /** The endpoints that each caller sees up. */
  seen(): ReadonlySet<string>[];
  readonly alive: readonly string[];
  status(i: number): Promise<Status>;
  /** Waits until everything agrees, then looks at the histories; begins new ones. */
  check(outage?: Outage): Promise<void>;
  close(): Promise<void>;
}

/** When servers could not tell each other anything. */
interface Outage {
  readonly from: number;
  /** What came during it is seen from here on. */
  readonly to: number;
  /** What died during it may be shown as if it had died here. */
  readonly removableFrom: number;
}

interface Status {
  readonly cluster: { store: string; member: boolean; servers: number; waiting: number };
}

export async function createLaboratory(): Promise<Laboratory> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return await furnish(closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function furnish(
  closers: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<Laboratory> {
  const etcd = await startEtcd({ members: 3 });
  closers.push(() => etcd.close());
  const ways = await Promise.all(
    Array.from({ length: serverCount }, () =>
      Promise.all(etcd.members.map(({ url }) => startFaultProxy(Number(new URL(url).port)))),
    ),
  );
  closers.push(() => Promise.all(ways.flat().map((proxy) => proxy.close())));
  const servers: RegistryProcess[] = [];
  const start = (i: number, port: number): Promise<RegistryProcess> => {
    const members = (ways[i] as FaultProxy[]).map((way) => `127.0.0.1:${way.port}`).join(',');
    return startRegistryProcess({
      port,
      sessionTtlMs: ttlMs,
      serverLeaseMs: leaseMs,
      name: `server-${i}`,
      etcd: `etcd://${members}`,
    });
  };
  closers.push(() => Promise.all(servers.map((server) => server.kill())));
  for (let i = 0; i < serverCount; i += 1) servers.push(await start(i, 0));
  const doors = await Promise.all(
    servers.map(({ url }) => startFaultProxy(Number(new URL(url).port))),
  );
  closers.push(() => Promise.all(doors.map((door) => door.close())));

  const client = (ports: readonly number[], name: string): RegistryClient =>
    createRegistryClient({
      servers: ports.map((port) => `http://127.0.0.1:${port}`),
      client: name,
      requestTimeoutMs: 1_500,
      reconnectInitialMs: 100,
      reconnectMaxMs: 500,
    });
  const providers = new Map<string, Provider>();
  const addProvider = async (): Promise<string> => {
    const upstream = await startUpstream();
    const own = await Promise.all(doors.map((door) => startFaultProxy(door.port)));
    const registry = client(
      own.map(({ port }) => port),
      `reviews/${upstream.port}`,
    );
    await registry.start();
    const { id } = await registry.register({
      service: 'reviews',
      address: '127.0.0.1',
      ports: [{ name: 'http', port: upstream.port }],
    });
    let until: number | undefined;
    const cut = (): Promise<unknown> => Promise.all(own.map((proxy) => proxy.close()));
    const life: Life = {
      id,
      from: performance.now(),
      get until() {
        return until;
      },
    };
    providers.set(id, {
      life,
      async die() {
        until = performance.now();
        await Promise.all([upstream.close(), cut()]);
      },
      async close() {
        await Promise.all([registry.close(), cut()]);
        await upstream.close();
      },
    });
    return id;
  };

  const callers = await Promise.all(
    ['orders/1', 'orders/2', 'orders/3'].map((name) =>
      startCaller(
        client(
          doors.map(({ port }) => port),
          name,
        ),
      ),
    ),
  );
  closers.push(() => Promise.all([...providers.values()].map((provider) => provider.close())));
  closers.push(() => Promise.all(callers.map((caller) => caller.close())));
  const config = startConfigLoad(() => servers.map(({ url }, i) => ({ name: `server-${i}`, url })));
  closers.push(() => config.stop());
  for (let i = 0; i < 6; i += 1) await addProvider();

  const lives = (): Life[] => [...providers.values()].map(({ life }) => life);
  const alive = (): string[] =>
    lives().flatMap(({ id, until }) => (until === undefined ? [id] : []));
  const seen = (): ReadonlySet<string>[] =>
    callers.map(({ history }) => history.at(-1)?.up ?? new Set());
  const allSee = (...ids: readonly string[]): boolean =>
    seen().every((up) => up.size === ids.length && ids.every((id) => up.has(id)));
  const status = async (i: number): Promise<Status> => {
    const answer = await fetch(`${servers[i]?.url}/v1/status`, {
      signal: AbortSignal.timeout(2_000),
    });
    return (await answer.json()) as Status;
  };
  const isWhole = async (): Promise<boolean> => {
    const all = await Promise.all(servers.map((_, i) => status(i).catch(() => undefined)));
    return all.every(
      (one) =>
        one?.cluster.member === true &&
        one.cluster.store === 'available' &&
        one.cluster.servers === serverCount &&
        one.cluster.waiting === 0,
    );
  };
  const lab: Laboratory = {
    etcd,
    servers,
    doors,
    ways,
    config,
    async restart(i) {
      const server = servers[i] as RegistryProcess;
      await server.kill();
      servers[i] = await start(i, Number(new URL(server.url).port));
    },
    addProvider,
    kill: (id) => (providers.get(id) as Provider).die(),
    allSee,
    seen,
    get alive() {
      return alive();
    },
    status,
    async check(outage) {
      await eventually(async () => (await isWhole()) && allSee(...alive()), 60_000);
      // Nothing failed only where something was tried.
      await eventually(() => callers.every(({ calls }) => calls > 0), 20_000);
      const end = performance.now();
      const bounds = { ghostMs: 2 * ttlMs + slackMs, missingMs: ttlMs };
      const excused = lives().map((life) => excuse(life, outage));
      const found = callers.map((caller) => [
        ...faultsIn(caller.history, excused, end, bounds),
        ...caller.failures.splice(0),
      ]);
      for (const caller of callers) {
        caller.history.splice(0, caller.history.length - 1);
        caller.calls = 0;
      }
      expect(found).toEqual(callers.map(() => []));
      const { acknowledged } = config;
      await eventually(async () => {
        const shown = await Promise.all(servers.map(({ url }) => config.revisionAt(url)));
        return shown.every((revision) => revision >= acknowledged);
      }, 20_000);
      expect(faultsInConfig(config.tries, config.readings)).toEqual([]);
      for (const [id, { life, close: closeProvider }] of providers) {
        if (life.until === undefined) continue;
        providers.delete(id);
        await closeProvider();
      }
    },
    close,
  };
  await eventually(() => allSee(...alive()), 60_000);
  return lab;
}

/** The life as it can be told: nothing was, during an outage. */
function excuse({ id, from, until }: Life, outage: Outage | undefined): Life {
  if (outage === undefined) return { id, from, until };
  const died = until !== undefined && until > outage.from;
  return {
    id,
    from: from > outage.from ? Math.max(from, outage.to) : from,
    until: died ? Math.max(until, outage.removableFrom) : until,
  };
}

/** Follows the service, and calls it without a pause that matters. */
async function startCaller(registry: RegistryClient): Promise<Caller> {
  await registry.start();
  const history: Sighting[] = [];
  const unfollow = registry.follow('reviews.default', ({ endpoints }) => {
    const up = endpoints.filter(({ status }) => status === 'up').map(({ id }) => id);
    history.push({ at: performance.now(), up: new Set(up) });
  });
  const client = createClient({ source: registry });
  const caller = { history, calls: 0, failures: [] as string[] };
  let stopped = false;
  const call = async (): Promise<void> => {
    await eventually(() => (history.at(-1)?.up.size ?? 0) > 0, 60_000);
    while (!stopped) {
      try {
        const { status } = await client.request('http://reviews/');
        if (status !== 200) caller.failures.push(`status ${status}`);
      } catch (error) {
        caller.failures.push(String(error));
      }
      caller.calls += 1;
      await sleep(callPauseMs);
    }
  };
  const calling = call();
  return Object.assign(caller, {
    async close() {
      stopped = true;
      await calling;
      unfollow();
      await client.close();
      await registry.close();
    },
  });
}

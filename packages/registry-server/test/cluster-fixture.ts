import { setImmediate as turn } from 'node:timers/promises';
import { type Endpoint, type Registration, silentLogger } from '@inmesh/core';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { type Cluster, createCluster } from '../src/cluster/cluster.ts';
import { declareEndpoint } from '../src/state/declare-endpoint.ts';
import { LeaseSweeper } from '../src/state/lease-sweeper.ts';
import { RegistryState } from '../src/state/registry-state.ts';
import { defaultSelfPreservation, SelfPreservation } from '../src/state/self-preservation.ts';
import type { Session } from '../src/state/session.ts';
import { reviews } from './registry-fixture.ts';
import {
  createSharedStoreDouble,
  type SharedStoreDouble,
  type StoreHandle,
} from './shared-store-double.ts';

export const ttlMs = 15_000;
export const leaseMs = 10_000;

/** A server without its doors: state, leases, and what it does with the others. */
export interface TestServer {
  readonly name: string;
  readonly state: RegistryState;
  readonly cluster: Cluster;
  readonly handle: StoreHandle;
  /** What was sent elsewhere, and told that nothing is missing any more. */
  readonly lapses: number;
  readonly recoveries: number;
  /** Sessions of clients that are alive here: they renew while time passes. */
  readonly alive: Set<Session>;
  open(client: string): Session;
  register(session: Session, id: string, registration?: Partial<Registration>): void;
  /** What look-ups say: ids and status. */
  seen(): Record<string, string>;
  /** As `kill -9`: nothing of it runs any more. */
  kill(): void;
}

export interface TestCluster {
  readonly clock: FakeClock;
  readonly shared: SharedStoreDouble;
  readonly servers: readonly TestServer[];
  start(name: string): Promise<TestServer>;
  /** Lets time pass; clients that are alive renew. */
  run(ms: number): Promise<void>;
  close(): Promise<void>;
}

export async function createTestCluster(...names: string[]): Promise<TestCluster> {
  const clock = createFakeClock(1_000_000);
  const shared = await createSharedStoreDouble(clock);
  const servers: TestServer[] = [];
  const cleanups: (() => Promise<void>)[] = [];

  /** Everything that needs no time happens. */
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i += 1) await turn();
  };
  const run = async (ms: number): Promise<void> => {
    await settle();
    for (let left = ms; left > 0; left -= 500) {
      for (const { state, alive } of servers) {
        for (const session of alive) if (!state.renew(session.token)) alive.delete(session);
      }
      clock.advance(Math.min(500, left));
      await settle();
    }
  };

  const start = async (name: string): Promise<TestServer> => {
    const own = stoppable(clock);
    const handle = shared.open();
    const state = new RegistryState({
      limits: {
        sessions: 10_000,
        sessionsPerIdentity: 10_000,
        registrationsPerSession: 1_000,
        endpointsPerService: 100_000,
      },
      removalHoldMs: 1_000,
      clock: own.clock,
      logger: silentLogger,
    });
    const counts = { lapses: 0, recoveries: 0 };
    const cluster = createCluster({
      name,
      leaseMs,
      sessionTtlMs: ttlMs,
      store: handle,
      state,
      onLapsed: () => {
        counts.lapses += 1;
      },
      onRecovered: () => {
        counts.recoveries += 1;
      },
      clock: own.clock,
      logger: silentLogger,
    });
    const sweeper = new LeaseSweeper({
      state,
      selfPreservation: new SelfPreservation(defaultSelfPreservation, ttlMs),
      ttlMs,
      mayExpire: () => cluster.mayExpire,
      expire: (session) => cluster.expire(session),
      clock: own.clock,
      logger: silentLogger,
      onExpired: () => {},
    });
    const alive = new Set<Session>();
    const server: TestServer = {
      name,
      state,
      cluster,
      handle,
      alive,
      get lapses() {
        return counts.lapses;
      },
      get recoveries() {
        return counts.recoveries;
      },
      open(client) {
        const session = state.openSession(client);
        alive.add(session);
        return session;
      },
      register(session, id, registration = {}) {
        state.register(session, declare(id, registration), registration.probe);
      },
      seen() {
        const seen: Record<string, string> = {};
        for (const { id, endpoint } of state.endpoints.all()) seen[id] = endpoint.status;
        return seen;
      },
      kill() {
        handle.cut = true;
        own.stop();
        alive.clear();
        servers.splice(servers.indexOf(server), 1);
      },
    };
    const joined = cluster.start();
    while (!(await isDone(joined))) await run(500);
    await joined;
    sweeper.start();
    servers.push(server);
    cleanups.push(async () => {
      sweeper.stop();
      await cluster.close();
    });
    return server;
  };
  for (const name of names) await start(name);
  await run(500);
  return {
    clock,
    shared,
    servers,
    start,
    run,
    async close() {
      for (const cleanup of cleanups) await cleanup();
      await shared.store.close();
    },
  };
}

function declare(id: string, registration: Partial<Registration> = {}): Endpoint {
  return declareEndpoint(id, { ...reviews, ...registration });
}

async function isDone(promise: Promise<unknown>): Promise<boolean> {
  const later = Promise.resolve('later');
  const first = await Promise.race([
    promise.then(
      () => 'done',
      () => 'done',
    ),
    turn().then(() => later),
  ]);
  return first === 'done';
}

/** The clock of one process: when it is killed, its timers are gone. */
function stoppable(clock: FakeClock): { clock: FakeClock; stop: () => void } {
  let stopped = false;
  return {
    clock: {
      ...clock,
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      setTimer: (callback, delayMs, options) =>
        clock.setTimer(() => stopped || callback(), delayMs, options),
    },
    stop() {
      stopped = true;
    },
  };
}

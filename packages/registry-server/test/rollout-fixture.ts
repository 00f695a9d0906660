import {
  latencyBucket,
  MeshError,
  type StartRollout,
  type Store,
  silentLogger,
} from '@inmesh/core';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { expect } from '@jest/globals';
import { alwaysLeading, type Leadership } from '../src/cluster/leadership.ts';
import { ConfigState } from '../src/config/config-state.ts';
import { type ConfigStore, createConfigStore } from '../src/config/config-store.ts';
import { RolloutStore } from '../src/rollout/rollout-store.ts';
import { RolloutWeights } from '../src/rollout/rollout-weights.ts';
import { Rollouts } from '../src/rollout/rollouts.ts';
import { SharedTallies } from '../src/rollout/shared-tallies.ts';
import { TallyBoard } from '../src/rollout/version-tallies.ts';
import { declareEndpoint } from '../src/state/declare-endpoint.ts';
import { RegistryState } from '../src/state/registry-state.ts';
import { createEmbeddedStore } from '../src/store/embedded-store.ts';
import { onEnd, reviews } from './registry-fixture.ts';

/** What rollouts need of a server, and nothing else. */
export interface RolloutServer {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly configState: ConfigState;
  readonly config: ConfigStore;
  readonly rollouts: Rollouts;
  readonly session: ReturnType<RegistryState['openSession']>;
  readonly state: RegistryState;
  /** Weight of v2 as the configuration has it. */
  weight(): number | undefined;
  /** Processes report calls to this server. */
  report(v2?: Traffic): void;
  /** Lets `seconds` pass with calls to both versions in each. */
  run(seconds: number, v2?: Traffic): Promise<void>;
  failNextCommit(): void;
}

interface Traffic {
  readonly errors?: number;
  readonly ms?: number;
  readonly calls?: number;
}

interface RolloutServerOptions {
  /** @default one of its own, in memory */
  readonly store?: Store;
  readonly clock?: FakeClock;
  readonly name?: string;
  readonly leadership?: Leadership;
}

export const plan: StartRollout = {
  service: 'reviews',
  from: 'v1',
  to: 'v2',
  steps: [10, 50, 100],
  stepMs: 10_000,
  maxStepMs: 30_000,
};

/** Closed after the test. */
export async function createRolloutServer(
  options: RolloutServerOptions = {},
): Promise<RolloutServer> {
  const { clock = createFakeClock(), name = 'one', leadership = alwaysLeading } = options;
  const kept = options.store ?? (await createEmbeddedStore({ dataDir: undefined }));
  let failing = false;
  const store: Store = {
    get: (key) => kept.get(key),
    list: (prefix) => kept.list(prefix),
    watch: (prefix, revision, watcher) => kept.watch(prefix, revision, watcher),
    close: () => kept.close(),
    async commit(writes) {
      if (!failing) return kept.commit(writes);
      failing = false;
      throw new MeshError('store_unavailable', 'store: away');
    },
  };
  const logger = silentLogger;
  const limits = {
    sessions: 10,
    sessionsPerIdentity: 10,
    registrationsPerSession: 10,
    endpointsPerService: 100_000,
    resources: 100,
    configBytes: 1e6,
  };
  const state = new RegistryState({ limits, removalHoldMs: 0, clock, logger });
  const session = state.openSession('test');
  for (const version of ['v1', 'v2']) {
    const declared = declareEndpoint(version, { ...reviews, labels: { version } });
    state.register(session, declared, undefined);
  }
  const configState = new ConfigState();
  const config = await createConfigStore({ store, state: configState, limits, clock, logger });
  const tallies = new TallyBoard();
  const rollouts = new Rollouts({
    store: await RolloutStore.open({ store, clock, logger }),
    weights: new RolloutWeights(configState, config),
    tallies,
    shared: await SharedTallies.open({ store, server: name, clock, logger }),
    leadership,
    state,
    clock,
    logger,
  });
  rollouts.start();
  onEnd(async () => {
    await rollouts.close();
    config.close();
    if (options.clock === undefined) expect(clock.pendingTimers).toBe(0);
  });
  const report = ({ errors = 0, ms = 10, calls = 50 }: Traffic = {}): void => {
    const service = 'reviews.default';
    tallies.count({ service, version: 'v1' }, 200, 0, [latencyBucket(10), 200]);
    tallies.count({ service, version: 'v2' }, calls, errors, [latencyBucket(ms), calls]);
  };
  return {
    clock,
    store,
    configState,
    config,
    rollouts,
    session,
    state,
    weight: () => weightOf(configState),
    report,
    async run(seconds, v2) {
      for (let i = 0; i < seconds; i += 1) {
        report(v2);
        await clock.advanceAsync(1_000);
        await settled(rollouts);
      }
    },
    failNextCommit() {
      failing = true;
    },
  };
}

/** Every piece of work under way is done: a command waits for its turn behind them. */
export async function settled(rollouts: Rollouts): Promise<void> {
  await rollouts.pause('nobody.default', 'test').catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
}

function weightOf({ resources }: ConfigState): number | undefined {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it freely
  const { spec } = (resources.get('VirtualService/default/reviews') ?? {}) as any;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  const routes: any[] = spec?.http[0].route ?? [];
  return routes.find(({ destination }) => destination.subset === 'v2')?.weight;
}

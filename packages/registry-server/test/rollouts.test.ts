import { latencyBucket, type StartRollout, type Store, silentLogger } from '@inmesh/core';
import { createFakeClock, type FakeClock } from '@inmesh/testing';
import { expect, test } from '@jest/globals';
import { ConfigState } from '../src/config/config-state.ts';
import { type ConfigStore, createConfigStore } from '../src/config/config-store.ts';
import { RolloutStore } from '../src/rollout/rollout-store.ts';
import { RolloutWeights } from '../src/rollout/rollout-weights.ts';
import { Rollouts } from '../src/rollout/rollouts.ts';
import { TallyBoard } from '../src/rollout/version-tallies.ts';
import { declareEndpoint } from '../src/state/declare-endpoint.ts';
import { RegistryState } from '../src/state/registry-state.ts';
import { createEmbeddedStore } from '../src/store/embedded-store.ts';
import { onEnd, reviews, startRegistry } from './registry-fixture.ts';

interface Setting {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly configState: ConfigState;
  readonly config: ConfigStore;
  readonly rollouts: Rollouts;
  /** Weight of v2 as the configuration has it. */
  weight(): number | undefined;
  /** Lets `seconds` pass with calls to both versions in each. */
  run(seconds: number, v2?: { errors?: number; ms?: number; calls?: number }): Promise<void>;
  readonly session: ReturnType<RegistryState['openSession']>;
  readonly state: RegistryState;
}

const plan: StartRollout = {
  service: 'reviews',
  from: 'v1',
  to: 'v2',
  steps: [10, 50, 100],
  stepMs: 10_000,
  maxStepMs: 30_000,
};

async function createSetting(store?: Store): Promise<Setting> {
  const clock = createFakeClock();
  const kept = store ?? (await createEmbeddedStore({ dataDir: undefined }));
  const logger = silentLogger;
  const limits = {
    sessions: 10,
    sessionsPerIdentity: 10,
    registrationsPerSession: 10,
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
  const config = await createConfigStore({
    store: kept,
    state: configState,
    limits,
    clock,
    logger,
  });
  const tallies = new TallyBoard();
  const rollouts = new Rollouts({
    store: await RolloutStore.open(kept, logger),
    weights: new RolloutWeights(configState, config),
    tallies,
    state,
    clock,
    logger,
  });
  rollouts.start();
  onEnd(async () => {
    await rollouts.close();
    config.close();
    expect(clock.pendingTimers).toBe(0);
  });
  return {
    clock,
    store: kept,
    configState,
    config,
    rollouts,
    session,
    state,
    weight: () => weightOf(configState),
    async run(seconds, { errors = 0, ms = 10, calls = 50 } = {}) {
      for (let i = 0; i < seconds; i += 1) {
        const service = 'reviews.default';
        tallies.count({ service, version: 'v1' }, 200, 0, [latencyBucket(10), 200]);
        tallies.count({ service, version: 'v2' }, calls, errors, [latencyBucket(ms), calls]);
        await clock.advanceAsync(1_000);
        await settled(rollouts);
      }
    },
  };
}

/** Every piece of work under way is done: a command waits for its turn behind them. */
async function settled(rollouts: Rollouts): Promise<void> {
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

test('a version that is no worse gets all traffic, step by step, and its verdicts stay readable', async () => {
  const { rollouts, run, weight } = await createSetting();
  await rollouts.begin(plan);
  expect(weight()).toBe(10);
  await run(9);
  expect(weight()).toBe(10);
  await run(3);
  expect(weight()).toBe(50);
  await run(12);
  expect(weight()).toBe(100);
  const { state, verdicts, share } = rollouts.get('reviews.default');
  expect([state, share]).toEqual([{ name: 'completed' }, 100]);
  expect(verdicts.map(({ step, decision }) => [step, decision])).toEqual([
    [0, 'advance'],
    [1, 'complete'],
  ]);
  expect(verdicts[0]?.reason).toMatch(/^no worse: 0.00 % errors against 0.00 %/);
});

test('a version with more errors is rolled back before its step is over', async () => {
  const { rollouts, run, weight } = await createSetting();
  await rollouts.begin(plan);
  await run(6, { errors: 10 });
  expect(weight()).toBe(0);
  const { state, verdicts } = rollouts.get('reviews.default');
  expect(state).toMatchObject({ name: 'rolled-back', step: 0, reason: /^worse: 20\.00 % errors/ });
  expect(verdicts.at(-1)).toMatchObject({ decision: 'roll-back', to: { calls: 150, errors: 30 } });
});

test('a slower version is rolled back, also in a later step', async () => {
  const { rollouts, run, weight } = await createSetting();
  await rollouts.begin(plan);
  await run(12);
  expect(weight()).toBe(50);
  await run(6, { ms: 40 });
  expect(rollouts.get('reviews.default').state).toMatchObject({ name: 'rolled-back', step: 1 });
  expect(weight()).toBe(0);
});

test('with too few calls a step holds, and goes on by itself once there are enough', async () => {
  const { rollouts, run, weight } = await createSetting();
  await rollouts.begin(plan);
  await run(33, { calls: 1 });
  expect(rollouts.get('reviews.default').state).toMatchObject({
    name: 'holding',
    reason: expect.stringMatching(/^too few calls/),
  });
  expect(weight()).toBe(10);
  await run(6);
  expect(weight()).toBe(50);
});

test('what may be worse holds', async () => {
  const { rollouts, run, weight } = await createSetting();
  await rollouts.begin({ ...plan, significance: 0.000001 });
  await run(1, { errors: 4 });
  await run(12);
  expect(rollouts.get('reviews.default').state).toMatchObject({
    name: 'holding',
    reason: expect.stringMatching(/^may be worse/),
  });
  expect(weight()).toBe(10);
});

test('a version whose last endpoint went is rolled back at once', async () => {
  const { rollouts, run, weight, state, session } = await createSetting();
  await rollouts.begin(plan);
  state.deregister(session, 'v2');
  await run(4);
  expect(rollouts.get('reviews.default').state).toMatchObject({
    name: 'rolled-back',
    reason: 'v2 has no endpoint that is up',
  });
  expect(weight()).toBe(0);
});

test('a hand edit pauses it and says so; resuming goes on from there', async () => {
  const { rollouts, run, weight, configState, config } = await createSetting();
  await rollouts.begin(plan);
  await setWeight(configState, config, 30);
  await run(2);
  expect(rollouts.get('reviews.default').state).toEqual({
    name: 'paused',
    step: 0,
    reason:
      'somebody else set v2 to 30 % in VirtualService/default/reviews, the rollout had set 10 %',
  });
  await run(20);
  expect(weight()).toBe(30);
  await rollouts.resume('reviews.default');
  await run(12);
  expect(weight()).toBe(50);
});

test('pausing leaves the weights, aborting takes them back, and neither is done twice', async () => {
  const { rollouts, run, weight } = await createSetting();
  await rollouts.begin(plan);
  expect((await rollouts.pause('reviews.default', 'operator alice')).state).toMatchObject({
    reason: 'paused by operator alice',
  });
  await run(20);
  expect(weight()).toBe(10);
  await expect(rollouts.begin(plan)).rejects.toMatchObject({ code: 'conflict' });
  await rollouts.abort('reviews.default', 'operator alice');
  expect(weight()).toBe(0);
  await expect(rollouts.abort('reviews.default', 'x')).rejects.toMatchObject({ code: 'conflict' });
  await expect(rollouts.resume('reviews.default')).rejects.toMatchObject({ code: 'conflict' });
  expect((await rollouts.begin(plan)).state).toEqual({ name: 'running', step: 0 });
});

test('a server that comes back goes on where it was, with evidence of its own', async () => {
  const before = await createSetting();
  await before.rollouts.begin(plan);
  await before.run(12);
  await before.rollouts.close();
  before.config.close();
  const after = await createSetting(before.store);
  expect(after.rollouts.get('reviews.default')).toMatchObject({
    state: { name: 'running', step: 1 },
    verdicts: [{ decision: 'advance' }],
  });
  await after.run(9);
  expect(after.weight()).toBe(50);
  await after.run(3);
  expect(after.weight()).toBe(100);
});

test('a server that died between writing down a move and making it is finished by the next', async () => {
  const before = await createSetting();
  await before.rollouts.begin(plan);
  await before.rollouts.close();
  const [stored] = (await before.store.list('rollouts/')).entries;
  const record = JSON.parse(stored?.value ?? '');
  const rolledBack = { name: 'rolled-back', step: 0, reason: 'worse' };
  const value = JSON.stringify({
    rollout: { ...record.rollout, share: 0, state: rolledBack },
    movingFrom: 10,
  });
  await before.store.commit([{ kind: 'put', key: stored?.key ?? '', value }]);
  before.config.close();
  const after = await createSetting(before.store);
  await settled(after.rollouts);
  expect(after.weight()).toBe(0);
  expect(after.rollouts.get('reviews.default').state).toEqual(rolledBack);
});

test('only the routes that split are moved: those that pick a version on purpose stay', async () => {
  const { rollouts, configState, config } = await createSetting();
  const to = (subset: string) => ({ destination: { host: 'reviews', subset } });
  const jason = { match: [{ headers: { 'end-user': { exact: 'jason' } } }], route: [to('v2')] };
  const resource = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'own', namespace: 'default' },
    spec: { hosts: ['reviews'], http: [jason, { timeout: '2s', route: [to('v1')] }] },
  };
  await config.apply({ resources: [resource] });
  expect((await rollouts.begin(plan)).resource).toBe('VirtualService/default/own');
  expect(configState.resources.get('VirtualService/default/own')?.spec).toEqual({
    hosts: ['reviews'],
    http: [
      jason,
      {
        timeout: '2s',
        route: [
          { ...to('v1'), weight: 90 },
          { ...to('v2'), weight: 10 },
        ],
      },
    ],
  });
});

test.each<[string, Partial<StartRollout>, string]>([
  ['a version without endpoints', { to: 'v9' }, 'conflict'],
  ['one version twice', { to: 'v1' }, 'invalid_argument'],
  ['steps that fall', { steps: [50, 10, 100] }, 'invalid_argument'],
  ['steps that do not end', { steps: [10, 50] }, 'invalid_argument'],
])('a rollout to %s is refused and changes nothing', async (_what, change, code) => {
  const { rollouts, configState } = await createSetting();
  await expect(rollouts.begin({ ...plan, ...change })).rejects.toMatchObject({ code });
  expect(configState.resources.size).toBe(0);
});

test('over the API: started, listed, paused and aborted', async () => {
  const registry = await startRegistry();
  const session = await registry.openSession();
  await registry.register(session, 'r2', { labels: { version: 'v2' } });
  const started = await registry.send('/v1/rollouts', { method: 'POST', body: plan });
  expect([started.status, started.json.state]).toEqual([201, { name: 'running', step: 0 }]);
  expect((await registry.send('/v1/rollouts')).json.rollouts).toHaveLength(1);
  const url = '/v1/rollouts/default/reviews';
  const paused = await registry.send(`${url}/pause`, { method: 'POST' });
  expect(paused.json.state.reason).toBe('paused by operator everybody');
  expect((await registry.send(`${url}/abort`, { method: 'POST' })).json.share).toBe(0);
  expect((await registry.send('/v1/rollouts/default/nobody')).status).toBe(404);
  const bad = await registry.send('/v1/rollouts', {
    method: 'POST',
    body: { ...plan, minCalls: 1 },
  });
  expect(bad.json.errors[0].path).toBe('/minCalls');
});

async function setWeight(state: ConfigState, config: ConfigStore, v2: number): Promise<void> {
  const resource = structuredClone(state.resources.get('VirtualService/default/reviews'));
  // biome-ignore lint/suspicious/noExplicitAny: see above
  const { route } = (resource as any).spec.http[0];
  route[0].weight = 100 - v2;
  route[1].weight = v2;
  await config.apply({ resources: [resource as never] });
}

import type { StartRollout } from '@inmesh/core';
import { expect, test } from '@jest/globals';
import type { ConfigState } from '../src/config/config-state.ts';
import type { ConfigStore } from '../src/config/config-store.ts';
import { startRegistry } from './registry-fixture.ts';
import { createRolloutServer, plan } from './rollout-fixture.ts';

test('a version that is no worse gets all traffic, step by step, and its verdicts stay readable', async () => {
  const { rollouts, run, weight } = await createRolloutServer();
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
  const { rollouts, run, weight } = await createRolloutServer();
  await rollouts.begin(plan);
  await run(6, { errors: 10 });
  expect(weight()).toBe(0);
  const { state, verdicts } = rollouts.get('reviews.default');
  expect(state).toMatchObject({ name: 'rolled-back', step: 0, reason: /^worse: 20\.00 % errors/ });
  expect(verdicts.at(-1)).toMatchObject({ decision: 'roll-back', to: { calls: 150, errors: 30 } });
});

test('a slower version is rolled back, also in a later step', async () => {
  const { rollouts, run, weight } = await createRolloutServer();
  await rollouts.begin(plan);
  await run(12);
  expect(weight()).toBe(50);
  await run(6, { ms: 40 });
  expect(rollouts.get('reviews.default').state).toMatchObject({ name: 'rolled-back', step: 1 });
  expect(weight()).toBe(0);
});

test('with too few calls a step holds, and goes on by itself once there are enough', async () => {
  const { rollouts, run, weight } = await createRolloutServer();
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
  const { rollouts, run, weight } = await createRolloutServer();
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
  const { rollouts, run, weight, state, session } = await createRolloutServer();
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
  const { rollouts, run, weight, configState, config } = await createRolloutServer();
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
  const { rollouts, run, weight } = await createRolloutServer();
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
  const before = await createRolloutServer();
  await before.rollouts.begin(plan);
  await before.run(12);
  await before.rollouts.close();
  before.config.close();
  const after = await createRolloutServer({ store: before.store });
  expect(after.rollouts.get('reviews.default')).toMatchObject({
    state: { name: 'running', step: 1 },
    verdicts: [{ decision: 'advance' }],
  });
  await after.run(9);
  expect(after.weight()).toBe(50);
  await after.run(3);
  expect(after.weight()).toBe(100);
});

test('weights and state are one commit: when it fails, neither has changed, and the next look tries again', async () => {
  const { rollouts, run, weight, store, failNextCommit } = await createRolloutServer();
  await rollouts.begin(plan);
  failNextCommit();
  await run(12);
  expect(weight()).toBe(10);
  const [stored] = (await store.list('rollouts/')).entries;
  expect(JSON.parse(stored?.value ?? '').rollout).toMatchObject({ share: 10, state: { step: 0 } });
  await run(3);
  expect(weight()).toBe(50);
  expect(rollouts.get('reviews.default').state).toEqual({ name: 'running', step: 1 });
});

test('only the routes that split are moved: those that pick a version on purpose stay', async () => {
  const { rollouts, configState, config } = await createRolloutServer();
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
  const { rollouts, configState } = await createRolloutServer();
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
